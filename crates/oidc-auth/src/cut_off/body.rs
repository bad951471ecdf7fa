//! A body that ends with the credential of who asked for it.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gambeson_core::{BoxError, Ended};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::denylist::Watch;
use crate::telemetry;

/// The end of a credential, as long as an answer waits for it.
pub(super) struct Ending {
    pub(super) ended: Ended,
    /// Places on the denylists; they are given back with the body.
    pub(super) _watched: Vec<Watch>,
}

pin_project! {
    /// The inner body, or what came of it until the credential ended; then the error [`CredentialEnded`].
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        ending: Option<Box<Ending>>,
        is_cut_off: bool,
    }
}

/// Why an answer broke off: what is sent has no proper end, so that nobody takes a part for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialEnded;

impl fmt::Display for CredentialEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the credential that the answer was for has ended")
    }
}

impl Error for CredentialEnded {}

impl<B> ResponseBody<B> {
    pub(super) fn new(inner: B, ending: Option<Ending>) -> Self {
        Self { inner, ending: ending.map(Box::new), is_cut_off: false }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        if *this.is_cut_off {
            return Poll::Ready(None);
        }
        let ending = this.ending.as_mut();
        if ending.is_some_and(|ending| Pin::new(&mut ending.ended).poll(context).is_ready()) {
            (*this.ending, *this.is_cut_off) = (None, true);
            telemetry::cut_off();
            return Poll::Ready(Some(Err(CredentialEnded.into())));
        }
        let frame = ready!(this.inner.as_mut().poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || this.inner.is_end_stream() {
            *this.ending = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_cut_off || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_cut_off { SizeHint::with_exact(0) } else { self.inner.size_hint() }
    }
}

impl<B: From<Bytes>> From<Bytes> for ResponseBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self::new(B::from(bytes), None)
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("is_cut_off", &self.is_cut_off).finish_non_exhaustive()
    }
}
