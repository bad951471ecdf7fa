//! Taking what a read gave: a new value, the same again, or a failure.

use std::sync::{Arc, Weak};
use std::time::Duration;

use gambeson_core::{Monotonic, SecretBytes, Timestamp};

use super::cell::View;
use super::{Entry, Known, Trouble};
use crate::error::{Malformed, ReadError, ReadErrorKind};
use crate::state::Version;
use crate::store::Fetched;
use crate::wiped::same;
use crate::{record, telemetry};

/// The value as it was last read.
pub(super) struct Reading {
    pub(super) bytes: SecretBytes,
    pub(super) version: Version,
    pub(super) read_at: Timestamp,
    pub(super) fresh_until: Monotonic,
    pub(super) usable_until: Monotonic,
    /// Where it really lay, if not where the reference says.
    pub(super) place: Option<Box<str>>,
    order: Option<u64>,
}

/// How what was fetched stands to what readers have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    News,
    Same,
    /// A replica that lags behind the one that was asked before.
    Older,
}

impl Standing {
    fn of(fetched: &Fetched, before: Option<&Reading>) -> Self {
        let Some(before) = before else { return Self::News };
        if before.order.zip(fetched.order).is_some_and(|(before, now)| now < before) {
            return Self::Older;
        }
        match same(before.bytes.expose(), fetched.bytes.expose()) {
            true => Self::Same,
            false => Self::News,
        }
    }
}

impl Entry {
    /// Takes what a read gave that began at `started`, and says for how long it is good.
    pub(super) fn take(
        &self,
        fetched: Result<Fetched, ReadError>,
        started: Monotonic,
    ) -> Result<Duration, u32> {
        match fetched.and_then(|fetched| self.check_place(fetched)) {
            Ok(fetched) => Ok(self.publish(fetched, started)),
            Err(error) => Err(self.note_failure(&error)),
        }
    }

    /// The allow list is asked about where the secret really lay.
    fn check_place(&self, fetched: Fetched) -> Result<Fetched, ReadError> {
        let place = fetched.resolved.as_deref().unwrap_or(self.reference.location());
        match self.shared.allow.allows(self.reference.scheme(), place) {
            true => Ok(fetched),
            false => {
                let why = "it leads to a secret that is not on the allow list";
                Err(ReadError::new(ReadErrorKind::NotAllowed, &self.reference).because(why))
            }
        }
    }

    fn publish(&self, fetched: Fetched, started: Monotonic) -> Duration {
        let ttl = self.ttl();
        let good_for = fetched.lifetime.map_or(ttl, |lifetime| lifetime.min(ttl));
        let mut known = self.known();
        let recovered = known.trouble.take();
        let standing = Standing::of(&fetched, known.reading.as_ref());
        let mut unusable = Vec::new();
        let good_for = match (standing, &known.reading) {
            (Standing::Older, Some(kept)) => sooner(good_for, kept.fresh_until.since(started)),
            _ => {
                let reading = self.reading(fetched, started, good_for, known.reading.as_ref(), standing);
                unusable = known.turn_to(reading, standing);
                good_for
            }
        };
        let version = known.reading.as_ref().map(|reading| reading.version);
        drop(known);
        if let Some(trouble) = recovered {
            telemetry::recovered(&self.reference, trouble.failures);
        }
        for error in unusable {
            telemetry::unusable(&self.reference, &error.at(&self.reference));
        }
        match (standing, version) {
            (Standing::News, Some(version)) => self.tell_of(version),
            (Standing::Older, _) => telemetry::went_back(&self.reference),
            _ => {}
        }
        good_for
    }

    /// For how long a value counts as fresh.
    fn ttl(&self) -> Duration {
        let ttl = self.shared.policy.ttl;
        self.store.refresh_every().map_or(ttl, |every| every.min(ttl))
    }

    fn reading(
        &self,
        fetched: Fetched,
        started: Monotonic,
        good_for: Duration,
        before: Option<&Reading>,
        standing: Standing,
    ) -> Reading {
        let fresh_until = started.plus(good_for);
        let stale_until = fresh_until.plus(self.shared.policy.max_stale);
        let ends = fetched.lifetime.map(|lifetime| started.plus(lifetime));
        let news = u64::from(standing == Standing::News);
        Reading {
            bytes: fetched.bytes,
            version: Version(before.map_or(0, |before| before.version.0) + news),
            read_at: self.shared.clock.now(),
            fresh_until,
            usable_until: ends.map_or(stale_until, |ends| stale_until.min(ends)),
            place: fetched.resolved,
            order: before.and_then(|before| before.order).max(fetched.order),
        }
    }

    fn tell_of(&self, version: Version) {
        match version {
            Version(1) => telemetry::fetched(&self.reference),
            _ => telemetry::rotated(&self.reference, version),
        }
        record::published(&self.shared, &self.reference, version);
    }

    fn note_failure(&self, error: &ReadError) -> u32 {
        let now = self.shared.clock.now();
        let mut known = self.known();
        let (since, failures) = match known.trouble.take() {
            Some(trouble) => (trouble.since, trouble.failures.saturating_add(1)),
            None => (now, 1),
        };
        known.trouble = Some(Trouble { since, failures, last: error.clone() });
        drop(known);
        telemetry::failed(error, failures);
        match (failures, error.kind()) {
            (1, ReadErrorKind::NotAllowed) => record::refused(&self.shared, error),
            (1, _) => record::failed(&self.shared, error),
            _ => {}
        }
        failures
    }
}

impl Known {
    /// Shows readers what was read; what is wrong with it for those that want it in another shape.
    fn turn_to(&mut self, reading: Reading, standing: Standing) -> Vec<Malformed> {
        // Kept before views see it: they run code of the app.
        let reading = self.reading.insert(reading);
        let views: Vec<Arc<dyn View>> = self.views.iter().filter_map(Weak::upgrade).collect();
        if standing == Standing::News {
            return views.iter().filter_map(|view| view.offer(reading).err()).collect();
        }
        views.iter().for_each(|view| view.confirm(reading.usable_until));
        Vec::new()
    }
}

/// An older version proves nothing of the newer one that readers keep: that is looked for again before it is not fresh any more.
fn sooner(good_for: Duration, left: Duration) -> Duration {
    match left.is_zero() {
        true => good_for,
        false => good_for.min(left),
    }
}
