//! A layer as the house builds them is adoptable by each framework.

use gambeson_core::{GrpcStatus, ProblemJson};
use gambeson_testing::contract::adopt;
use http::Request;

use super::guard::GuardLayer;

fn allowed() -> Request<()> {
    Request::post("/notes").header("x-key", "1").body(()).unwrap()
}

fn refused() -> Request<()> {
    Request::post("/notes").body(()).unwrap()
}

#[tokio::test]
async fn axum_adopts_it() {
    let layer = GuardLayer::with(ProblemJson);
    assert_eq!(adopt::axum(layer.clone(), allowed()).await.body(), "adopted");
    assert_eq!(adopt::axum(layer, refused()).await.status(), 401);
}

#[tokio::test]
async fn hyper_adopts_it() {
    let layer = GuardLayer::with(ProblemJson);
    assert_eq!(adopt::hyper(layer.clone(), allowed()).await.unwrap().body(), "adopted");
    assert_eq!(adopt::hyper(layer, refused()).await.unwrap().status(), 401);
}

#[tokio::test]
async fn tonic_adopts_it() {
    let layer = GuardLayer::with(GrpcStatus);
    assert_eq!(adopt::tonic(layer.clone(), allowed()).await.unwrap().body(), "adopted");
    assert_eq!(adopt::tonic(layer, refused()).await.unwrap().headers()["grpc-status"], "16");
}
