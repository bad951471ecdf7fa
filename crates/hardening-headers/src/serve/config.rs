//! What a server allows its connections.

use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{BoxFuture, Clock, ConfigError, ConfigProblems, Readiness, SystemClock, Timer};
use tokio::sync::watch;

use super::clients::ClientCap;
use super::draining::{Draining, Phase};
#[cfg(feature = "tls")]
use super::tls::Tls;

const DAY: Duration = Duration::from_secs(86_400);

/// What [`serve`](super::serve()) allows its connections, and when it ends. Times are a second to a day, those of the drain nothing to a day.
#[non_exhaustive]
pub struct Server {
    /// The time a client has for the head of a request: for the first from the moment it is connected, for others from their first byte
    /// on (HTTP/1). Default: 10 s.
    pub header_timeout: Duration,
    /// The time a connection may be without a request after its first. Default: 75 s, so that the proxies that keep connections for
    /// 60 s are the ones to close them.
    pub idle_timeout: Duration,
    /// The time an answer may wait for its reader, prolonged by [`Server::write_rate`] for what the reader takes; then an HTTP/1
    /// connection is closed, an HTTP/2 stream reset. Time in which the app has nothing to send does not count. Default: 60 s.
    pub write_timeout: Duration,
    /// Each so many bytes that a slow reader takes prolong its time by a second. Default: 512.
    pub write_rate: u32,
    /// What is kept of an HTTP/2 answer that its reader does not take, in bytes, beside the piece the app gave last. Default: 64 KiB.
    pub send_buffer: usize,
    /// Connections at once; more wait in the system's queue. 1 to 1,048,576; default: 4,096.
    pub connections: usize,
    /// Connections at once from one IPv4 address or IPv6 /64; more are closed at once. Loopback and private addresses are not counted: proxies
    /// are there. Behind proxies with public addresses, switch it off. Default: an eighth of [`Server::connections`], at most 512.
    pub connections_per_client: ClientCap,
    /// The largest request head, in bytes, at least 8 KiB. Default: 32 KiB.
    pub header_bytes: u32,
    /// Requests at once on an HTTP/2 connection, 1 to 10,000. Default: 100.
    pub streams: u32,
    /// How often a silent HTTP/2 client is asked whether it is still there, and half of it is its time to answer.
    /// Default: 20 s.
    pub ping_interval: Duration,
    /// The time after shutdown in which connections are still taken, with readiness flipped already, until those who send them know.
    /// HTTP/1 answers say `connection: close` then. Default: 500 ms.
    pub linger: Duration,
    /// The time that requests in flight and upgraded connections get after that. Default: 5 s.
    pub drain: Duration,
    /// The time that a TLS handshake may take. Default: 10 s.
    #[cfg(feature = "tls")]
    pub handshake_timeout: Duration,
    /// How often the files of [`Tls`] are looked at for a change. Default: every minute.
    #[cfg(feature = "tls")]
    pub tls_refresh: Duration,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
    pub(super) phase: watch::Sender<Phase>,
    pub(super) readiness: Readiness,
    pub(super) shutdown: BoxFuture<()>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timer: Arc<dyn Timer>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(60),
            write_rate: 512,
            send_buffer: 64 << 10,
            connections: 4096,
            connections_per_client: ClientCap::Share,
            header_bytes: 32 << 10,
            streams: 100,
            ping_interval: Duration::from_secs(20),
            linger: Duration::from_millis(500),
            drain: Duration::from_secs(5),
            #[cfg(feature = "tls")]
            handshake_timeout: Duration::from_secs(10),
            #[cfg(feature = "tls")]
            tls_refresh: Duration::from_secs(60),
            #[cfg(feature = "tls")]
            tls: None,
            phase: watch::Sender::default(),
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

    /// The time a connection may be without a request.
    #[must_use]
    pub fn idle_timeout(self, time: Duration) -> Self {
        Self { idle_timeout: time, ..self }
    }

    /// The time an answer may wait for its reader.
    #[must_use]
    pub fn write_timeout(self, time: Duration) -> Self {
        Self { write_timeout: time, ..self }
    }

    /// How many bytes prolong a slow reader's time by a second.
    #[must_use]
    pub fn write_rate(self, bytes_per_second: u32) -> Self {
        Self { write_rate: bytes_per_second, ..self }
    }

    /// What is kept of an HTTP/2 answer that its reader does not take, in bytes.
    #[must_use]
    pub fn send_buffer(self, bytes: usize) -> Self {
        Self { send_buffer: bytes, ..self }
    }

    /// Requests at once on an HTTP/2 connection.
    #[must_use]
    pub fn streams(self, most: u32) -> Self {
        Self { streams: most, ..self }
    }

    /// Connections at once.
    #[must_use]
    pub fn connections(self, most: usize) -> Self {
        Self { connections: most, ..self }
    }

    /// Connections at once from one IPv4 address or IPv6 /64: a number, or [`ClientCap::Off`].
    #[must_use]
    pub fn connections_per_client(self, most: impl Into<ClientCap>) -> Self {
        Self { connections_per_client: most.into(), ..self }
    }

    /// How often a silent HTTP/2 client is asked whether it is still there.
    #[must_use]
    pub fn ping_interval(self, interval: Duration) -> Self {
        Self { ping_interval: interval, ..self }
    }

    /// The largest request head, in bytes.
    #[must_use]
    pub fn header_bytes(self, bytes: u32) -> Self {
        Self { header_bytes: bytes, ..self }
    }

    /// The time after shutdown in which connections are still taken.
    #[must_use]
    pub fn linger(self, time: Duration) -> Self {
        Self { linger: time, ..self }
    }

    /// The time that requests in flight get after that.
    #[must_use]
    pub fn drain(self, time: Duration) -> Self {
        Self { drain: time, ..self }
    }

    /// Speaks TLS, and nothing else.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// The time that a TLS handshake may take.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn handshake_timeout(self, time: Duration) -> Self {
        Self { handshake_timeout: time, ..self }
    }

    /// How often the files of [`Tls`] are looked at for a change.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_refresh(self, interval: Duration) -> Self {
        Self { tls_refresh: interval, ..self }
    }

    /// What tells parts of the app that this server drains.
    #[must_use]
    pub fn draining(&self) -> Draining {
        Draining(self.phase.subscribe())
    }

    /// The clock and timer of all timeouts; the system's unless said.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>, timer: Arc<dyn Timer>) -> Self {
        Self { clock, timer, ..self }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        let mut add = |field: &str, value: String, cure: &str| {
            problems.add(format!("hardening-headers.serve.{field}"), value, cure);
        };
        for (field, time, least) in self.times() {
            if !(least..=DAY).contains(&time) {
                add(field, format!("{time:?}"), &format!("write {least:?} to a day"));
            }
        }
        for (field, number, range, cure) in self.numbers() {
            if !range.contains(&number) {
                add(field, number.to_string(), cure);
            }
        }
        if let ClientCap::AtMost(most) = self.connections_per_client
            && !(1..self.connections).contains(&most)
        {
            let cure =
                "write at least one and fewer than connections, or \"off\" if one client may have them all";
            add("connections-per-client", most.to_string(), cure);
        }
        problems.check()
    }

    /// Each time with the shortest that it may be: in less than a second no client gets anything done.
    fn times(&self) -> impl Iterator<Item = (&'static str, Duration, Duration)> {
        let some = Duration::from_secs(1);
        let times = [
            ("header-timeout", self.header_timeout, some),
            ("idle-timeout", self.idle_timeout, some),
            ("write-timeout", self.write_timeout, some),
            ("ping-interval", self.ping_interval, some),
            ("linger", self.linger, Duration::ZERO),
            ("drain", self.drain, Duration::ZERO),
            #[cfg(feature = "tls")]
            ("handshake-timeout", self.handshake_timeout, some),
            #[cfg(feature = "tls")]
            ("tls-refresh", self.tls_refresh, some),
        ];
        times.into_iter()
    }

    /// Each number with the range that it is to be in, and what to write.
    fn numbers(&self) -> impl Iterator<Item = (&'static str, usize, RangeInclusive<usize>, &'static str)> {
        let wide = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let numbers = [
            ("connections", self.connections, 1..=1 << 20, "write 1 to 1048576"),
            ("write-rate", wide(self.write_rate), 1..=1 << 30, "write 1 byte to 1 GiB (1073741824) a second"),
            ("streams", wide(self.streams), 1..=10_000, "write 1 to 10000"),
            (
                "header-bytes",
                wide(self.header_bytes),
                8 << 10..=1 << 20,
                "write 8 KiB (8192) to 1 MiB (1048576)",
            ),
            ("send-buffer", self.send_buffer, 1 << 10..=16 << 20, "write 1 KiB (1024) to 16 MiB (16777216)"),
        ];
        numbers.into_iter()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("header_timeout", &self.header_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("write_timeout", &self.write_timeout)
            .field("write_rate", &self.write_rate)
            .field("connections", &self.connections)
            .field("connections_per_client", &self.connections_per_client)
            .field("header_bytes", &self.header_bytes)
            .field("linger", &self.linger)
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}
