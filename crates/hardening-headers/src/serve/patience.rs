//! How long a server waits for its clients.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gambeson_core::{BoxFuture, Clock, Monotonic, Timer};

use super::activity::{Activity, Waiting};
use super::config::Server;
use crate::alarm::Alarm;

/// Why a connection is ended that has no request in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// A head did not come in time, or what was left to write after the end was not taken.
    Now,
    /// Nothing was asked for a long time.
    Politely,
}

/// The times that all connections of a server are given.
#[derive(Debug, Clone)]
pub(super) struct Times {
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    header: Duration,
    idle: Duration,
    write: Duration,
}

impl Times {
    pub(super) fn new(server: &Server) -> Self {
        Self {
            clock: Arc::clone(&server.clock),
            timer: Arc::clone(&server.timer),
            header: server.header_timeout,
            idle: server.idle_timeout,
            write: server.write_timeout,
        }
    }

    /// Resolves when so much time has passed.
    pub(super) fn after(&self, time: Duration) -> BoxFuture<()> {
        self.timer.until(self.clock.monotonic().plus(time))
    }

    pub(super) fn now(&self) -> Monotonic {
        self.clock.monotonic()
    }

    /// Ready once `due` has been reached.
    pub(super) fn poll_until(&self, alarm: &mut Alarm, due: Monotonic, cx: &mut Context<'_>) -> Poll<()> {
        alarm.poll_until(&*self.timer, due, cx)
    }

    /// Watches a connection that does this.
    pub(super) fn watch(&self, activity: Arc<Activity>) -> Patience {
        Patience { activity, alarm: Alarm::default(), times: self.clone(), told: None }
    }
}

/// Watches one connection.
pub(super) struct Patience {
    activity: Arc<Activity>,
    alarm: Alarm,
    times: Times,
    told: Option<Monotonic>,
}

impl Patience {
    /// The client has been told that the connection ends: from now on it has only to take what is left.
    pub(super) fn ending(&mut self) {
        self.told = Some(self.times.now());
    }

    /// Ready when the client was waited for long enough. To be asked again whenever the connection's task is woken, after its bytes were
    /// looked at.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        loop {
            let Some((due, over)) = self.due() else {
                // HTTP/2's requests may end without waking this task.
                let next = self.alarm.at().unwrap_or_else(|| self.times.now().plus(self.times.idle));
                ready!(self.times.poll_until(&mut self.alarm, next, cx));
                continue;
            };
            ready!(self.times.poll_until(&mut self.alarm, due, cx));
            if self.due() == Some((due, over)) {
                return Poll::Ready(over);
            }
        }
    }

    fn due(&self) -> Option<(Monotonic, Over)> {
        let waiting = self.activity.waiting()?;
        Some(match (waiting, self.told) {
            (Waiting::Head(since), None) => (since.plus(self.times.header), Over::Now),
            (Waiting::Request(since), None) => (since.plus(self.times.idle), Over::Politely),
            (Waiting::Head(since) | Waiting::Request(since), Some(told)) => {
                (since.max(told).plus(self.times.write), Over::Now)
            }
        })
    }
}
