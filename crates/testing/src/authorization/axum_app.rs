//! The application as axum's services are: their bodies, and no errors.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::Body;
use gambeson_core::BoxFuture;
use http::{Request, Response, StatusCode};
use tower::Service;

use super::App;

/// [`App`] with axum's body types and without errors, for layers that were written for axum only.
///
/// An error of what is behind is answered with 503, as an axum app has to do it.
#[derive(Debug, Clone)]
pub struct AxumApp(App);

impl AxumApp {
    pub(super) fn new(app: App) -> Self {
        Self(app)
    }
}

fn unavailable() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

impl Service<Request<Body>> for AxumApp {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.0, cx).map(|_| Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(
            async move { Ok(answer.await.map_or_else(|_| unavailable(), |answer| answer.map(Body::new))) },
        )
    }
}
