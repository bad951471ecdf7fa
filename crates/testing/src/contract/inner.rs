//! The instrumented service that probes put behind a layer.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, Uri, Version};
use http_body::Body;
use pin_project_lite::pin_project;
use tower::Service;

use super::body::{Alive, TestBody};

/// What [`Inner`] fails with, where it was told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InnerError {
    /// In `poll_ready`.
    Readiness,
    /// In the response future.
    Call,
    /// In the middle of a [`TestBody`].
    Body,
}

impl fmt::Display for InnerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Readiness => "inner service failed in poll_ready",
            Self::Call => "inner service failed in its future",
            Self::Body => "inner body broke off",
        })
    }
}

impl std::error::Error for InnerError {}

/// One request as [`Inner`] saw it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// The request target.
    pub uri: Uri,
    /// The version of HTTP.
    pub version: Version,
    /// The header fields.
    pub headers: HeaderMap,
    /// What layers left in the request.
    pub extensions: Extensions,
    /// The body as far as it was read; all of it once the answer is there.
    pub body: Bytes,
    /// Whether the request's body broke off.
    pub body_failed: bool,
}

/// A service that counts, remembers and misbehaves on demand. Clones share their counts, but never their readiness.
///
/// It counts in `call` already, as services do that start work there, and notes each call on an instance that
/// was not polled ready. It reads the whole request body before it answers.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// use gambeson_testing::contract::{Inner, TestBody};
/// use tower::ServiceExt;
///
/// let inner = Inner::new();
/// let request = http::Request::post("/notes").body(TestBody::from("hello")).unwrap();
/// let response = inner.clone().oneshot(request).await.unwrap();
///
/// assert_eq!(response.status(), 200);
/// assert_eq!(inner.calls(), 1);
/// assert_eq!(inner.seen()[0].body, "hello");
/// # });
/// ```
pub struct Inner {
    shared: Arc<Shared>,
    ready: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    futures: Arc<AtomicUsize>,
    bodies: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    unready: bool,
    readiness_fails: bool,
    permits: Option<usize>,
    behaviour: Behaviour,
    yields: usize,
    held: bool,
    answer: Option<Answer>,
    wakers: Vec<Waker>,
    calls: usize,
    unreadied_calls: usize,
    clones: usize,
    seen: Vec<Seen>,
}

type Answer = Arc<dyn Fn() -> Response<TestBody> + Send + Sync>;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Behaviour {
    #[default]
    Answer,
    Fail,
    PanicInCall,
    PanicInFuture,
}

impl Default for Inner {
    fn default() -> Self {
        Self::new()
    }
}

/// How it behaves.
impl Inner {
    /// Always ready, and answers 200 with two data frames, a trailer, and header fields of which some have two lines.
    #[must_use]
    pub fn new() -> Self {
        Self { shared: Arc::default(), ready: false }
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state());
        self
    }

    /// Answers with what `answer` makes.
    #[must_use]
    pub fn answering(self, answer: impl Fn() -> Response<TestBody> + Send + Sync + 'static) -> Self {
        self.with(|state| state.answer = Some(Arc::new(answer)))
    }

    /// Says [`Poll::Pending`] to `poll_ready` until [`Inner::make_ready`].
    #[must_use]
    pub fn unready(self) -> Self {
        self.with(|state| state.unready = true)
    }

    /// Fails in `poll_ready` with [`InnerError::Readiness`].
    #[must_use]
    pub fn failing_readiness(self) -> Self {
        self.with(|state| state.readiness_fails = true)
    }

    /// Lets `count` calls run at a time, as a concurrency limit does: `poll_ready` takes a permit, which goes
    /// back when the response future ends or is dropped, or when the readied instance is.
    #[must_use]
    pub fn permits(self, count: usize) -> Self {
        self.with(|state| state.permits = Some(count))
    }

    /// The response future is pending `times` times, each time waking itself, before it goes on.
    #[must_use]
    pub fn yielding(self, times: usize) -> Self {
        self.with(|state| state.yields = times)
    }

    /// The response future is pending until [`Inner::release`].
    #[must_use]
    pub fn holding(self) -> Self {
        self.with(|state| state.held = true)
    }

    /// The response future fails with [`InnerError::Call`].
    #[must_use]
    pub fn failing(self) -> Self {
        self.with(|state| state.behaviour = Behaviour::Fail)
    }

    /// `call` panics.
    #[must_use]
    pub fn panicking_in_call(self) -> Self {
        self.with(|state| state.behaviour = Behaviour::PanicInCall)
    }

    /// The response future panics.
    #[must_use]
    pub fn panicking_in_future(self) -> Self {
        self.with(|state| state.behaviour = Behaviour::PanicInFuture)
    }

    /// Ends [`Inner::unready`] and wakes who waits.
    pub fn make_ready(&self) {
        self.change_and_wake(|state| state.unready = false);
    }

    /// Ends [`Inner::holding`] and wakes who waits.
    pub fn release(&self) {
        self.change_and_wake(|state| state.held = false);
    }

    fn change_and_wake(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// What it saw.
impl Inner {
    /// How often it was called.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// How often it was called on an instance that had not been polled ready.
    #[must_use]
    pub fn unreadied_calls(&self) -> usize {
        self.state().unreadied_calls
    }

    /// How often it was cloned.
    #[must_use]
    pub fn clones(&self) -> usize {
        self.state().clones
    }

    /// The requests, in the order of their calls.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Response futures that were made and neither ended nor were dropped.
    #[must_use]
    pub fn futures_alive(&self) -> usize {
        self.shared.futures.load(Ordering::SeqCst)
    }

    /// Bodies of answers that were made and not dropped.
    #[must_use]
    pub fn bodies_alive(&self) -> usize {
        self.shared.bodies.load(Ordering::SeqCst)
    }

    /// Permits left of [`Inner::permits`].
    #[must_use]
    pub fn free_permits(&self) -> usize {
        self.state().permits.unwrap_or(usize::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self) {
        let mut state = self.lock();
        if let Some(permits) = &mut state.permits {
            *permits += 1;
        }
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn response(&self) -> Response<TestBody> {
        let answer = self.lock().answer.clone();
        answer.map_or_else(usual_answer, |answer| answer()).map(|body| body.counted(&self.bodies))
    }
}

/// Header fields of the usual answer of [`Inner`]. Two lines of one name are what `insert` in place of `append` loses.
pub(crate) const INNER_FIELDS: [(&str, &str); 6] = [
    ("x-inner", "yes"),
    ("x-inner", "again"),
    ("content-type", "text/plain"),
    ("vary", "x-inner-key"),
    ("set-cookie", "inner-one=1"),
    ("set-cookie", "inner-two=2"),
];

fn usual_answer() -> Response<TestBody> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-inner-trailer", HeaderValue::from_static("yes"));
    let body = TestBody::empty().data("inner ").data("service").trailers(trailers);
    let mut response = Response::new(body);
    for (name, value) in INNER_FIELDS {
        response.headers_mut().append(name, HeaderValue::from_static(value));
    }
    response.extensions_mut().insert(InnerMark);
    response
}

/// What the usual answer of [`Inner`] carries in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InnerMark;

impl Clone for Inner {
    /// Counts the clone, which has to be polled ready by itself.
    fn clone(&self) -> Self {
        self.state().clones += 1;
        Self { shared: Arc::clone(&self.shared), ready: false }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.ready {
            self.shared.give_back();
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Inner")
            .field("ready", &self.ready)
            .field("calls", &state.calls)
            .field("unreadied_calls", &state.unreadied_calls)
            .finish_non_exhaustive()
    }
}

impl<B: Body> Service<Request<B>> for Inner {
    type Response = Response<TestBody>;
    type Error = InnerError;
    type Future = InnerFuture<B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), InnerError>> {
        if self.ready {
            return Poll::Ready(Ok(()));
        }
        let mut state = self.shared.lock();
        if state.readiness_fails {
            return Poll::Ready(Err(InnerError::Readiness));
        }
        if state.unready || state.permits == Some(0) {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(permits) = &mut state.permits {
            *permits -= 1;
        }
        drop(state);
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> InnerFuture<B> {
        let readied = std::mem::take(&mut self.ready);
        let permit = readied.then(|| Permit(Arc::clone(&self.shared)));
        let (parts, body) = request.into_parts();
        let mut state = self.state();
        state.calls += 1;
        state.unreadied_calls += usize::from(!readied);
        let index = state.seen.len();
        state.seen.push(Seen {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers,
            extensions: parts.extensions,
            body: Bytes::new(),
            body_failed: false,
        });
        let (behaviour, yields) = (state.behaviour, state.yields);
        drop(state);
        assert!(behaviour != Behaviour::PanicInCall, "inner service panics in call, as it was told");
        InnerFuture {
            alive: Some(Alive::new(&self.shared.futures)),
            shared: Arc::clone(&self.shared),
            permit,
            body,
            whole: false,
            read: BytesMut::new(),
            index,
            yields,
            behaviour,
        }
    }
}

struct Permit(Arc<Shared>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

pin_project! {
    /// The response future of [`Inner`].
    pub struct InnerFuture<B> {
        alive: Option<Alive>,
        permit: Option<Permit>,
        shared: Arc<Shared>,
        #[pin]
        body: B,
        whole: bool,
        read: BytesMut,
        index: usize,
        yields: usize,
        behaviour: Behaviour,
    }
}

impl<B> fmt::Debug for InnerFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InnerFuture").finish_non_exhaustive()
    }
}

impl<B: Body> InnerFuture<B> {
    fn poll_body(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        while !*this.whole {
            let failed = match ready!(this.body.as_mut().poll_frame(cx)) {
                None => false,
                Some(Err(_)) => true,
                Some(Ok(frame)) => {
                    if let Ok(mut data) = frame.into_data() {
                        this.read.extend_from_slice(&data.copy_to_bytes(data.remaining()));
                    }
                    continue;
                }
            };
            *this.whole = true;
            if let Some(seen) = this.shared.lock().seen.get_mut(*this.index) {
                seen.body = std::mem::take(this.read).freeze();
                seen.body_failed = failed;
            }
        }
        Poll::Ready(())
    }
}

impl<B: Body> Future for InnerFuture<B> {
    type Output = Result<Response<TestBody>, InnerError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        if *this.yields > 0 {
            *this.yields -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        assert!(
            *this.behaviour != Behaviour::PanicInFuture,
            "inner service panics in its future, as it was told"
        );
        ready!(self.as_mut().poll_body(cx));
        let this = self.project();
        let mut state = this.shared.lock();
        if state.held {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        *this.alive = None;
        *this.permit = None;
        Poll::Ready(match this.behaviour {
            Behaviour::Fail => Err(InnerError::Call),
            _ => Ok(this.shared.response()),
        })
    }
}
