//! The seams as this process's system has them: its clocks, its randomness, the tokio runtime.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use tokio::runtime::Handle;

use crate::sealed::Sealed;
use crate::{BoxFuture, Clock, Entropy, EntropyError, Monotonic, Spawn, Timer, Timestamp};

/// The operating system's clocks, and timers of the tokio runtime that the future is polled on.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl SystemClock {
    /// The system's clock.
    pub const fn new() -> Self {
        Self
    }
}

impl Sealed for SystemClock {}

impl Clock for SystemClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::default().plus(start().elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Timestamp::default().plus(after),
            Err(before) => Timestamp::default().minus(before.duration()),
        }
    }
}

fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    *START.get_or_init(Instant::now)
}

impl Timer for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn until(&self, deadline: Monotonic) -> BoxFuture<()> {
        let wait = deadline.since(self.monotonic());
        Box::pin(async move { tokio::time::sleep(wait).await })
    }
}

/// The operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemEntropy;

impl SystemEntropy {
    /// The system's source.
    pub const fn new() -> Self {
        Self
    }
}

impl Sealed for SystemEntropy {}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|_| EntropyError)
    }
}

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
        Handle::try_current().map(|runtime| drop(runtime.spawn(task))).is_ok()
    }
}
