//! The answer, while its act goes on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;

use super::act::Act;
use super::body::ResponseBody;

pin_project! {
    /// The answer of the inner service.
    pub struct ResponseFuture<F> {
        act: Option<Act>,
        #[pin]
        inner: F,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, act: Option<Act>) -> Self {
        Self { act, inner }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(act) = this.act {
            act.polling = true;
        }
        let polled = this.inner.poll(context);
        if let Some(act) = this.act {
            act.polling = false;
        }
        let answer = ready!(polled);
        let act = this.act.take();
        Poll::Ready(match answer {
            Ok(response) => Ok(follow(response, act)),
            Err(error) => {
                if let Some(act) = act {
                    act.failed("service-error");
                }
                Err(error)
            }
        })
    }
}

/// Follows the answer to its end, which may be here already.
fn follow<B: Body>(response: Response<B>, act: Option<Act>) -> Response<ResponseBody<B>> {
    let Some(mut act) = act else {
        return response.map(ResponseBody::untold);
    };
    let status = response.status();
    act.answered(status);
    // Nobody polls a body that is not sent.
    let bodiless =
        act.method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless || response.body().is_end_stream() {
        act.ended();
        return response.map(ResponseBody::untold);
    }
    // A server asks for no more than its field `Content-Length` says.
    let announced = response.body().size_hint().exact().or_else(|| length(response.headers()));
    response.map(|body| ResponseBody::of(act, announced, body))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
