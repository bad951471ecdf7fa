//! Calling a service without a runtime, to the end of its answer's body.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use gambeson_core::RequestFacts;
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
        black_box(&request);
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
        black_box(frame.is_data());
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
        black_box(call(&mut service, request()));
    })
}

/// An app that hands the request back to the caller, so that what a layer costs is not lost in what a request costs.
#[derive(Debug, Clone, Default)]
pub struct Recycle(Rc<RefCell<Option<Request<NoBody>>>>);

impl Recycle {
    fn take(&self) -> Option<Request<NoBody>> {
        self.0.borrow_mut().take()
    }
}

impl Service<Request<NoBody>> for Recycle {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<NoBody>) -> Self::Future {
        self.0.borrow_mut().replace(request);
        ready(Ok(Response::new(Full::default())))
    }
}

/// As [`requests`], with these requests by turns, each used again and again. Facts that were there
/// stay, as if an outer layer had put them in; facts that the layer puts in are taken out again.
pub fn recycled<S, ResBody>(
    layer: impl FnOnce(Recycle) -> S,
    requests: Vec<Request<NoBody>>,
    status: StatusCode,
) -> Run
where
    S: Service<Request<NoBody>, Response = Response<ResBody>> + 'static,
    S::Error: fmt::Debug,
    ResBody: Body + 'static,
{
    let app = Recycle::default();
    let mut service = layer(app.clone());
    let mut requests: VecDeque<_> = requests.into();
    let keep = requests.front().is_some_and(|request| RequestFacts::of(request.extensions()).is_some());
    let mut turn = move || {
        let request = requests.pop_front().expect("there are requests");
        let status = call(&mut service, request);
        let mut request = app.take().expect("the request reached the app");
        if !keep {
            request.extensions_mut().clear();
        }
        requests.push_back(request);
        status
    };
    assert_eq!(turn(), status, "the case answers what it says");
    Box::new(move || {
        black_box(turn());
    })
}

/// As [`requests`], for refusals beside a bare [`recycled`]: the request does not come back, so that one is cloned.
pub fn recycling<S, ResBody>(
    mut service: S,
    request: impl Fn() -> Request<NoBody> + 'static,
    status: StatusCode,
) -> Run
where
    S: Service<Request<NoBody>, Response = Response<ResBody>> + 'static,
    S::Error: fmt::Debug,
    ResBody: Body + 'static,
{
    let request = request();
    assert_eq!(call(&mut service, request.clone()), status, "the case answers what it says");
    Box::new(move || {
        black_box(call(&mut service, request.clone()));
    })
}
