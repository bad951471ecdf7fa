//! The decision: who may pass, who owes.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gambeson_core::{Clock, Gcra, GcraDecision, PeerInfo, Rejection};
use http::HeaderMap;

use super::fields::Fields;
use super::network::Networks;
use super::rate::EdgeRate;
use super::table::{Table, Taken};
use super::{rejection, telemetry};
use crate::exempt::ExemptEndpoints;

/// The state that all clones of a layer share.
#[derive(Debug)]
pub(super) struct Limiter {
    pub(super) rate: EdgeRate,
    pub(super) gcra: Gcra,
    pub(super) fields: Fields,
    pub(super) networks: Networks,
    pub(super) table: Table,
    /// One entry for all requests whose client is not known.
    pub(super) nameless: Table,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) exempt: ExemptEndpoints,
    pub(super) counts: Counts,
}

/// What the limiter counted; only what is not a plain pass.
#[derive(Debug, Default)]
pub(super) struct Counts {
    refused: AtomicU64,
    observed: AtomicU64,
    overflowed: AtomicU64,
    nameless: AtomicU64,
    charged: AtomicU64,
}

/// What an edge limiter has seen since it was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EdgeLimitReport {
    /// Requests refused.
    pub refused: u64,
    /// Requests let through that enforcing would have refused.
    pub observed: u64,
    /// Requests whose client found no room in the table and was counted in the shared strict bucket.
    pub overflowed: u64,
    /// Requests whose client address was not known.
    pub nameless: u64,
    /// Extra units charged for failed credentials and by `penalise`.
    pub charged: u64,
}

/// Whom a request is counted for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Who {
    Network(u64),
    Nameless,
}

/// What is to be done with a request.
pub(super) enum Verdict {
    /// Let it pass; the fields are left and when all is back.
    Pass { who: Who, left: Option<(u32, Duration)> },
    /// Refuse it; it may come again after this time.
    Refuse { after: Duration },
}

impl Limiter {
    /// Decides about a request by this peer.
    pub(super) fn decide(&self, peer: &PeerInfo) -> Verdict {
        self.decide_for(self.who(peer))
    }

    /// Decides about a request by whoever is at this address.
    pub(super) fn decide_address(&self, address: IpAddr) -> Verdict {
        self.decide_for(Who::Network(self.networks.hash(address)))
    }

    fn decide_for(&self, who: Who) -> Verdict {
        let now = self.clock.monotonic().as_nanos();
        let Taken { decision, overflowed } = match who {
            Who::Network(hash) => self.table.take(hash, now, &self.gcra, 1),
            Who::Nameless => self.nameless.take(0, now, &self.gcra, 1),
        };
        if overflowed {
            telemetry::overflow(self.counts.overflowed.fetch_add(1, Ordering::Relaxed) + 1);
        }
        match decision {
            GcraDecision::Allowed { remaining, reset, .. } => {
                Verdict::Pass { who, left: self.rate.fields_on_pass.then_some((remaining, reset)) }
            }
            GcraDecision::Denied { retry_after } => self.denied(who, retry_after),
            // A kind of answer that this crate does not know yet is no permission.
            _ => self.denied(who, self.gcra.window()),
        }
    }

    fn who(&self, peer: &PeerInfo) -> Who {
        match peer.address {
            Some(address) => Who::Network(self.networks.hash(address)),
            None => {
                telemetry::nameless(self.counts.nameless.fetch_add(1, Ordering::Relaxed) + 1);
                Who::Nameless
            }
        }
    }

    fn denied(&self, who: Who, after: Duration) -> Verdict {
        if self.rate.mode.enforces(self.clock.now()) {
            telemetry::refused(self.counts.refused.fetch_add(1, Ordering::Relaxed) + 1);
            return Verdict::Refuse { after };
        }
        telemetry::observed(self.counts.observed.fetch_add(1, Ordering::Relaxed) + 1);
        Verdict::Pass { who, left: self.rate.fields_on_pass.then_some((0, after)) }
    }

    /// Charges somebody without asking.
    pub(super) fn charge(&self, who: Who, units: u32) {
        if units == 0 {
            return;
        }
        let now = self.clock.monotonic().as_nanos();
        let overflowed = match who {
            Who::Network(hash) => self.table.charge(hash, now, &self.gcra, units),
            Who::Nameless => self.nameless.charge(0, now, &self.gcra, units),
        };
        if overflowed {
            telemetry::overflow(self.counts.overflowed.fetch_add(1, Ordering::Relaxed) + 1);
        }
        self.counts.charged.fetch_add(u64::from(units), Ordering::Relaxed);
    }

    pub(super) fn charge_address(&self, address: IpAddr, units: u32) {
        self.charge(Who::Network(self.networks.hash(address)), units);
    }

    /// The refusal of a request that came too early by this time.
    pub(super) fn refusal(&self, after: Duration) -> Rejection {
        let mut headers = HeaderMap::with_capacity(2);
        self.fields.write(&mut headers, 0, after);
        let refusal = rejection::too_many_requests().retry_after(after);
        headers.into_iter().fold(refusal, |refusal, (name, value)| match name {
            Some(name) => refusal.header(name, value),
            None => refusal,
        })
    }

    pub(super) fn report(&self) -> EdgeLimitReport {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        EdgeLimitReport {
            refused: read(&self.counts.refused),
            observed: read(&self.counts.observed),
            overflowed: read(&self.counts.overflowed),
            nameless: read(&self.counts.nameless),
            charged: read(&self.counts.charged),
        }
    }
}
