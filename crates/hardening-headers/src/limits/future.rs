//! The answer, or the end of the handler's time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use gambeson_core::{BoxFuture, RequestFacts, Respond};
use http::Response;
use pin_project_lite::pin_project;

use super::layer::Shared;
use super::{rejection, telemetry};

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
        Running { #[pin] inner: F, deadline: Option<Deadline<R>>, timer: Option<Mutex<BoxFuture<()>>> },
        Refused { response: Option<Response<B>> },
    }
}

/// How long the handler may take, and what is needed to answer in its place.
pub(super) struct Deadline<R> {
    pub(super) after: Duration,
    pub(super) facts: RequestFacts,
    pub(super) shared: Arc<Shared<R>>,
}

impl<F, B, R> LimitFuture<F, B, R> {
    pub(super) fn running(inner: F, deadline: Option<Deadline<R>>) -> Self {
        Self { state: State::Running { inner, deadline, timer: None } }
    }

    pub(super) fn refused(response: Response<B>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }
}

impl<R> Deadline<R> {
    /// Whether the time is over. The timer starts at the first wait, so that an answer at once costs no timer.
    fn poll_over(&self, timer: &mut Option<Mutex<BoxFuture<()>>>, cx: &mut Context<'_>) -> Poll<()> {
        let time = &self.shared.time;
        let timer = timer
            .get_or_insert_with(|| Mutex::new(time.timer.until(time.clock.monotonic().plus(self.after))));
        timer.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

impl<F, B, E, R> Future for LimitFuture<F, B, R>
where
    F: Future<Output = Result<Response<B>, E>>,
    R: Respond<B>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let response = match state.as_mut().project() {
            Now::Refused { response } => {
                return response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
            }
            Now::Running { inner, deadline, timer } => {
                if let Poll::Ready(answer) = inner.poll(cx) {
                    return Poll::Ready(answer);
                }
                let Some(deadline) = deadline else { return Poll::Pending };
                if deadline.poll_over(timer, cx).is_pending() {
                    return Poll::Pending;
                }
                let refusal = rejection::handler_deadline();
                telemetry::handler_deadline(&deadline.facts, deadline.after);
                let response = deadline.shared.respond.respond(&refusal, &deadline.facts);
                deadline.facts.set_rejection(refusal);
                response
            }
        };
        // Drops the handler's future now, and with it what it holds.
        state.set(State::Refused { response: None });
        Poll::Ready(Ok(response))
    }
}

impl<F, B, R> fmt::Debug for LimitFuture<F, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitFuture").finish_non_exhaustive()
    }
}
