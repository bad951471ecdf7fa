//! The next policy, which decides beside the one in force and changes nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::Guard;
use gambeson_core::{AuditEvent, AuditKind, Outcome, Rejection, RequestFacts};
use http::Method;

use super::record::record_async;
use super::settings::Settings;
use super::telemetry;
use crate::condition::Attributes;
use crate::effective::Situation;
use crate::handle::PolicyHandle;
use crate::noted::Noted;
use crate::past::{SHADOW, WHY, details_of};
use crate::policy::Policy;

/// The reason of events that tell of another decision.
const REASON: &str = "shadow-differs";

/// The next policy, and how often it would have decided otherwise.
#[derive(Debug)]
pub(crate) struct Shadow {
    next: PolicyHandle,
    compared: AtomicU64,
    would_allow: AtomicU64,
    would_refuse: AtomicU64,
    otherwise: AtomicU64,
    /// What was logged already, and what strangers have caused an event for.
    told: Noted,
}

/// How often the next policy would have answered otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShadowReport {
    /// How many requests and further checks both policies decided on.
    pub compared: u64,
    /// How many of them only the next one lets pass.
    pub would_allow: u64,
    /// How many of them only the one in force lets pass.
    pub would_refuse: u64,
    /// How many of them both refuse, each for another reason.
    pub otherwise: u64,
}

impl ShadowReport {
    /// How many would have been answered otherwise.
    #[must_use]
    pub fn differing(&self) -> u64 {
        self.would_allow + self.would_refuse + self.otherwise
    }
}

/// What a policy says in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Pass,
    /// With the slug of the refusal.
    Refuse(&'static str),
}

impl Said {
    fn outcome(self) -> Outcome {
        match self {
            Self::Pass => Outcome::Success,
            Self::Refuse(slug) if slug == super::rejections::INDETERMINATE => Outcome::Failed,
            Self::Refuse(_) => Outcome::Denied,
        }
    }

    fn slug(self) -> Option<&'static str> {
        match self {
            Self::Pass => None,
            Self::Refuse(slug) => Some(slug),
        }
    }
}

impl From<&Result<(), Rejection>> for Said {
    fn from(ruling: &Result<(), Rejection>) -> Self {
        match ruling {
            Ok(()) => Self::Pass,
            Err(rejection) => Self::Refuse(rejection.slug()),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug().unwrap_or("pass"))
    }
}

/// One decision, as both policies see it.
pub(crate) struct Both<'a> {
    pub(crate) current: (&'a Policy, Said),
    pub(crate) next: (&'a Policy, Said),
    /// What is asked for, when one of them came so far.
    pub(crate) permission: Option<&'a str>,
    pub(crate) facts: &'a RequestFacts,
    pub(crate) method: &'a Method,
    pub(crate) record: Option<&'a dyn Attributes>,
}

impl Shadow {
    pub(super) fn new(next: PolicyHandle) -> Self {
        Self {
            next,
            compared: AtomicU64::new(0),
            would_allow: AtomicU64::new(0),
            would_refuse: AtomicU64::new(0),
            otherwise: AtomicU64::new(0),
            told: Noted::default(),
        }
    }

    /// The next policy.
    pub(crate) fn policy(&self) -> Guard<Arc<Policy>> {
        self.next.load()
    }

    pub(super) fn report(&self) -> ShadowReport {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ShadowReport {
            compared: read(&self.compared),
            would_allow: read(&self.would_allow),
            would_refuse: read(&self.would_refuse),
            otherwise: read(&self.otherwise),
        }
    }
}

impl Settings {
    /// Counts, logs and puts on record where the next policy says otherwise.
    pub(crate) fn compare(&self, shadow: &Shadow, both: &Both<'_>) {
        shadow.compared.fetch_add(1, Ordering::Relaxed);
        let (said, would_say) = (both.current.1, both.next.1);
        let count = match (said, would_say) {
            (a, b) if a == b => return,
            (Said::Refuse(_), Said::Pass) => &shadow.would_allow,
            (Said::Pass, Said::Refuse(_)) => &shadow.would_refuse,
            _ => &shadow.otherwise,
        };
        count.fetch_add(1, Ordering::Relaxed);
        let route = both.facts.route().map(gambeson_core::MatchedRoute::as_str).unwrap_or_default();
        let is_new = shadow.told.is_new(&format!("{said} {would_say} {} {route}", both.method));
        if is_new {
            telemetry::shadow_differs(said, would_say, both);
        }
        // Each of a caller's, whose decisions are on record anyway; of strangers' only what is new.
        if is_new || both.facts.principal().is_some() {
            self.record_difference(both);
        }
    }

    fn record_difference(&self, both: &Both<'_>) {
        let Some(sink) = &self.audit else { return };
        let ((current, said), (next, would_say)) = (both.current, both.next);
        let action = both.permission.unwrap_or("route");
        let mut event =
            AuditEvent::new(AuditKind::Authorization, action.to_owned(), said.outcome(), self.clock.now())
                .with_facts(both.facts)
                .detail(SHADOW, next.digest())
                .detail("shadow_outcome", would_say.outcome().as_str());
        event.method = Some(both.method.clone());
        event.reason = Some(REASON.into());
        event.policy = Some(current.digest().into());
        event.details.extend(would_say.slug().map(|slug| ("shadow_reason", slug.to_owned())));
        if let Some(principal) = both.facts.principal() {
            if let Ok(names) = current.names(principal) {
                event.details.extend(details_of(current, &names.asker(), action, both.record));
            }
            if let (Some(permission), Said::Refuse(_)) = (both.permission, would_say) {
                let now = Situation::at(&*self.clock);
                let situation = both.record.map_or(now, |record| now.upon(record));
                let why = next.why_in(principal, permission, &situation);
                event.details.push((WHY, why.line()));
            }
        }
        record_async(&**sink, event);
    }
}
