//! Bodies of the contract suite: one to send and answer with, and one that wraps another.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::InnerError;

/// A body of frames that are known beforehand; its length is exact unless it fails.
#[derive(Debug, Clone, Default)]
pub struct TestBody {
    frames: VecDeque<Piece>,
    alive: Option<Alive>,
}

#[derive(Debug, Clone)]
enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
    Failure,
}

impl TestBody {
    /// No data at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a data frame.
    #[must_use]
    pub fn data(mut self, data: impl Into<Bytes>) -> Self {
        self.frames.push_back(Piece::Data(data.into()));
        self
    }

    /// Adds trailers, as gRPC answers have them.
    #[must_use]
    pub fn trailers(mut self, trailers: HeaderMap) -> Self {
        self.frames.push_back(Piece::Trailers(trailers));
        self
    }

    /// Adds a failure: the body breaks off there with [`InnerError::Body`].
    #[must_use]
    pub fn failure(mut self) -> Self {
        self.frames.push_back(Piece::Failure);
        self
    }

    /// Counts this body and its clones in `counter` for as long as they live.
    #[must_use]
    pub(crate) fn counted(mut self, counter: &Arc<AtomicUsize>) -> Self {
        self.alive = Some(Alive::new(counter));
        self
    }
}

macro_rules! from_data {
    ($($source:ty),*) => {$(
        impl From<$source> for TestBody {
            fn from(data: $source) -> Self {
                Self::empty().data(data)
            }
        }
    )*};
}
from_data!(Bytes, String, &'static str, Vec<u8>);

impl From<()> for TestBody {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl Body for TestBody {
    type Data = Bytes;
    type Error = InnerError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InnerError>>> {
        Poll::Ready(self.get_mut().frames.pop_front().map(|piece| match piece {
            Piece::Data(data) => Ok(Frame::data(data)),
            Piece::Trailers(trailers) => Ok(Frame::trailers(trailers)),
            Piece::Failure => Err(InnerError::Body),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let mut length = 0;
        for piece in &self.frames {
            match piece {
                Piece::Data(data) => length += data.len() as u64,
                Piece::Trailers(_) => {}
                Piece::Failure => return SizeHint::default(),
            }
        }
        SizeHint::with_exact(length)
    }
}

/// Counts how many of a kind are alive.
pub(crate) struct Alive(Arc<AtomicUsize>);

impl Alive {
    pub(crate) fn new(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(counter))
    }
}

impl Clone for Alive {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Alive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alive")
    }
}
