//! Under `axum::Router::layer`.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::{Route, any};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt};

use crate::contract::TestBody;

/// Puts the layer on a router with the routes `/` and `/{*path}`, and sends `request` to it.
pub async fn axum<L, B: Into<TestBody>>(layer: L, request: Request<B>) -> Response<Bytes>
where
    L: Layer<Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request<Body>> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request<Body>>>::Response: IntoResponse + 'static,
    <L::Service as Service<Request<Body>>>::Error: Into<Infallible> + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send + 'static,
{
    let adopted = || async { "adopted" };
    let router = Router::new().route("/", any(adopted)).route("/{*path}", any(adopted)).layer(layer);
    let answer = router.oneshot(request.map(|body| Body::new(body.into()))).await;
    let (parts, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
    let whole = body.collect().await.map(http_body_util::Collected::to_bytes);
    Response::from_parts(parts, whole.expect("the bodies of this router are in memory"))
}
