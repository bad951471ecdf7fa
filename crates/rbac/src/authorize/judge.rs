//! The decision on a request: a plain function over its head.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use gambeson_core::{Access, Rejection, RequestFacts, RequestHead};

use super::record::Act;
use super::recording::Recording;
use super::settings::Settings;
use super::{rejections, telemetry};
use crate::bits::PermissionId;
use crate::policy::Policy;
use crate::table::{RouteTable, Rule};

/// What to do with a request.
pub(crate) enum Verdict {
    Pass,
    /// Let pass, as soon as it is on record.
    Wait(Recording),
    Refuse(Rejection),
}

/// What the policy says about a request.
enum Ruling<'p> {
    Public,
    /// Refused before it came to a permission.
    Unroutable(Rejection),
    /// What it says about a permission.
    On(&'p Cow<'static, str>, PermissionId, Result<(), Rejection>),
}

impl Settings {
    /// Decides, records and logs.
    pub(super) fn judge(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Verdict {
        let policy = self.policy.load();
        let table = self.table.as_deref().unwrap_or_else(|| policy.table());
        let verdict = match self.rule(&policy, table, head, facts) {
            Ruling::Public => Verdict::Pass,
            Ruling::Unroutable(rejection) if self.enforces(&rejection) => Verdict::Refuse(rejection),
            Ruling::Unroutable(rejection) => {
                self.observe(&rejection, facts, head);
                Verdict::Pass
            }
            Ruling::On(permission, id, ruling) => {
                if let Err(rejection) = ruling.as_ref()
                    && !self.enforces(rejection)
                {
                    self.observe(rejection, facts, head);
                }
                let strict = policy.is_strict(id);
                let act = Act { policy: &policy, permission, strict, facts, method: head.method };
                self.settle(&act, ruling)
            }
        };
        if let Verdict::Refuse(rejection) = &verdict {
            telemetry::refused(rejection, facts, head);
            facts.set_rejection(rejection.clone());
        }
        verdict
    }

    fn observe(&self, rejection: &Rejection, facts: &RequestFacts, head: &RequestHead<'_>) {
        self.observed.fetch_add(1, Ordering::Relaxed);
        telemetry::observed(rejection, facts, head);
    }

    fn rule<'p>(
        &self,
        policy: &'p Policy,
        table: &'p RouteTable,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Ruling<'p> {
        if !self.is_authenticated(head, facts) {
            return Ruling::Unroutable(rejections::layer_order());
        }
        let template = self.source.template(head);
        let Some(rules) = template.and_then(|template| table.find(template)) else {
            if let Some(template) = template {
                // Only callers are told of: strangers could make up gRPC methods until nothing more is logged.
                if facts.principal().is_some() && policy.is_newly_uncovered(template) {
                    telemetry::uncovered(template);
                }
                return Ruling::Unroutable(nobody_or(facts, rejections::not_found));
            }
            return match table.fallback().or_else(|| policy.table().fallback()) {
                Some(rule) => apply(policy, rule, facts),
                None => Ruling::Unroutable(nobody_or(facts, rejections::not_found)),
            };
        };
        facts.set_route(rules.route.clone());
        match rules.rule(head.method) {
            Some(rule) => apply(policy, rule, facts),
            None if rules.all_public() => Ruling::Unroutable(rejections::method_not_allowed(rules.allow())),
            None => {
                let other_method = || rejections::method_not_allowed(rules.allow());
                Ruling::Unroutable(nobody_or(facts, other_method))
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
            false => Ruling::Unroutable(rejections::indeterminate()),
        };
    };
    let ruling = match facts.principal() {
        None => Err(rejections::unauthenticated(facts)),
        Some(principal) => rejections::of(policy.decide(principal, id)),
    };
    Ruling::On(name, id, ruling)
}
