//! The decision on a request: a plain function over its head.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use gambeson_core::{Access, Rejection, RequestFacts, RequestHead};

use super::record::Act;
use super::recording::Recording;
use super::settings::Settings;
use super::{admission, rejections, telemetry};
use crate::bits::PermissionId;
use crate::decision::Decision;
use crate::policy::{Policy, Terms};
use crate::table::{RouteTable, Rule, TemplateRules};

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
    On(Ruled<'p>),
}

/// What the policy says about a permission.
struct Ruled<'p> {
    permission: &'p Cow<'static, str>,
    id: PermissionId,
    terms: Option<&'p Terms>,
    ruling: Result<(), Rejection>,
}

impl Settings {
    /// Decides, records and logs.
    pub(super) fn judge(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Verdict {
        let policy = self.policy.load();
        let table = self.table.as_deref().unwrap_or_else(|| policy.table());
        let (verdict, terms) = match self.rule(&policy, table, head, facts) {
            Ruling::Public => (Verdict::Pass, None),
            Ruling::Unroutable(rejection) if self.enforces(&rejection) => (Verdict::Refuse(rejection), None),
            Ruling::Unroutable(rejection) => {
                self.observe(&rejection, facts, head);
                (Verdict::Pass, None)
            }
            Ruling::On(Ruled { permission, id, terms, ruling }) => {
                if let Err(rejection) = ruling.as_ref()
                    && !self.enforces(rejection)
                {
                    self.observe(rejection, facts, head);
                }
                let strict = policy.is_strict(id);
                let act = Act { policy: &policy, permission, strict, facts, method: head.method };
                (self.settle(&act, ruling), terms)
            }
        };
        let Verdict::Refuse(rejection) = verdict else { return verdict };
        telemetry::refused(&rejection, facts, head);
        let told = admission::told(rejection, &policy, terms);
        facts.set_rejection(told.clone());
        Verdict::Refuse(told)
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
        let of_policy = || template.filter(|_| table.merges()).and_then(|found| policy.table().find(found));
        let Some(rules) = template.and_then(|found| table.find(found)).or_else(of_policy) else {
            if let Some(template) = template {
                // Only callers are told of: strangers could make up gRPC methods until nothing more is logged.
                if facts.principal().is_some() && policy.is_newly_uncovered(template) {
                    telemetry::uncovered(template);
                }
                return Ruling::Unroutable(nobody_or(facts, rejections::not_found));
            }
            return match table.fallback().or_else(|| policy.table().fallback()) {
                Some(rule) => {
                    self.apply(policy, rule, admission::terms(policy, None, head.method), head, facts)
                }
                None => Ruling::Unroutable(nobody_or(facts, rejections::not_found)),
            };
        };
        facts.set_route(rules.route.clone());
        let merged = || of_policy().and_then(|rules| rules.rule(head.method));
        match rules.rule(head.method).or_else(merged) {
            Some(rule) => {
                self.apply(policy, rule, admission::terms(policy, template, head.method), head, facts)
            }
            None if rules.all_public() => Ruling::Unroutable(rejections::method_not_allowed(rules.allow())),
            None => Ruling::Unroutable(nobody_or(facts, || other_method(policy, rules, facts))),
        }
    }

    fn apply<'p>(
        &self,
        policy: &'p Policy,
        rule: &'p Rule,
        terms: Option<&'p Terms>,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Ruling<'p> {
        let (Access::Permission(permission), Some(id)) = (&rule.access, rule.permission) else {
            return match rule.is_public() {
                true => Ruling::Public,
                false => Ruling::Unroutable(rejections::indeterminate()),
            };
        };
        let ruling = match facts.principal() {
            None => Err(rejections::unauthenticated(facts)),
            Some(caller) => rejections::by(policy, caller, id)
                .and_then(|()| self.admit(policy, caller, id, Some((terms, head)), facts)),
        };
        Ruling::On(Ruled { permission, id, terms, ruling })
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

/// A route that has other methods, but tells of none of them where each is hidden from this caller.
fn other_method(policy: &Policy, rules: &TemplateRules, facts: &RequestFacts) -> Rejection {
    let template = rules.route.as_str();
    let hides = |method| policy.hides(admission::terms(policy, Some(template), method));
    let may = |id| facts.principal().is_some_and(|caller| policy.decide(caller, id) == Decision::Allow);
    match !rules.any_public() && rules.methods().all(hides) && !rules.permissions().any(may) {
        true => rejections::not_found(),
        false => rejections::method_not_allowed(rules.allow()),
    }
}
