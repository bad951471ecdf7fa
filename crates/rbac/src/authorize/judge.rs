//! The decision on a request: a plain function over its head.

use std::borrow::Cow;

use gambeson_core::{Access, Rejection, RequestFacts, RequestHead};

use super::record::{Act, Recorded, Recording};
use super::settings::Settings;
use super::{rejections, telemetry};
use crate::bits::PermissionId;
use crate::decision::Decision;
use crate::policy::Policy;
use crate::table::{RouteTable, Rule};

/// What to do with a request.
pub(super) enum Verdict {
    Pass,
    /// Allowed, as soon as it is on record.
    Wait(Recording),
    Refuse(Rejection),
}

/// What the policy says about a request.
enum Ruling<'p> {
    Public,
    Allowed(&'p Cow<'static, str>, PermissionId),
    /// Refused; with the permission, when it came to that.
    Refused(Rejection, Option<&'p Cow<'static, str>>),
}

impl Settings {
    /// Decides, records and logs.
    pub(super) fn judge(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Verdict {
        let policy = self.policy.load();
        let table = self.table.as_deref().unwrap_or_else(|| policy.table());
        match self.rule(&policy, table, head, facts) {
            Ruling::Public => Verdict::Pass,
            Ruling::Allowed(permission, id) => {
                let act = Act { policy: &policy, permission, facts, method: head.method };
                match self.record_allowed(&act, id) {
                    Recorded::Done => Verdict::Pass,
                    Recorded::Wait(recording) => Verdict::Wait(recording),
                    Recorded::Failed(rejection) => self.refuse(rejection, facts, head),
                }
            }
            Ruling::Refused(rejection, permission) => {
                let enforced = self.enforces(&rejection);
                if let Some(permission) = permission {
                    let act = Act { policy: &policy, permission, facts, method: head.method };
                    self.record_refused(&act, &rejection, enforced);
                }
                if enforced {
                    return self.refuse(rejection, facts, head);
                }
                telemetry::observed(&rejection, facts, head);
                Verdict::Pass
            }
        }
    }

    fn refuse(&self, rejection: Rejection, facts: &RequestFacts, head: &RequestHead<'_>) -> Verdict {
        telemetry::refused(&rejection, facts, head);
        facts.set_rejection(rejection.clone());
        Verdict::Refuse(rejection)
    }

    fn rule<'p>(
        &self,
        policy: &'p Policy,
        table: &'p RouteTable,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Ruling<'p> {
        if !self.is_authenticated(head, facts) {
            return Ruling::Refused(rejections::layer_order(), None);
        }
        let template = self.source.template(head);
        let Some(rules) = template.and_then(|template| table.find(template)) else {
            if let Some(template) = template {
                telemetry::uncovered(template);
                return Ruling::Refused(nobody_or(facts, rejections::not_found), None);
            }
            return match table.fallback().or_else(|| policy.table().fallback()) {
                Some(rule) => apply(policy, rule, facts),
                None => Ruling::Refused(nobody_or(facts, rejections::not_found), None),
            };
        };
        facts.set_route(rules.route.clone());
        match rules.rule(head.method) {
            Some(rule) => apply(policy, rule, facts),
            None if rules.all_public() => {
                Ruling::Refused(rejections::method_not_allowed(rules.allow()), None)
            }
            None => {
                let other_method = || rejections::method_not_allowed(rules.allow());
                Ruling::Refused(nobody_or(facts, other_method), None)
            }
        }
    }

    /// Whether an authentication layer ran; asks the app's own log-in when it was given.
    fn is_authenticated(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> bool {
        if facts.authentication().is_some() {
            return true;
        }
        let own = self.authentication.as_ref().and_then(|own| own.authentication(head));
        own.is_some_and(|authentication| facts.authenticate(authentication).is_ok())
    }
}

/// Nobody learns nothing but that a credential is needed.
fn nobody_or(facts: &RequestFacts, known: impl FnOnce() -> Rejection) -> Rejection {
    match facts.principal() {
        Some(_) => known(),
        None => rejections::unauthenticated(facts),
    }
}

fn apply<'p>(policy: &Policy, rule: &'p Rule, facts: &RequestFacts) -> Ruling<'p> {
    let (Access::Permission(name), Some(id)) = (&rule.access, rule.permission) else {
        return match rule.is_public() {
            true => Ruling::Public,
            false => Ruling::Refused(rejections::indeterminate(), None),
        };
    };
    let Some(principal) = facts.principal() else {
        return Ruling::Refused(rejections::unauthenticated(facts), Some(name));
    };
    match policy.decide(principal, id) {
        Decision::Allow => Ruling::Allowed(name, id),
        Decision::Deny => Ruling::Refused(rejections::forbidden(), Some(name)),
        Decision::Indeterminate => Ruling::Refused(rejections::indeterminate(), Some(name)),
    }
}
