//! The return type of traits that may be local or remote.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A boxed future that can cross threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An answer that is there already, or one that has to be waited for.
///
/// A local store answers [`Answer::Ready`] and costs no allocation; a remote one boxes its future.
pub enum Answer<T> {
    /// The answer itself.
    Ready(T),
    /// The answer comes later.
    Pending(BoxFuture<T>),
}

impl<T> Answer<T> {
    /// An answer that comes later.
    pub fn pending(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Pending(Box::pin(future))
    }

    /// Waits for the answer; returns at once when it is there.
    pub async fn wait(self) -> T {
        match self {
            Self::Ready(value) => value,
            Self::Pending(future) => future.await,
        }
    }

    /// The answer if it is there, else the future to wait for.
    ///
    /// # Errors
    /// The future, when the answer is not there yet.
    pub fn ready(self) -> Result<T, BoxFuture<T>> {
        match self {
            Self::Ready(value) => Ok(value),
            Self::Pending(future) => Err(future),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(value) => f.debug_tuple("Ready").field(value).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}
