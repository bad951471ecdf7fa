//! Background tasks through a seam.

use std::fmt;

use crate::BoxFuture;
use crate::sealed::Sealed;

/// Starts a task that goes on by itself. Sealed: tokio's (feature `system`), or a recording one for tests.
pub trait Spawn: Sealed + Send + Sync + fmt::Debug {
    /// Starts `task`; `false` when there is no runtime that could run it, in which case it is dropped.
    fn spawn(&self, task: BoxFuture<()>) -> bool;
}

#[cfg(feature = "system")]
mod system {
    use super::{BoxFuture, Sealed, Spawn};

    /// Starts tasks on the tokio runtime that the caller runs on.
    #[derive(Debug, Clone, Copy, Default)]
    #[non_exhaustive]
    pub struct TokioSpawn;

    impl TokioSpawn {
        /// Tasks on the current runtime.
        pub const fn new() -> Self {
            Self
        }
    }

    impl Sealed for TokioSpawn {}

    impl Spawn for TokioSpawn {
        fn spawn(&self, task: BoxFuture<()>) -> bool {
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => {
                    runtime.spawn(task);
                    true
                }
                Err(_) => false,
            }
        }
    }
}
#[cfg(feature = "system")]
pub use system::TokioSpawn;
