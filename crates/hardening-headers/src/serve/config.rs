//! What a server allows its connections.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{BoxFuture, Clock, ConfigError, ConfigProblems, Readiness, SystemClock, Timer};

/// What [`serve`](super::serve()) allows its connections, and when it ends.
#[non_exhaustive]
pub struct Server {
    /// The time a client has for the head of a request, from the moment the connection is ready for it; so an HTTP/1
    /// connection that waits between two requests is closed then too. Default: 10 s.
    pub header_timeout: Duration,
    /// The time an HTTP/2 connection may be without a request. Default: 60 s.
    pub idle_timeout: Duration,
    /// Connections at once; more wait in the system's queue. Default: 4,096.
    pub connections: usize,
    /// The largest request head, in bytes, at least 8 KiB. Default: 32 KiB.
    pub header_bytes: u32,
    /// Requests at once on an HTTP/2 connection. Default: 100.
    pub streams: u32,
    /// How often a silent HTTP/2 client is asked whether it is still there, and half of it is its time to answer.
    /// Default: 20 s.
    pub ping_interval: Duration,
    /// The time that requests in flight get after shutdown. Default: 5 s.
    pub drain: Duration,
    pub(super) readiness: Readiness,
    pub(super) shutdown: BoxFuture<()>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timer: Arc<dyn Timer>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            connections: 4096,
            header_bytes: 32 << 10,
            streams: 100,
            ping_interval: Duration::from_secs(20),
            drain: Duration::from_secs(5),
            readiness: Readiness::new(),
            shutdown: Box::pin(std::future::pending()),
            clock: Arc::new(SystemClock::new()),
            timer: Arc::new(SystemClock::new()),
        }
    }
}

impl Server {
    /// The defaults, and no end.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Drains when this future ends, for example on a signal.
    #[must_use]
    pub fn shutdown(self, when: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { shutdown: Box::pin(when), ..self }
    }

    /// The handle that is set ready when the server accepts, and flipped before it drains.
    #[must_use]
    pub fn readiness(self, readiness: Readiness) -> Self {
        Self { readiness, ..self }
    }

    /// The time a client has for the head of a request.
    #[must_use]
    pub fn header_timeout(self, time: Duration) -> Self {
        Self { header_timeout: time, ..self }
    }

    /// The time an HTTP/2 connection may be without a request.
    #[must_use]
    pub fn idle_timeout(self, time: Duration) -> Self {
        Self { idle_timeout: time, ..self }
    }

    /// Connections at once.
    #[must_use]
    pub fn connections(self, most: usize) -> Self {
        Self { connections: most, ..self }
    }

    /// The largest request head, in bytes.
    #[must_use]
    pub fn header_bytes(self, bytes: u32) -> Self {
        Self { header_bytes: bytes, ..self }
    }

    /// The time that requests in flight get after shutdown.
    #[must_use]
    pub fn drain(self, time: Duration) -> Self {
        Self { drain: time, ..self }
    }

    /// The clock and timer of all timeouts; the system's unless said.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>, timer: Arc<dyn Timer>) -> Self {
        Self { clock, timer, ..self }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        for (field, time) in [
            ("header_timeout", self.header_timeout),
            ("idle_timeout", self.idle_timeout),
            ("ping_interval", self.ping_interval),
        ] {
            if time.is_zero() || time > Duration::from_secs(86_400) {
                problems.add(
                    format!("server.{field}"),
                    format!("{time:?}"),
                    "write more than nothing, at most a day",
                );
            }
        }
        if self.connections == 0 {
            problems.add("server.connections", "0", "let at least one connection in");
        }
        if !(8 << 10..=1 << 20).contains(&self.header_bytes) {
            let value = self.header_bytes.to_string();
            problems.add("server.header_bytes", value, "write 8 KiB (8192) to 1 MiB (1048576)");
        }
        if self.streams == 0 {
            problems.add("server.streams", "0", "let at least one request in");
        }
        problems.check()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("header_timeout", &self.header_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("connections", &self.connections)
            .field("header_bytes", &self.header_bytes)
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}
