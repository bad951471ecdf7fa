//! Ten thousand strangers a second.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::spawn_local;

use crate::peers::oidc_auth::Guard;
use crate::token::Junk;

const PER_SECOND: f64 = 10_000.0;

/// So many are handed in ahead of the subject's first look at them. On a machine that is too slow for the flood there are fewer a
/// second, and no backlog of ours in front of valid tokens.
const MOST_AHEAD: u64 = 500;

/// Sends as many tokens as are due.
pub(super) struct Flood {
    junk: Junk,
    began: Instant,
    sent: u64,
    looked_at: Rc<Cell<u64>>,
}

impl Flood {
    pub(super) fn new(issuer: &str) -> Self {
        Self { junk: Junk::new(issuer), began: Instant::now(), sent: 0, looked_at: Rc::default() }
    }

    /// To be called every few milliseconds.
    pub(super) fn flow<G: Guard>(&mut self, guard: &Rc<G>) {
        let wanted = (self.began.elapsed().as_secs_f64() * PER_SECOND) as u64;
        let most = self.looked_at.get() + MOST_AHEAD;
        for _ in self.sent..wanted.min(most) {
            self.sent += 1;
            let asked = G::ask(&self.junk.next(), self.client());
            let (guard, looked_at) = (Rc::clone(guard), Rc::clone(&self.looked_at));
            spawn_local(async move {
                looked_at.set(looked_at.get() + 1);
                assert!(guard.decide(&asked).await.is_err(), "junk is refused");
            });
        }
    }

    /// How many a second there were in this time.
    pub(super) fn rate(&self, time: Duration) -> f64 {
        self.looked_at.get() as f64 / time.as_secs_f64()
    }

    /// Each from another address of 10.0.0.0/8.
    fn client(&self) -> IpAddr {
        let [_, a, b, c] = (self.sent as u32).to_be_bytes();
        Ipv4Addr::new(10, a, b, c).into()
    }
}
