//! How long an answer may wait for its reader.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use gambeson_core::{Clock, Monotonic, Timer};

use super::config::Server;
use crate::alarm::Alarm;

/// What a reader is allowed, for all connections of a server.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    timeout: Duration,
    rate: u32,
}

impl Readers {
    pub(super) fn new(server: &Server) -> Self {
        Self {
            clock: Arc::clone(&server.clock),
            timer: Arc::clone(&server.timer),
            timeout: server.write_timeout,
            rate: server.write_rate.max(1),
        }
    }

    /// One reader, to whom nothing has been held against yet.
    pub(super) fn one(&self) -> Stall {
        Stall {
            readers: self.clone(),
            debt: Duration::ZERO,
            since: None,
            free: None,
            alarm: Alarm::default(),
        }
    }
}

/// The time that data waited for one reader, less what the bytes that it took are worth at the lowest rate.
///
/// Time in which nothing waits takes as much away: an answer whose app has nothing to say may be silent for ever.
pub(super) struct Stall {
    readers: Readers,
    debt: Duration,
    since: Option<Monotonic>,
    /// Since when nothing waits, if something is held against the reader.
    free: Option<Monotonic>,
    alarm: Alarm,
}

impl Stall {
    /// Data waits. Ready when it has done so for too long.
    pub(super) fn poll_waits(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(|| self.readers.clock.monotonic());
        if let Some(free) = self.free.take() {
            self.debt = self.debt.saturating_sub(since.since(free));
        }
        let due = since.plus(self.readers.timeout.saturating_sub(self.debt));
        self.alarm.poll_until(&*self.readers.timer, due, cx)
    }

    /// So many bytes were taken.
    pub(super) fn took(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            let waited = self.readers.clock.monotonic().since(since);
            let allowed = self.readers.timeout.saturating_sub(self.debt);
            // For longer than the timeout nobody waits, but an app that has the bytes after an upgrade may drop its write and pause. When the reader
            // took them is not known then.
            self.debt += if waited < self.readers.timeout { waited } else { allowed / 2 };
        }
        if !self.debt.is_zero() {
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            let worth = bytes.saturating_mul(1_000_000_000) / u64::from(self.readers.rate);
            self.debt = self.debt.saturating_sub(Duration::from_nanos(worth));
        }
    }

    /// Nothing waits any more.
    pub(super) fn took_all(&mut self) {
        self.took(0);
        if !self.debt.is_zero() && self.free.is_none() {
            self.free = Some(self.readers.clock.monotonic());
        }
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::{ManualClock, Timestamp};

    use super::*;

    #[tokio::test]
    async fn a_write_that_was_dropped_is_not_held_against_the_reader_for_as_long_as_the_app_paused() {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000));
        let server = Server::new().clock(Arc::new(clock.clone()), Arc::new(clock.clone()));
        let mut stall = Readers::new(&server).one();
        let mut waits =
            async || std::future::poll_fn(|cx| Poll::Ready(stall.poll_waits(cx).is_ready())).await;
        assert!(!waits().await);
        clock.advance(Duration::from_secs(600));
        stall.took(1);
        let mut waits =
            async || std::future::poll_fn(|cx| Poll::Ready(stall.poll_waits(cx).is_ready())).await;
        assert!(!waits().await);
        clock.advance(Duration::from_secs(29));
        assert!(!waits().await);
        clock.advance(Duration::from_secs(2));
        assert!(waits().await);
    }
}
