//! Background tasks through a seam.

use std::fmt;

use crate::BoxFuture;
use crate::sealed::Sealed;

/// Starts a task that goes on by itself. Sealed: tokio's (feature `system`), or a recording one for tests.
pub trait Spawn: Sealed + Send + Sync + fmt::Debug {
    /// Starts `task`; `false` when there is no runtime that could run it, in which case it is dropped.
    fn spawn(&self, task: BoxFuture<()>) -> bool;
}
