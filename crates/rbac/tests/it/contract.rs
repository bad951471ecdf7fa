//! The laws of a layer.

use std::sync::Arc;

use gambeson_core::{Authentication, Challenges, GrpcStatus, RequestHead};
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

/// Public, so that the layer needs nobody: extensions don't travel through tonic.
fn adopted_routes() -> AuthorizeLayer {
    layer(
        "version = 1\n[routes]\n\"GET /\" = { public = \"test\" }\n\
         \"POST /gambeson.Contract/Adopted\" = { public = \"test\" }",
    )
    .authentication_from(|_: &RequestHead<'_>| Some(Authentication::Anonymous(Challenges::none())))
}

#[tokio::test]
async fn the_layer_is_adoptable_by_axum_hyper_and_tonic() {
    let get = |path| Request::get(path).body(()).unwrap();
    for (path, status) in [("/", 200), ("/other", 401)] {
        assert_eq!(contract::adopt::axum(adopted_routes(), get(path)).await.status(), status);
        assert_eq!(contract::adopt::hyper(adopted_routes(), get(path)).await.unwrap().status(), status);
    }
    let granted = contract::adopt::tonic(adopted_routes().respond_with(GrpcStatus), get("/")).await.unwrap();
    assert_eq!(granted.body(), "adopted");
    let closed = layer("version = 1").respond_with(GrpcStatus);
    let refused = contract::adopt::tonic(closed, get("/")).await.unwrap();
    assert_eq!(refused.headers()["grpc-message"], "layer-order");
}
