//! Looks for the usage in an answer that passes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use serde_json::Value;

use super::usage::{is_out_of_money, reported};
use crate::breaker::CircuitBreaker;
use crate::guard::CostGuard;
use crate::prices::{Meter, Usage};
use crate::tab::Charge;

/// How much of an answer is kept to look for its usage.
const KEPT: usize = 1 << 20;

pin_project! {
    /// The inner body. At its end the call is settled.
    pub struct SpendBody<B> {
        #[pin]
        inner: B,
        reading: Option<Reading>,
    }
}

/// An answer that is read along.
pub(super) struct Reading {
    /// What is to be charged; `None`: nothing, the answer is a refusal or a failure.
    pub(super) charge: Option<Charge>,
    pub(super) guard: CostGuard,
    pub(super) model: Option<Arc<str>>,
    pub(super) breaker: Option<CircuitBreaker>,
    pub(super) kept: Vec<u8>,
    pub(super) whole: bool,
}

impl Reading {
    fn keep(&mut self, data: &mut impl Buf) {
        let length = data.remaining();
        if self.kept.len().saturating_add(length) > KEPT {
            self.whole = false;
            self.kept = Vec::new();
        }
        while self.whole && data.has_remaining() {
            let chunk = data.chunk();
            self.kept.extend_from_slice(chunk);
            let length = chunk.len();
            data.advance(length);
        }
    }

    /// The answer is whole: charges what it says.
    fn end(self) {
        let body: Option<Value> = self.whole.then(|| serde_json::from_slice(&self.kept).ok()).flatten();
        let Some(charge) = self.charge else {
            if body.as_ref().is_some_and(is_out_of_money)
                && let Some(breaker) = &self.breaker
            {
                breaker.trip(Duration::from_secs(60));
            }
            return;
        };
        let Some(model) = &self.model else { return };
        let Some(usage) = body.as_ref().and_then(reported) else {
            tracing::warn!(%model, "spend layer: the answer says no usage, the estimate is charged");
            return;
        };
        match self.guard.price(model, &priced_call(&self.guard, model, usage)) {
            Ok(amount) => {
                // The currency is the guard's own.
                let _ = charge.settle(amount);
            }
            Err(error) => tracing::error!(%error, "spend layer: the estimate is charged"),
        }
    }
}

/// The usage with the call itself, where calls have a price.
fn priced_call(guard: &CostGuard, model: &str, usage: Usage) -> Usage {
    match guard.price(model, &Usage::call()) {
        Ok(_) => usage.with(Meter::Call, 1),
        Err(_) => usage,
    }
}

impl<B> SpendBody<B> {
    pub(super) fn new(inner: B, reading: Option<Reading>) -> Self {
        Self { inner, reading }
    }
}

impl<B: Body<Data = bytes::Bytes>> Body for SpendBody<B> {
    type Data = bytes::Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let (Some(data), Some(reading)) = (frame.data_ref(), this.reading.as_mut())
        {
            reading.keep(&mut data.clone());
        }
        match &frame {
            // A body that broke off was billed for all the same: the estimate.
            Some(Err(_)) => *this.reading = None,
            Some(Ok(_)) if !this.inner.is_end_stream() => {}
            Some(Ok(_)) | None => {
                if let Some(reading) = this.reading.take() {
                    reading.end();
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

impl<B> fmt::Debug for SpendBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpendBody").finish_non_exhaustive()
    }
}
