//! The collector: what is kept of what strangers send.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gambeson_core::{Access, Clock, EndpointSpec, Monotonic, Profile};
use http::Method;

use super::counts::{ReportCounts, ReportKind};
use super::service::Collect;
use super::suggest::Suggestion;
use super::table::{Noted, Table};
use super::violation::{NotKept, Own, Violation};
use super::{telemetry, wire};
use crate::csp::Csp;
use crate::origin::Origin;
use crate::report_post::ReportFormat;

const MINUTE: Duration = Duration::from_secs(60);

/// A collector of browsers' reports; see the [module](super). A clone is the same one.
#[derive(Debug, Clone)]
pub struct Reports(Arc<Shared>);

pub(super) struct Shared {
    pub(super) path: Box<str>,
    pub(super) body: usize,
    pub(super) per_minute: u32,
    pub(super) samples: bool,
    pub(super) own: Option<Origin>,
    pub(super) profile: Profile,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: Mutex<State>,
}

/// What changes.
pub(super) struct State {
    table: Table,
    counts: ReportCounts,
    began: Monotonic,
    used: u32,
}

impl State {
    pub(super) fn new(entries: usize, began: Monotonic) -> Self {
        Self { table: Table::new(entries), counts: ReportCounts::default(), began, used: 0 }
    }

    /// Whether there is room for one more in this minute.
    fn has_room(&mut self, now: Monotonic, per_minute: u32) -> bool {
        if now >= self.began.plus(MINUTE) {
            (self.began, self.used) = (now, 0);
        }
        self.used < per_minute
    }
}

impl Reports {
    pub(super) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Where it is to be mounted: `POST` of its path, for everybody, behind the same checks as everything else. The cross-site
    /// check lets reports through where [`Hardening::reports`](crate::Hardening::reports) names the same path.
    #[must_use]
    pub fn endpoint(&self) -> EndpointSpec {
        let why = "browsers report without credentials; nothing is told, and what is kept is bounded";
        EndpointSpec::new(Method::POST, self.0.path.to_string(), Access::Public(Cow::Borrowed(why)))
    }

    /// The service that answers there, for a router whose bodies are `B`; another path than its own is the router's matter.
    #[must_use]
    pub fn service<B>(&self) -> Collect<B> {
        Collect::new(self.clone())
    }

    /// The service as axum routes it: `router.route(&reports.endpoint().template, reports.method_router())`.
    #[cfg(feature = "axum")]
    pub fn method_router<S: Clone>(&self) -> axum::routing::MethodRouter<S> {
        axum::routing::any_service(self.service::<axum::body::Body>())
    }

    /// The violations in the table, in no order.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.state().table.entries().to_vec()
    }

    /// What it counted.
    #[must_use]
    pub fn counts(&self) -> ReportCounts {
        self.state().counts.clone()
    }

    /// Empties the table: after a policy has changed, what it was told before says little. The counts stay.
    pub fn clear(&self) {
        self.state().table.clear();
    }

    /// What the table would have this policy say, for a person or CI to review; see [`Suggestion`]. Sources are whole origins;
    /// never proposed are `'unsafe-inline'`, `'unsafe-eval'`, wildcards, and `data:` where code would run from it.
    ///
    /// It changes nothing: a policy is what [`Hardening::build`](crate::Hardening::build) was given.
    #[must_use]
    pub fn suggest(&self, policy: &Csp) -> Suggestion {
        Suggestion::of(policy, self.state().table.entries())
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a body is worth reading; one that comes when the minute is full is counted.
    pub(super) fn is_open(&self) -> bool {
        let now = self.0.clock.monotonic();
        let mut state = self.state();
        let open = state.has_room(now, self.0.per_minute);
        if !open {
            state.counts.dropped += 1;
            telemetry::dropped(state.counts.dropped);
        }
        open
    }

    /// Keeps what can be kept of a body that was sent to this host.
    pub(super) fn take(&self, format: ReportFormat, body: &[u8], host: Option<&str>) {
        let read = wire::read(format, body);
        let mut fresh = Vec::new();
        {
            let mut state = self.state();
            let Some(reports) = read else {
                state.used = state.used.saturating_add(1);
                state.counts.malformed += 1;
                return;
            };
            state.counts.dropped = state.counts.dropped.saturating_add(reports.more);
            for report in reports.taken {
                self.take_one(report, host, &mut state, &mut fresh);
            }
        }
        fresh.iter().for_each(|violation| telemetry::new(violation, self.0.profile));
    }

    fn take_one(
        &self,
        report: wire::Report,
        host: Option<&str>,
        state: &mut State,
        fresh: &mut Vec<Violation>,
    ) {
        let shared = &*self.0;
        if !state.has_room(shared.clock.monotonic(), shared.per_minute) {
            state.counts.dropped += 1;
            return telemetry::dropped(state.counts.dropped);
        }
        state.used += 1;
        let Some(kind) = report.kind.as_deref().map(ReportKind::parse) else {
            state.counts.malformed += 1;
            return;
        };
        state.counts.count(kind);
        if kind != ReportKind::CspViolation {
            return;
        }
        let own = Own { host, origin: shared.own.as_ref() };
        match Violation::read(report.body, report.url, own, shared.samples, shared.clock.now()) {
            Ok(violation) => state.keep(violation, fresh),
            Err(NotKept::Malformed) => state.counts.malformed += 1,
            Err(NotKept::Noise) => state.counts.noise += 1,
            Err(NotKept::Foreign) => {
                state.counts.foreign += 1;
                telemetry::foreign(state.counts.foreign);
            }
        }
    }
}

impl State {
    fn keep(&mut self, violation: Violation, fresh: &mut Vec<Violation>) {
        self.counts.kept += 1;
        let noted = self.table.note(violation.clone());
        self.counts.evicted += u64::from(noted == Noted::InPlace);
        if noted != Noted::Again {
            fresh.push(violation);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("path", &self.path)
            .field("per_minute", &self.per_minute)
            .finish_non_exhaustive()
    }
}
