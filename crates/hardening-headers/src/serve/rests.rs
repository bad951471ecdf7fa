//! What clients still send of bodies that the app has let go of.
//!
//! Who answers before a body is there and then closes, as hyper does, takes the answer away from clients that are still sending: a system
//! resets a connection on which nobody reads what comes, and over HTTP/2 some take any `RST_STREAM` for a failure, the one with `NO_ERROR`
//! that RFC 9113 §8.1 allows among them. So the rest is read and thrown away for a while (RFC 9112 §9.6); a connection whose body ends
//! in that time goes on.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::Monotonic;
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::activity::Arriving;
use super::patience::Times;
use crate::alarm::Alarm;

/// How long a rest is read after the answer.
const AFTER_ANSWER: Duration = Duration::from_secs(5);

/// How long it is read at all, however long the answer takes.
const LONGEST: Duration = Duration::from_secs(30);

/// How much of it is read, in bytes.
const LARGEST: usize = 16 << 20;

/// Where bodies go that the app has let go of. No more at once than requests on a connection: each keeps its own open.
pub(super) type Left = mpsc::UnboundedSender<(Incoming, Arriving)>;

/// Reads what is left on one connection. Who drops it has the bodies dropped at once from then on.
pub(super) struct Rests {
    left: mpsc::UnboundedReceiver<(Incoming, Arriving)>,
    reading: Vec<Rest>,
    times: Times,
    alarm: Alarm,
}

impl Rests {
    pub(super) fn new(times: &Times) -> (Left, Self) {
        let (leave, left) = mpsc::unbounded_channel();
        (leave, Self { left, reading: Vec::new(), times: times.clone(), alarm: Alarm::default() })
    }

    /// Never ready. To be asked whenever the connection's task is woken, after its bytes were looked at.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Infallible> {
        while let Poll::Ready(Some((body, arriving))) = self.left.poll_recv(cx) {
            let until = self.times.now().plus(LONGEST);
            self.reading.push(Rest { body, arriving, taken: 0, until });
        }
        loop {
            if self.reading.is_empty() {
                return Poll::Pending;
            }
            let now = self.times.now();
            self.reading.retain_mut(|rest| rest.goes_on(now, cx));
            let Some(due) = self.reading.iter().map(|rest| rest.until).min() else { continue };
            ready!(self.times.poll_until(&mut self.alarm, due, cx));
        }
    }
}

/// The rest of one body.
struct Rest {
    body: Incoming,
    arriving: Arriving,
    taken: usize,
    until: Monotonic,
}

impl Rest {
    /// Whether there may be more of it, and time for that.
    fn goes_on(&mut self, now: Monotonic, cx: &mut Context<'_>) -> bool {
        if self.arriving.poll_answered(cx).is_ready() {
            self.until = self.until.min(now.plus(AFTER_ANSWER));
        }
        while let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let Some(Ok(frame)) = frame else { return false };
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.arriving.came(bytes);
            self.taken = self.taken.saturating_add(bytes);
            if self.taken > LARGEST || self.body.is_end_stream() {
                return false;
            }
        }
        now < self.until
    }
}
