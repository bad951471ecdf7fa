//! The app as one connection sees it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::{Readiness, ReadinessState};
use http::header::{CONNECTION, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::activity::{Activity, InFlight};
use super::body::FlyingBody;
use super::incoming::IncomingBody;
use super::line::Line;
use super::rests::Left;
use crate::Connection;

/// Tells each request which connection it came in on, and counts it while it is in flight.
#[derive(Debug, Clone)]
pub(super) struct OnConnection<S> {
    pub(super) inner: S,
    pub(super) connection: Connection,
    pub(super) activity: Arc<Activity>,
    pub(super) line: Arc<Line>,
    pub(super) readiness: Readiness,
    pub(super) left: Left,
}

impl<S, ResBody> Service<Request<Incoming>> for OnConnection<S>
where
    S: Service<Request<IncomingBody>, Response = Response<ResBody>>,
{
    type Response = Response<FlyingBody<ResBody>>;
    type Error = S::Error;
    type Future = Flying<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.connection.clone());
        let http_2 = request.version() == Version::HTTP_2;
        let mut guard = self.activity.start(http_2);
        let (head, body) = request.into_parts();
        let body = IncomingBody::new(body, &head, || guard.body(), &self.left);
        let flight = Flight {
            guard,
            line: Arc::clone(&self.line),
            readiness: self.readiness.clone(),
            http_2,
            connect: head.method == Method::CONNECT,
        };
        let request = Request::from_parts(head, body);
        Flying { inner: self.inner.call(request), flight: Some(flight) }
    }
}

/// What has to be known of a request when its answer comes.
struct Flight {
    guard: InFlight,
    line: Arc<Line>,
    readiness: Readiness,
    http_2: bool,
    connect: bool,
}

impl Flight {
    fn land<B>(self, mut response: Response<B>) -> Response<FlyingBody<B>> {
        let status = response.status();
        let upgrades = status == StatusCode::SWITCHING_PROTOCOLS || self.connect && status.is_success();
        if upgrades && !self.http_2 {
            self.line.upgrade();
        } else if !self.http_2 && self.readiness.state() == ReadinessState::Draining {
            // The client is to come back over a connection that lasts (RFC 9112 §9.6); HTTP/2 has GOAWAY for that.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| FlyingBody::new(body, self.guard, self.http_2))
    }
}

pin_project! {
    pub(super) struct Flying<F> {
        #[pin]
        inner: F,
        flight: Option<Flight>,
    }
}

impl<F, B, E> Future for Flying<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<FlyingBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        match this.flight.take() {
            Some(flight) => Poll::Ready(Ok(flight.land(response))),
            None => Poll::Pending,
        }
    }
}
