//! Audit events of decisions, and what comes of an act that can't be put on record.

use std::borrow::Cow;
use std::sync::Arc;

use gambeson_core::{
    Answer, AuditEvent, AuditKind, AuditSink, Clock, Durability, Mode, Outcome, Principal, Receipt,
    Rejection, RejectionClass, RequestFacts, Timestamp,
};
use http::Method;

use super::judge::Verdict;
use super::recording::{Promise, Recording};
use super::settings::Settings;
use super::{rejections, telemetry};
use crate::activation::Taken;
use crate::condition::Attributes;
use crate::effective::Situation;
use crate::past::{MODE, WHY, details_of};
use crate::policy::{PartyNames, Policy};

/// A decision on a permission, for a request.
pub(crate) struct Act<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) permission: &'a Cow<'static, str>,
    /// Whether it must be on record before it happens.
    pub(crate) strict: bool,
    /// The roles that were activated, where the caller may because of them.
    pub(crate) taken: Option<&'a Taken<'a>>,
    pub(crate) facts: &'a RequestFacts,
    pub(crate) method: &'a Method,
    /// The record that is acted upon, when it is at hand.
    pub(crate) record: Option<&'a dyn Attributes>,
}

impl Act<'_> {
    fn is_strict(&self) -> bool {
        self.strict || self.taken.is_some_and(|taken| taken.breaks_glass)
    }

    #[inline(never)]
    fn event(&self, settings: &Settings, outcome: Outcome, reason: Option<&'static str>) -> AuditEvent {
        let now = settings.clock.now();
        let mut event = AuditEvent::new(AuditKind::Authorization, self.permission.clone(), outcome, now)
            .with_facts(self.facts);
        event.method = Some(self.method.clone());
        event.reason = reason.map(Cow::Borrowed);
        event.policy = Some(self.policy.digest().into());
        if let Some(principal) = self.facts.principal() {
            event.details = self.explain(principal, now, reason.is_some());
        }
        if self.taken.is_some() { event.detail("activated", "true") } else { event }
    }

    /// What decided, so that the decision can be made again, and why it is a refusal if it is one.
    fn explain(&self, caller: &Principal, now: Timestamp, refused: bool) -> Vec<(&'static str, String)> {
        let looked_up = match self.taken {
            None => self.policy.names(caller).ok(),
            Some(_) => None,
        };
        // Where the roles are not known there is nothing to decide anew, and the refusal has its own cause.
        let names = looked_up.as_ref().or(self.taken.map(|taken| &taken.party.names));
        let Some(mut asker) = names.map(PartyNames::asker) else { return Vec::new() };
        let taken = self.taken.iter().flat_map(|taken| &taken.roles);
        asker.activated = taken.map(|role| self.policy.role_name(*role)).collect();
        let mut details = details_of(self.policy, &asker, self.permission, self.record);
        if refused {
            let then = Situation::then(now);
            let situation = self.record.map_or(then, |record| then.upon(record));
            details.push((WHY, self.policy.why_of(Ok(&asker), self.permission, &situation).line()));
        }
        details
    }
}

impl Settings {
    /// Puts on record what the policy says about an act, and says what comes of it.
    pub(crate) fn settle(&self, act: &Act<'_>, ruling: Result<(), Rejection>) -> Verdict {
        match ruling {
            Ok(()) => self.let_pass(act, || act.event(self, Outcome::Success, None)),
            Err(rejection) if self.enforces(&rejection) => self.refuse(act, rejection),
            Err(observed) => self.let_pass(act, || {
                act.event(self, Outcome::Success, Some(observed.slug())).detail(MODE, "observe")
            }),
        }
    }

    /// Puts on record that an act is refused.
    #[inline(never)]
    pub(crate) fn refuse(&self, act: &Act<'_>, rejection: Rejection) -> Verdict {
        let outcome = match rejection.class() {
            RejectionClass::Dependency => Outcome::Failed,
            _ => Outcome::Denied,
        };
        self.record(|| {
            let event = act.event(self, outcome, Some(rejection.slug()));
            match rejection.private_cause() {
                Some(cause) => event.detail("cause", cause.to_string()),
                None => event,
            }
        });
        Verdict::Refuse(rejection)
    }

    /// Puts an act that goes on upon record: a strict one before it does.
    fn let_pass(&self, act: &Act<'_>, event: impl FnOnce() -> AuditEvent) -> Verdict {
        match &self.audit {
            Some(sink) if act.is_strict() => record_strictly(&self.clock, sink, event()),
            None if act.is_strict() => {
                let cause =
                    "the policy asks for strict audit, but the layer has no audit sink: give `.audit(…)`";
                Verdict::Refuse(rejections::audit_unavailable().cause(cause))
            }
            _ => {
                self.record(event);
                Verdict::Pass
            }
        }
    }

    fn record(&self, event: impl FnOnce() -> AuditEvent) {
        if let Some(sink) = &self.audit {
            record_async(&**sink, event());
        }
    }

    /// Whether a refusal is carried out. A fault of the stack is, always.
    pub(crate) fn enforces(&self, rejection: &Rejection) -> bool {
        let bug = rejection.class() == RejectionClass::Bug;
        bug || self.mode == Mode::Enforce || self.mode.enforces(self.clock.now())
    }
}

/// Puts an act on stable storage before it goes on.
#[inline(never)]
pub(crate) fn record_strictly(
    clock: &Arc<dyn Clock>,
    sink: &Arc<dyn AuditSink>,
    event: AuditEvent,
) -> Verdict {
    let promised = event.clone();
    match sink.record(event, Durability::Strict) {
        Answer::Ready(Ok(Receipt { durable: true, .. })) => Verdict::Pass,
        Answer::Ready(Ok(_)) => Verdict::Refuse(Promise::new(clock, sink, promised).not_durable()),
        Answer::Ready(Err(error)) => {
            telemetry::unrecorded(&error);
            Verdict::Refuse(rejections::audit_unavailable().cause(error))
        }
        Answer::Pending(answer) => {
            Verdict::Wait(Box::new(Recording::new(answer, Promise::new(clock, sink, promised))))
        }
    }
}

pub(crate) fn record_async(sink: &dyn AuditSink, event: AuditEvent) {
    // A sink answers `Async` at once; what it does not take is its own to count.
    if let Answer::Ready(Err(error)) = sink.record(event, Durability::Async) {
        telemetry::unrecorded(&error);
    }
}
