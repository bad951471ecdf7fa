//! The collector as a service.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use gambeson_core::{MatchedRoute, RequestFacts, RequestHead};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::collector::Reports;
use crate::hosts::host_of;
use crate::report_post::ReportFormat;

/// Answers browsers' reports; made by [`Reports::service`].
///
/// | answer | when |
/// |---|---|
/// | 204 | read, whatever it was |
/// | 400 | the body broke off |
/// | 405, `Allow: POST` | another method |
/// | 413 | the body is larger than [`ReportsConfig::body`](crate::ReportsConfig::body) |
/// | 415 | neither `application/csp-report` nor `application/reports+json` |
pub struct Collect<B> {
    reports: Reports,
    body: PhantomData<fn() -> B>,
}

impl<B> Collect<B> {
    pub(super) fn new(reports: Reports) -> Self {
        Self { reports, body: PhantomData }
    }
}

impl<B> Clone for Collect<B> {
    fn clone(&self) -> Self {
        Self::new(self.reports.clone())
    }
}

impl<B> fmt::Debug for Collect<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collect").field(&self.reports).finish()
    }
}

impl<ReqBody: Body, B: Default> Service<Request<ReqBody>> for Collect<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = CollectFuture<ReqBody, B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let facts = RequestFacts::ensure(&mut request);
        facts.set_route(MatchedRoute::new(self.reports.shared().path.to_string()));
        let state = match self.expect(&request) {
            Err(status) => State::Answer { status },
            Ok(_) if !self.reports.is_open() => State::Answer { status: StatusCode::NO_CONTENT },
            Ok(format) => {
                let host = host(&RequestHead::from(&request), &facts);
                State::Reading { body: request.into_body(), read: Vec::new(), format, host }
            }
        };
        CollectFuture { state, reports: self.reports.clone(), answer: PhantomData }
    }
}

impl<B> Collect<B> {
    /// The format in which to read the body.
    fn expect<ReqBody: Body>(&self, request: &Request<ReqBody>) -> Result<ReportFormat, StatusCode> {
        if *request.method() != Method::POST {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        let format = ReportFormat::of(request.headers()).ok_or(StatusCode::UNSUPPORTED_MEDIA_TYPE)?;
        let most = u64::try_from(self.reports.shared().body).unwrap_or(u64::MAX);
        if request.body().size_hint().lower() > most {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        Ok(format)
    }
}

/// The host to which the report was sent.
fn host(head: &RequestHead<'_>, facts: &RequestFacts) -> Option<Box<str>> {
    match facts.peer() {
        Some(peer) => peer.host.as_deref().map(Box::from),
        None => host_of(head).map(|host| host.into_text()),
    }
}

pin_project! {
    /// The answer of a [`Collect`].
    pub struct CollectFuture<ReqBody, B> {
        #[pin]
        state: State<ReqBody>,
        reports: Reports,
        answer: PhantomData<fn() -> B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<ReqBody> {
        Reading { #[pin] body: ReqBody, read: Vec<u8>, format: ReportFormat, host: Option<Box<str>> },
        Answer { status: StatusCode },
    }
}

/// Reads on to the end of the body, or to where it is too much.
fn poll_body<B: Body>(
    mut body: Pin<&mut B>,
    read: &mut Vec<u8>,
    most: usize,
    cx: &mut Context<'_>,
) -> Poll<Result<(), StatusCode>> {
    loop {
        match ready!(body.as_mut().poll_frame(cx)) {
            None => return Poll::Ready(Ok(())),
            Some(Err(_)) => return Poll::Ready(Err(StatusCode::BAD_REQUEST)),
            Some(Ok(frame)) => {
                let Ok(mut data) = frame.into_data() else { continue };
                if data.remaining() > most.saturating_sub(read.len()) {
                    return Poll::Ready(Err(StatusCode::PAYLOAD_TOO_LARGE));
                }
                while data.has_remaining() {
                    let chunk = data.chunk();
                    let length = chunk.len();
                    read.extend_from_slice(chunk);
                    data.advance(length);
                }
            }
        }
    }
}

impl<ReqBody: Body, B: Default> Future for CollectFuture<ReqBody, B> {
    type Output = Result<Response<B>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let status = match this.state.project() {
            StateProjection::Answer { status } => *status,
            StateProjection::Reading { body, read, format, host } => {
                match ready!(poll_body(body, read, this.reports.shared().body, cx)) {
                    Ok(()) => {
                        this.reports.take(*format, read, host.as_deref());
                        StatusCode::NO_CONTENT
                    }
                    Err(status) => status,
                }
            }
        };
        Poll::Ready(Ok(answer(status)))
    }
}

/// A status and nothing else: whoever asks learns nothing.
fn answer<B: Default>(status: StatusCode) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

impl<ReqBody, B> fmt::Debug for CollectFuture<ReqBody, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectFuture").finish_non_exhaustive()
    }
}
