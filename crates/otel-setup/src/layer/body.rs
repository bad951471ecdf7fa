//! Sees the answer's body to its end.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::{End, Exchange};
use crate::context::within;

pin_project! {
    /// The inner body, seen to its end. A body made of bytes alone belongs to an inner layer's early answer and is not observed
    /// until it passes the layer itself.
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        exchange: Watch,
    }
}

/// The exchange while its body goes out; whoever drops it half-way has cancelled the exchange.
#[derive(Default)]
struct Watch {
    exchange: Option<Exchange>,
    /// How many bytes were announced.
    announced: Option<u64>,
}

impl Watch {
    fn end(&mut self, how: End) {
        if let Some(exchange) = self.exchange.take() {
            exchange.end(how);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A server may stop polling once it has what was announced.
        let sent = self.exchange.as_ref().map(Exchange::bytes);
        if sent.is_some() && sent == self.announced {
            self.end(End::Whole);
        }
    }
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn wrap(response: Response<B>, exchange: Option<Exchange>) -> Response<Self> {
        let Some(mut exchange) = exchange else {
            return response.map(|inner| Self { inner, exchange: Watch::default() });
        };
        let status = response.status();
        exchange.answered(status);
        let bodiless = exchange.head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless || response.body().is_end_stream() {
            exchange.end(End::Whole);
            return response.map(|inner| Self { inner, exchange: Watch::default() });
        }
        let announced = response.body().size_hint().exact().or_else(|| length(response.headers()));
        let exchange = Watch { exchange: Some(exchange), announced };
        response.map(|inner| Self { inner, exchange })
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let active = this.exchange.exchange.as_ref().and_then(Exchange::active);
        let frame = ready!(within(active, || this.inner.as_mut().poll_frame(context)));
        match &frame {
            None => this.exchange.end(End::Whole),
            Some(Err(_)) => this.exchange.end(End::BodyFailed),
            Some(Ok(frame)) => {
                if let (Some(data), Some(exchange)) = (frame.data_ref(), &mut this.exchange.exchange) {
                    exchange.sent(data.remaining() as u64);
                }
                if this.inner.is_end_stream() {
                    this.exchange.end(End::Whole);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: From<Bytes>> From<Bytes> for ResponseBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { inner: B::from(bytes), exchange: Watch::default() }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self { inner: B::default(), exchange: Watch::default() }
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
