//! Whether a connection has work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use gambeson_core::{Clock, Monotonic};

/// The requests in flight on one connection, when the last one ended, and whether the next has begun to come.
#[derive(Debug)]
pub(super) struct Activity {
    clock: Arc<dyn Clock>,
    requests: AtomicUsize,
    used: AtomicBool,
    http_2: AtomicBool,
    since: AtomicU64,
    /// When the first byte of a head came; 0 while none has.
    head: AtomicU64,
}

/// What a connection without requests waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The rest of a head, or of the first one: since when.
    Head(Monotonic),
    /// The next request: since when.
    Request(Monotonic),
}

impl Activity {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let since = AtomicU64::new(clock.monotonic().as_nanos());
        let (requests, head) = (AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Self { clock, requests, used: false.into(), http_2: false.into(), since, head })
    }

    /// Counts a request until the guard goes.
    pub(super) fn start(self: &Arc<Self>, http_2: bool) -> InFlight {
        self.requests.fetch_add(1, Ordering::AcqRel);
        self.http_2.store(http_2, Ordering::Relaxed);
        self.used.store(true, Ordering::Release);
        self.head.store(0, Ordering::Release);
        InFlight(Arc::clone(self))
    }

    /// The first head is waited for from now on.
    #[cfg(feature = "tls")]
    pub(super) fn begin(&self) {
        self.since.store(self.clock.monotonic().as_nanos(), Ordering::Release);
    }

    /// The client has sent something. Between two requests of HTTP/1 that can only be a head; HTTP/2 has other things to say.
    pub(super) fn bytes_came(&self) {
        let begins = self.was_used()
            && !self.http_2.load(Ordering::Relaxed)
            && self.requests.load(Ordering::Acquire) == 0
            && self.head.load(Ordering::Relaxed) == 0;
        if begins {
            self.head.store(self.clock.monotonic().as_nanos(), Ordering::Release);
        }
    }

    /// What it waits for; `None` while a request is in flight.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let moment = |word: &AtomicU64| Monotonic::from_nanos(word.load(Ordering::Acquire));
        if self.requests.load(Ordering::Acquire) != 0 {
            None
        } else if self.head.load(Ordering::Acquire) != 0 {
            Some(Waiting::Head(moment(&self.head)))
        } else if self.was_used() {
            Some(Waiting::Request(moment(&self.since)))
        } else {
            Some(Waiting::Head(moment(&self.since)))
        }
    }

    /// Whether the connection ever brought a request.
    pub(super) fn was_used(&self) -> bool {
        self.used.load(Ordering::Acquire)
    }
}

/// One request in flight, to the end of the answer's body.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.since.store(self.0.clock.monotonic().as_nanos(), Ordering::Release);
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}
