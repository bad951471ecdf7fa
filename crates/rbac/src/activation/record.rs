//! Activations on record: before they hold, when they are refused, and when they end.

use gambeson_core::{AuditEvent, AuditKind, Outcome, RequestFacts};

use super::{Activation, ActivationError, ActivationErrorKind, ActivationKind, Activations, Live};
use crate::authorize::{Verdict, record_async, record_strictly};
use crate::policy::Policy;

impl Activations {
    /// Puts a plan on record and in force, or its refusal on record.
    pub(super) async fn carry_out(
        &self,
        policy: &Policy,
        facts: &RequestFacts,
        role: &str,
        plan: Result<Activation, ActivationErrorKind>,
    ) -> Result<Activation, ActivationError> {
        let checked = plan.and_then(|plan| self.room(&plan, &self.still_live()).map(|()| plan));
        let (plan, caller) = match (checked, facts.principal()) {
            (Ok(plan), Some(caller)) => (plan, caller),
            (checked, _) => {
                let kind = checked.err().unwrap_or(ActivationErrorKind::Unauthenticated);
                let event = self.event(policy, facts, role, Outcome::Denied).detail("cause", kind.as_str());
                record_async(&*self.0.audit, event);
                return Err(kind.into());
            }
        };
        let event = self.describe(policy, facts, &plan);
        let mut failed = event.clone();
        failed.outcome = Outcome::Failed;
        match record_strictly(&self.0.clock, &self.0.audit, event) {
            Verdict::Pass => {
                let kept = self.keep(policy, caller, &plan);
                if kept.is_err() {
                    record_async(&*self.0.audit, failed);
                }
                kept?;
            }
            Verdict::Wait(mut recording) => {
                (&mut recording).await.map_err(|_| ActivationErrorKind::NotRecorded)?;
                // Dropped on the way, the recording tells the trail that it was not begun.
                self.keep(policy, caller, &plan)?;
                recording.begun();
            }
            Verdict::Refuse(_) => return Err(ActivationErrorKind::NotRecorded.into()),
        }
        tracing::warn!(role = %gambeson_core::escape_controls(role), until = %plan.until, "a role was activated");
        Ok(plan)
    }

    fn event(&self, policy: &Policy, facts: &RequestFacts, role: &str, outcome: Outcome) -> AuditEvent {
        let now = self.0.clock.now();
        let mut event =
            AuditEvent::new(AuditKind::Authorization, "role.activate", outcome, now).with_facts(facts);
        event.policy = Some(policy.digest().into());
        event.object = Some(format!("role/{role}").into());
        event
    }

    fn describe(&self, policy: &Policy, facts: &RequestFacts, plan: &Activation) -> AuditEvent {
        let kind = if plan.kind == ActivationKind::BreakGlass { "break-glass" } else { "duty" };
        self.event(policy, facts, &plan.role, Outcome::Success)
            .detail("activation", kind)
            .detail("until", plan.until.to_string())
            .detail("why", plan.reason.to_string())
    }

    /// Puts on record what holds from the start on: somebody may have written it to the store.
    pub(super) fn record_resumed(&self) {
        let policy = self.0.policy.policy();
        for Live { activation, .. } in self.0.live.load().iter() {
            let mut event = self.describe(&policy, &RequestFacts::new(), activation);
            event.action = "role.resume".into();
            event.context.subject = Some(activation.subject.clone());
            record_async(&*self.0.audit, event);
        }
    }

    pub(super) fn record_end(&self, facts: &RequestFacts, role: &str) {
        let policy = self.0.policy.policy();
        let mut event = self.event(&policy, facts, role, Outcome::Success);
        event.action = "role.deactivate".into();
        record_async(&*self.0.audit, event);
    }
}
