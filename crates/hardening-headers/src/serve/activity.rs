//! Whether a connection has work.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use gambeson_core::{Clock, Monotonic};
use tokio::sync::oneshot;

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
        InFlight { activity: Arc::clone(self), answering: None }
    }

    /// The first head is waited for from now on.
    #[cfg(feature = "tls")]
    pub(super) fn begin(&self) {
        self.wait_from_now();
    }

    fn wait_from_now(&self) {
        self.since.store(self.clock.monotonic().as_nanos(), Ordering::Release);
    }

    /// The client has sent something. After an answer that may be the rest of its request's body, which tells of itself when it is taken; else,
    /// of HTTP/1, it can only be a head. HTTP/2 has other things to say, for which nobody waits.
    pub(super) fn bytes_came(&self) {
        let begins = self.was_used()
            && self.requests.load(Ordering::Acquire) == 0
            && self.bodies.load(Ordering::Acquire) == 0
            && !self.http_2.load(Ordering::Relaxed)
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
pub(super) struct InFlight {
    activity: Arc<Activity>,
    /// What the request's body hears the end of.
    answering: Option<oneshot::Sender<Infallible>>,
}

impl InFlight {
    /// Counts the body of this request until the guard goes.
    pub(super) fn body(&mut self) -> Arriving {
        self.activity.bodies.fetch_add(1, Ordering::AcqRel);
        let (answering, answered) = oneshot::channel();
        self.answering = Some(answering);
        Arriving { activity: Arc::clone(&self.activity), answered: Some(answered) }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.activity.wait_from_now();
        self.activity.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The body of one request, to its end or until nobody wants more of it.
#[derive(Debug)]
pub(super) struct Arriving {
    activity: Arc<Activity>,
    answered: Option<oneshot::Receiver<Infallible>>,
}

impl Arriving {
    /// So many bytes of it were taken. Empty frames are no progress (RFC 9113 §10.5).
    pub(super) fn came(&self, bytes: usize) {
        if bytes > 0 {
            self.activity.wait_from_now();
        }
    }

    /// Ready once its own request is answered, whatever else the connection does; wakes whoever asked before.
    pub(super) fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(answered) = &mut self.answered {
            let _gone = ready!(Pin::new(answered).poll(cx));
            self.answered = None;
        }
        Poll::Ready(())
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.activity.wait_from_now();
        self.activity.bodies.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::{Wake, Waker};

    use gambeson_core::ManualClock;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The task of an HTTP/2 stream ends in another thread than its connection's, which nothing else may wake.
    #[test]
    fn a_body_hears_of_its_own_answer_and_of_no_other() {
        let activity = Activity::new(Arc::new(ManualClock::default()));
        let (mut own, other) = (activity.start(true), activity.start(true));
        let mut body = own.body();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let cx = &mut Context::from_waker(&waker);
        assert!(body.poll_answered(cx).is_pending());
        drop(other);
        assert!(body.poll_answered(cx).is_pending());
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
        std::thread::spawn(move || drop(own)).join().unwrap();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(body.poll_answered(cx).is_ready());
        assert!(body.poll_answered(cx).is_ready());
    }
}
