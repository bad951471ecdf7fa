//! Whether a connection has work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use gambeson_core::{Clock, Monotonic};

/// The requests in flight on one connection, the bodies that are still read, when the last of both ended, and whether the next request has
/// begun to come.
#[derive(Debug)]
pub(super) struct Activity {
    clock: Arc<dyn Clock>,
    requests: AtomicUsize,
    bodies: AtomicUsize,
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
    /// The next request, or the rest of a body whose request is answered already: since when.
    Request(Monotonic),
}

impl Activity {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let since = AtomicU64::new(clock.monotonic().as_nanos());
        let (requests, bodies, head) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Self { clock, requests, bodies, used: false.into(), http_2: false.into(), since, head })
    }

    /// Counts a request until the guard goes.
    pub(super) fn start(self: &Arc<Self>, http_2: bool) -> InFlight {
        self.requests.fetch_add(1, Ordering::AcqRel);
        self.http_2.store(http_2, Ordering::Relaxed);
        self.used.store(true, Ordering::Release);
        self.head.store(0, Ordering::Release);
        InFlight(Arc::clone(self))
    }

    /// Counts a body of a request until the guard goes.
    pub(super) fn body(self: &Arc<Self>) -> Arriving {
        self.bodies.fetch_add(1, Ordering::AcqRel);
        Arriving(Arc::clone(self))
    }

    /// The first head is waited for from now on.
    #[cfg(feature = "tls")]
    pub(super) fn begin(&self) {
        self.wait_from_now();
    }

    fn wait_from_now(&self) {
        self.since.store(self.clock.monotonic().as_nanos(), Ordering::Release);
    }

    /// The client has sent something. After an answer that is the rest of its request's body, if the app still has that; else, of HTTP/1, it
    /// can only be a head. HTTP/2 has other things to say.
    pub(super) fn bytes_came(&self) {
        if !self.was_used() || self.requests.load(Ordering::Acquire) != 0 {
            return;
        }
        if self.bodies.load(Ordering::Acquire) != 0 {
            self.wait_from_now();
        } else if !self.http_2.load(Ordering::Relaxed) && self.head.load(Ordering::Relaxed) == 0 {
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
        self.0.wait_from_now();
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The body of one request, to its end or until nobody wants more of it.
#[derive(Debug)]
pub(super) struct Arriving(Arc<Activity>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.wait_from_now();
        self.0.bodies.fetch_sub(1, Ordering::AcqRel);
    }
}
