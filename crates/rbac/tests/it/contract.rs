//! The laws of a layer.

use std::sync::Arc;

use gambeson_rbac::AuthorizeLayer;
use gambeson_testing::contract::{self, Cases};
use http::{Method, Request};

use crate::layer::layer;
use crate::support::{POLICY, Sink, request};

fn cases(method: Method, path: &'static str) -> Cases {
    let ask = move |role: &'static str| {
        let method = method.clone();
        move || -> Request<()> { request(method.clone(), path, Some(role)).map(|_| ()) }
    };
    Cases::passing(ask("admin")).refusing(ask("stranger"))
}

#[tokio::test]
async fn the_layer_keeps_the_laws() {
    let layer = layer(POLICY).audit(Arc::new(Sink::default()));
    contract::check(move || layer.clone(), cases(Method::GET, "/notes")).await;
}

#[tokio::test]
async fn the_layer_keeps_the_laws_while_it_waits_for_the_record() {
    let layer = layer(POLICY).audit(Arc::new(Sink::default()));
    contract::check(move || layer.clone(), cases(Method::DELETE, "/notes/1")).await;
}

#[tokio::test]
async fn a_layer_that_is_off_keeps_the_laws() {
    contract::check(AuthorizeLayer::off, Cases::passing(|| Request::get("/notes").body(()).unwrap())).await;
}
