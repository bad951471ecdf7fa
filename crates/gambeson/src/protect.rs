//! An app that is closed for further routes.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::future::RouteFuture;
use bytes::Bytes;
use gambeson_core::BoxError;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::Stack;

/// An axum app behind its [`Stack`], sealed: see [`Stack::protect`].
#[derive(Clone)]
pub struct Protected(Router);

impl Stack {
    /// Puts the stack around a router and seals it.
    ///
    /// What comes out is a service and no router any more: a route that would go around the stack can't be added behind
    /// its back, as it can after [`Router::layer`].
    ///
    /// ```compile_fail
    /// # fn open_the_back_door(app: gambeson::Protected) -> gambeson::Protected {
    /// app.route("/back-door", axum::routing::get(async || "come in"))
    /// # }
    /// ```
    pub fn protect(&self, app: Router) -> Protected {
        Protected(app.layer(self.clone()))
    }
}

impl<B> Service<Request<B>> for Protected
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<B>>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        ResponseFuture { answer: self.0.call(request) }
    }
}

impl fmt::Debug for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protected").finish_non_exhaustive()
    }
}

pin_project! {
    /// The answer of a [`Protected`] app, on its way.
    pub struct ResponseFuture {
        #[pin]
        answer: RouteFuture<Infallible>,
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().answer.poll(context)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
