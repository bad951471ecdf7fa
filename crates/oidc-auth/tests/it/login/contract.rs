//! The laws of a layer.

use std::sync::Arc;

use gambeson_core::{GrpcStatus, ProblemJson};
use gambeson_oidc_auth::LoginLayer;
use gambeson_testing::contract::{self, Cases};
use http::{Method, Request};

use super::browser::{App, Browser, Scene};
use super::sessions::Remote;

/// Refused as GET, and as the POST that gRPC makes of it.
fn refused() -> Request<()> {
    Request::get("/logout").header("sec-fetch-site", "cross-site").body(()).unwrap()
}

#[tokio::test]
async fn the_layer_keeps_the_laws() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    let signed_in = move || browser.request(Method::GET, "/notes");
    let layer = app.0.clone();
    contract::check(move || layer.clone(), Cases::passing(signed_in).refusing(refused)).await;
    let layer = app.0.clone();
    contract::check(move || layer.clone(), Cases::passing(|| Request::get("/").body(()).unwrap())).await;
    contract::check(LoginLayer::off, Cases::passing(refused)).await;
}

#[tokio::test]
async fn the_layer_keeps_the_laws_while_it_waits_for_its_store() {
    let scene = Scene::new().await;
    let store = Arc::new(Remote::default());
    let app = App(LoginLayer::new(scene.builder().store(store).build().unwrap()));
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    let layer = app.0.clone();
    let cases = Cases::passing(move || browser.request(Method::GET, "/notes")).refusing(refused);
    contract::check(move || layer.clone(), cases).await;
}

#[tokio::test]
async fn the_layer_is_adoptable_by_axum_hyper_and_tonic() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    let notes = || browser.request(Method::GET, "/notes");
    let layer = app.0.respond_with(ProblemJson);
    for (request, status) in [(notes(), 200), (refused(), 405)] {
        let again = request.clone();
        assert_eq!(contract::adopt::axum(layer.clone(), request).await.status(), status);
        assert_eq!(contract::adopt::hyper(layer.clone(), again).await.unwrap().status(), status);
    }
    let login = || Request::get("/login").body(()).unwrap();
    assert_eq!(contract::adopt::axum(layer.clone(), login()).await.status(), 303);
    assert_eq!(contract::adopt::hyper(layer.clone(), login()).await.unwrap().status(), 303);
    let grpc = layer.respond_with(GrpcStatus);
    assert_eq!(contract::adopt::tonic(grpc.clone(), notes()).await.unwrap().body(), "adopted");
}
