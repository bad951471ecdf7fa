//! Calling a service without a runtime, to the end of its answer's body.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{Empty, Full};
use tower::Service;

use crate::Run;

/// The body of every request here.
pub type NoBody = Empty<Bytes>;

/// The answer of every app here.
pub type Answer = Response<Full<Bytes>>;

/// The app: what a small handler answers, with the two headers that it would have.
#[derive(Debug, Clone, Copy)]
pub struct App;

impl<B> Service<Request<B>> for App {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        std::hint::black_box(&request);
        ready(Ok(hello()))
    }
}

/// A small page.
#[must_use]
pub fn hello() -> Answer {
    const PAGE: &str = "<!doctype html><title>notes</title><p>hello";
    let answer = Response::builder()
        .header(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/html; charset=utf-8"))
        .header(http::header::CONTENT_LENGTH, http::HeaderValue::from_static("43"))
        .body(Full::new(Bytes::from_static(PAGE.as_bytes())));
    answer.expect("it has no wrong part")
}

/// Polls a future that waits for nothing.
///
/// # Panics
/// When it waits all the same.
pub fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    let ready = (0..1_000).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    });
    ready.expect("a warm call waits for nothing")
}

/// One request through the service; its body is read to the end.
///
/// # Panics
/// When the service fails.
pub fn call<S, ReqBody, ResBody>(service: &mut S, request: Request<ReqBody>) -> StatusCode
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Error: fmt::Debug,
    ResBody: Body,
{
    let mut context = Context::from_waker(Waker::noop());
    while service.poll_ready(&mut context).is_pending() {}
    let answer = now(service.call(request)).expect("the service answers");
    let status = answer.status();
    let mut body = pin!(answer.into_body());
    while let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut context) {
        std::hint::black_box(frame.is_data());
    }
    status
}

/// Requests made by `request` through the service, each answered with this status.
///
/// # Panics
/// When the first answer has another status: then the case does not measure what it says.
pub fn requests<S, ReqBody, ResBody>(
    mut service: S,
    mut request: impl FnMut() -> Request<ReqBody> + 'static,
    status: StatusCode,
) -> Run
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + 'static,
    S::Error: fmt::Debug,
    ResBody: Body + 'static,
    ReqBody: 'static,
{
    assert_eq!(call(&mut service, request()), status, "the case answers what it says");
    Box::new(move || {
        std::hint::black_box(call(&mut service, request()));
    })
}
