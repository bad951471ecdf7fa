//! The answer, or the end of the handler's time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gambeson_core::{RequestFacts, Respond};
use http::Response;
use pin_project_lite::pin_project;

use super::layer::Shared;
use super::response_body::{ResponseBody, Watch};
use super::{rejection, telemetry};
use crate::alarm::Alarm;

pin_project! {
    /// The response future of [`Limited`](super::Limited).
    pub struct LimitFuture<F, B, R> {
        #[pin]
        state: State<F, B, R>,
    }
}

pin_project! {
    #[project = Now]
    enum State<F, B, R> {
        Running { #[pin] inner: F, passage: Option<Passage<R>> },
        Refused { response: Option<Response<B>> },
    }
}

/// How long the handler and its answer may take, and what is needed to answer in its place.
pub(super) struct Passage<R> {
    pub(super) handler: Option<Duration>,
    pub(super) stream_idle: Option<Duration>,
    pub(super) facts: RequestFacts,
    pub(super) shared: Arc<Shared<R>>,
    pub(super) alarm: Alarm,
}

impl<F, B, R> LimitFuture<F, B, R> {
    pub(super) fn running(inner: F, passage: Option<Passage<R>>) -> Self {
        Self { state: State::Running { inner, passage } }
    }

    pub(super) fn refused(response: Response<B>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }
}

impl<R> Passage<R> {
    /// Waits until the handler's time is over. The timer starts at the first wait, so that an answer at once costs no timer.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(after) = self.handler else { return Poll::Pending };
        let time = &self.shared.rules.time;
        let until = self.alarm.at().unwrap_or_else(|| time.clock.monotonic().plus(after));
        ready!(self.alarm.poll_until(&*time.timer, until, cx));
        self.handler = None;
        match self.shared.rules.refuses(rejection::HANDLER_DEADLINE, &self.facts) {
            true => Poll::Ready(after),
            false => Poll::Pending,
        }
    }

    /// What watches over the answer's body.
    fn watch(self) -> Option<Watch> {
        let idle = self.stream_idle?;
        Some(Watch::new(self.facts, Arc::clone(&self.shared.rules), idle))
    }
}

impl<F, B, E, R> Future for LimitFuture<F, B, R>
where
    F: Future<Output = Result<Response<B>, E>>,
    R: Respond<B>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let response = match state.as_mut().project() {
            Now::Refused { response } => match response.take() {
                Some(response) => response,
                None => return Poll::Pending,
            },
            Now::Running { inner, passage } => {
                if let Poll::Ready(answer) = inner.poll(cx) {
                    let watch = passage.take().and_then(Passage::watch);
                    return Poll::Ready(
                        answer.map(|response| response.map(|body| ResponseBody::new(body, watch))),
                    );
                }
                let Some(passage) = passage else { return Poll::Pending };
                let after = ready!(passage.poll_over(cx));
                let refusal = rejection::handler_deadline();
                telemetry::handler_deadline(&passage.facts, after);
                let response = passage.shared.respond.respond(&refusal, &passage.facts);
                passage.facts.set_rejection(refusal);
                response
            }
        };
        // Drops the handler's future now, and with it what it holds.
        state.set(State::Refused { response: None });
        Poll::Ready(Ok(response.map(|body| ResponseBody::new(body, None))))
    }
}

impl<F, B, R> fmt::Debug for LimitFuture<F, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitFuture").finish_non_exhaustive()
    }
}
