//! The answer of a third party, and what it cost.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::{BoxError, Refused, Rejection};
use http::{Response, header};
use pin_project_lite::pin_project;

use super::body::{Reading, SpendBody};
use crate::breaker::CircuitBreaker;
use crate::guard::CostGuard;
use crate::tab::Charge;

pin_project! {
    /// The response future of [`SpendService`](super::SpendService).
    pub struct SpendFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = Now]
    enum State<F> {
        Running { #[pin] inner: F, paid: Option<Paid> },
        Refused { rejection: Option<Rejection> },
    }
}

/// A call that is paid for.
pub(super) struct Paid {
    pub(super) charge: Charge,
    pub(super) guard: CostGuard,
    pub(super) model: Option<Arc<str>>,
    pub(super) breaker: Option<CircuitBreaker>,
    pub(super) charge_errors: bool,
}

impl<F> SpendFuture<F> {
    pub(super) fn running(inner: F, paid: Option<Paid>) -> Self {
        Self { state: State::Running { inner, paid } }
    }

    pub(super) fn refused(rejection: Rejection) -> Self {
        Self { state: State::Refused { rejection: Some(rejection) } }
    }
}

impl<F, B, E> Future for SpendFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<SpendBody<B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Now::Refused { rejection } => match rejection.take() {
                Some(rejection) => Poll::Ready(Err(Box::new(Refused(rejection)))),
                None => Poll::Pending,
            },
            Now::Running { inner, paid } => {
                let answer = ready!(inner.poll(cx)).map_err(Into::into);
                let paid = paid.take();
                Poll::Ready(match answer {
                    Ok(response) => Ok(answered(response, paid)),
                    Err(error) => {
                        failed(&error, paid);
                        Err(error)
                    }
                })
            }
        }
    }
}

fn answered<B>(response: Response<B>, paid: Option<Paid>) -> Response<SpendBody<B>> {
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| {
        value.to_str().is_ok_and(|text| text.starts_with("application/") && text.contains("json"))
    });
    let billed = response.status().is_success();
    let reading = paid.map(|Paid { charge, guard, model, breaker, .. }| {
        let charge = if billed {
            Some(charge)
        } else {
            // What is refused or failed there is not billed, whether anybody reads why or not.
            charge.cancel();
            None
        };
        Reading { charge, guard, model, breaker, kept: Vec::new(), whole: json }
    });
    response.map(|body| SpendBody::new(body, reading))
}

/// A call that was refused on its way was not made; of others nobody knows, and most were not billed.
fn failed(error: &BoxError, paid: Option<Paid>) {
    let refused = error.downcast_ref::<Refused>().is_some();
    if let Some(paid) = paid
        && (refused || !paid.charge_errors)
    {
        paid.charge.cancel();
    }
}

impl<F> fmt::Debug for SpendFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpendFuture").finish_non_exhaustive()
    }
}
