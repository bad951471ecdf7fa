//! Audit events of decisions.

use std::borrow::Cow;

use gambeson_core::{
    Answer, AuditError, AuditEvent, AuditKind, BoxFuture, Durability, Mode, Outcome, Receipt, Rejection,
    RequestFacts,
};
use http::Method;

use super::settings::Settings;
use super::{rejections, telemetry};
use crate::bits::PermissionId;
use crate::policy::Policy;

/// A recording that is on its way to stable storage.
pub(crate) type Recording = BoxFuture<Result<Receipt, AuditError>>;

/// Whether an allowed act may go on.
pub(crate) enum Recorded {
    /// It is on record as surely as the policy asks.
    Done,
    /// It must wait for this.
    Wait(Recording),
    /// It can't be put on record.
    Failed(Rejection),
}

/// A decision on a permission, for a request.
pub(crate) struct Act<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) permission: &'a Cow<'static, str>,
    pub(crate) facts: &'a RequestFacts,
    pub(crate) method: &'a Method,
}

impl Act<'_> {
    fn event(&self, settings: &Settings, outcome: Outcome, reason: Option<&'static str>) -> AuditEvent {
        let now = settings.clock.now();
        let mut event = AuditEvent::new(AuditKind::Authorization, self.permission.clone(), outcome, now)
            .with_facts(self.facts);
        event.method = Some(self.method.clone());
        event.reason = reason.map(Cow::Borrowed);
        event.policy = Some(self.policy.digest().into());
        event
    }
}

impl Settings {
    /// Puts an allowed act on record.
    pub(crate) fn record_allowed(&self, act: &Act<'_>, permission: PermissionId) -> Recorded {
        let strict = act.policy.is_strict(permission);
        match &self.audit {
            Some(sink) if strict => {
                let event = act.event(self, Outcome::Success, None);
                match sink.record(event, Durability::Strict) {
                    Answer::Ready(answer) => {
                        judge_receipt(answer).map_or_else(Recorded::Failed, |()| Recorded::Done)
                    }
                    Answer::Pending(recording) => Recorded::Wait(recording),
                }
            }
            None if strict => {
                let cause =
                    "the policy asks for strict audit, but the layer has no audit sink: give `.audit(…)`";
                Recorded::Failed(rejections::audit_unavailable().cause(cause))
            }
            _ => {
                self.record(|| act.event(self, Outcome::Success, None));
                Recorded::Done
            }
        }
    }

    /// Puts a refused act on record, or one that was let pass while observing.
    pub(crate) fn record_refused(&self, act: &Act<'_>, rejection: &Rejection, carried_out: bool) {
        let slug = Some(rejection.slug());
        self.record(|| match carried_out {
            true => act.event(self, Outcome::Denied, slug),
            false => act.event(self, Outcome::Success, slug).detail("mode", "observe"),
        });
    }

    fn record(&self, event: impl FnOnce() -> AuditEvent) {
        let Some(sink) = &self.audit else { return };
        // A sink answers `Async` at once; what it does not take is its own to count.
        if let Answer::Ready(Err(error)) = sink.record(event(), Durability::Async) {
            telemetry::unrecorded(&error);
        }
    }

    /// Whether a refusal is carried out. A fault of the stack is, always.
    pub(crate) fn enforces(&self, rejection: &Rejection) -> bool {
        let bug = rejection.class() == gambeson_core::RejectionClass::Bug;
        bug || self.mode == Mode::Enforce || self.mode.enforces(self.clock.now())
    }
}

/// A strict act goes on only when it is on stable storage.
pub(crate) fn judge_receipt(answer: Result<Receipt, AuditError>) -> Result<(), Rejection> {
    match answer {
        Ok(receipt) if receipt.durable => Ok(()),
        Ok(_) => Err(rejections::audit_unavailable().cause("the audit sink is not durable")),
        Err(error) => {
            telemetry::unrecorded(&error);
            Err(rejections::audit_unavailable().cause(error))
        }
    }
}
