//! The answer, with its bill.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use crate::tab::Tab;

pin_project! {
    /// The response future of [`CostService`](super::CostService).
    pub struct CostFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = Now]
    enum State<F, B> {
        Running { #[pin] inner: F, tab: Option<Tab> },
        Refused { response: Option<Response<ResponseBody<B>>> },
    }
}

impl<F, B> CostFuture<F, B> {
    pub(super) fn running(inner: F, tab: Option<Tab>) -> Self {
        Self { state: State::Running { inner, tab } }
    }

    pub(super) fn refused(response: Response<ResponseBody<B>>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }
}

impl<F, B, E> Future for CostFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Now::Refused { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            Now::Running { inner, tab } => {
                let answer = ready!(inner.poll(cx));
                let tab = tab.take();
                Poll::Ready(answer.map(|response| response.map(|body| ResponseBody::new(body, tab))))
            }
        }
    }
}

impl<F, B> fmt::Debug for CostFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CostFuture").finish_non_exhaustive()
    }
}
