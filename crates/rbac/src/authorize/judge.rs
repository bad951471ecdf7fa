//! The decision on a request: a plain function over its head.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use gambeson_core::{Access, Principal, Rejection, RequestFacts, RequestHead};

use super::record::Act;
use super::recording::Recording;
use super::settings::{Decided, Settings};
use super::shadow::{Both, Said, Shadow};
use super::{admission, rejections, telemetry};
use crate::activation::Taken;
use crate::bits::PermissionId;
use crate::decision::Decision;
use crate::policy::{Policy, Terms};
use crate::scope::Scope;
use crate::table::{RouteTable, Rule, TemplateRules};

const NO_PARAMETERS: &str = "the route has a scope, and nothing reads path parameters: `.parameters_from(…)`";

/// What to do with a request.
pub(crate) enum Verdict {
    Pass,
    /// Let pass, as soon as it is on record.
    Wait(Box<Recording>),
    Refuse(Rejection),
}

/// What the policy says about a request.
enum Ruling<'p> {
    Public,
    /// Refused before it came to a permission.
    Unroutable(Rejection),
    On(Ruled<'p>),
    /// The handler decides, upon the record.
    InHandler,
}

/// What the policy says about a permission.
struct Ruled<'p> {
    permission: &'p Cow<'static, str>,
    id: PermissionId,
    terms: Option<&'p Terms>,
    ruling: Result<(), Rejection>,
    /// The roles that were activated, where they are the reason.
    taken: Option<Box<Taken<'p>>>,
    /// Whether it holds while observing too: what is asked for is another's.
    always: bool,
}

impl Ruling<'_> {
    fn said(&self) -> Said {
        match self {
            Self::Public | Self::InHandler => Said::Pass,
            Self::Unroutable(rejection) => Said::Refuse(rejection.slug()),
            Self::On(ruled) => Said::from(&ruled.ruling),
        }
    }

    fn permission(&self) -> Option<&str> {
        match self {
            Self::On(ruled) => Some(ruled.permission),
            _ => None,
        }
    }
}

/// Whether a policy judges, or only looks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Judging,
    Beside,
}

impl Settings {
    /// Decides, records and logs.
    pub(super) fn judge(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Verdict {
        self.policy.look(|policy| self.judge_by(policy, head, facts))
    }

    #[inline]
    fn judge_by(&self, policy: &Policy, head: &RequestHead<'_>, facts: &RequestFacts) -> Verdict {
        let table = self.table.as_deref().unwrap_or_else(|| policy.table());
        let ruling = self.rule(policy, table, Sight::Judging, head, facts);
        if let Some(shadow) = &self.shadow {
            self.judge_beside(shadow, policy, &ruling, head, facts);
        }
        let usurps = |policy: &Policy| facts.principal().is_some_and(|caller| policy.usurps_tenant(caller));
        let (verdict, terms) = match ruling {
            Ruling::Public | Ruling::InHandler => (Verdict::Pass, None),
            Ruling::Unroutable(rejection) if self.enforces(&rejection) || usurps(policy) => {
                (Verdict::Refuse(rejection), None)
            }
            Ruling::Unroutable(rejection) => {
                self.observe(&rejection, facts, head);
                (Verdict::Pass, None)
            }
            Ruling::On(Ruled { permission, id, terms, ruling, taken, always }) => {
                let (strict, method) = (policy.is_strict(id), head.method);
                let taken = taken.as_deref();
                let act = Act { policy, permission, strict, taken, facts, method, record: None };
                let verdict = match ruling {
                    Err(rejection) if always => self.refuse(&act, rejection),
                    ruling => {
                        if let Err(rejection) = ruling.as_ref()
                            && !self.enforces(rejection)
                        {
                            self.observe(rejection, facts, head);
                        }
                        self.settle(&act, ruling)
                    }
                };
                (verdict, terms)
            }
        };
        let Verdict::Refuse(rejection) = verdict else { return verdict };
        telemetry::refused(&rejection, facts, head);
        let told = admission::told(rejection, policy, terms);
        facts.set_rejection(told.clone());
        Verdict::Refuse(told)
    }

    #[cold]
    fn observe(&self, rejection: &Rejection, facts: &RequestFacts, head: &RequestHead<'_>) {
        self.observed.fetch_add(1, Ordering::Relaxed);
        telemetry::observed(rejection, facts, head);
    }

    /// Lets the next policy judge the request too. Changes nothing.
    #[inline(never)]
    fn judge_beside(
        &self,
        shadow: &Shadow,
        policy: &Policy,
        ruling: &Ruling<'_>,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) {
        let next = shadow.policy();
        let table = self.table.as_deref().unwrap_or_else(|| next.table());
        let beside = self.rule(&next, table, Sight::Beside, head, facts);
        let both = Both {
            current: (policy, ruling.said()),
            next: (&next, beside.said()),
            permission: ruling.permission().or_else(|| beside.permission()),
            facts,
            method: head.method,
            record: None,
        };
        self.compare(shadow, &both);
    }

    #[inline]
    fn rule<'p>(
        &self,
        policy: &'p Policy,
        table: &'p RouteTable,
        sight: Sight,
        head: &RequestHead<'_>,
        facts: &'p RequestFacts,
    ) -> Ruling<'p> {
        if !self.is_authenticated(head, facts) {
            return Ruling::Unroutable(rejections::layer_order());
        }
        match self.find(policy, table, sight, head, facts) {
            Ok((rule, terms)) => self.apply(policy, rule, terms, sight, head, facts),
            Err(rejection) => Ruling::Unroutable(rejection),
        }
    }

    /// The rule of the route that was matched, and what the policy says of it beside.
    ///
    /// # Errors
    /// There is none.
    #[inline]
    fn find<'p>(
        &self,
        policy: &'p Policy,
        table: &'p RouteTable,
        sight: Sight,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Result<(&'p Rule, Option<&'p Terms>), Rejection> {
        let template = self.source.template(head);
        let of_policy = || template.filter(|_| table.merges()).and_then(|found| policy.table().find(found));
        let Some(rules) = template.and_then(|found| table.find(found)).or_else(of_policy) else {
            let rule = unknown_route(policy, table, template, sight, facts)?;
            return Ok((rule, admission::terms(policy, None, head.method)));
        };
        if sight == Sight::Judging && facts.route().is_none() {
            facts.set_route(rules.route.clone());
        }
        let merged = || of_policy().and_then(|rules| rules.rule(head.method));
        match rules.rule(head.method).or_else(merged) {
            Some(rule) => Ok((rule, admission::terms(policy, template, head.method))),
            None if rules.all_public() => Err(rejections::method_not_allowed(rules.allow())),
            None => Err(nobody_or(facts, || self.other_method(policy, rules, sight, facts))),
        }
    }

    #[inline]
    fn apply<'p>(
        &self,
        policy: &'p Policy,
        rule: &'p Rule,
        terms: Option<&'p Terms>,
        sight: Sight,
        head: &RequestHead<'_>,
        facts: &'p RequestFacts,
    ) -> Ruling<'p> {
        let (Access::Permission(permission), Some(id)) = (&rule.access, number(policy, rule, sight)) else {
            return match rule.is_public() {
                true => Ruling::Public,
                false => Ruling::Unroutable(rejections::indeterminate()),
            };
        };
        let on = |ruling, taken, always| Ruling::On(Ruled { permission, id, terms, ruling, taken, always });
        let Some(caller) = facts.principal() else {
            // A scope is never only observed: nobody is in no tenant.
            return on(Err(rejections::unauthenticated(facts)), None, !rule.scope.is_empty());
        };
        let Decided { decision, taken } = self.decide(policy, caller, id, None);
        // Not only observed either: the handler would count and record what it does as another tenant's.
        let always = decision != Decision::Allow && policy.usurps_tenant(caller);
        if !rule.scope.is_empty()
            && let Err(rejection) = self.within(policy, &rule.scope, caller, head)
        {
            return match rejections::by(policy, caller, decision) {
                Err(denied) if decision == Decision::Deny && self.enforces(&denied) => {
                    on(Err(denied), None, false)
                }
                _ => on(Err(rejection), None, true),
            };
        }
        let in_handler = rule.on_record && matches!(decision, Decision::Allow | Decision::Conditional);
        let may = if in_handler { Ok(()) } else { rejections::by(policy, caller, decision) };
        match may.and_then(|()| self.admit(policy, caller, id, Some((terms, head)), facts)) {
            Ok(()) if in_handler => Ruling::InHandler,
            ruling => on(ruling, taken, always),
        }
    }

    /// Whether what is asked for is in the caller's scope.
    #[inline(never)]
    fn within(
        &self,
        policy: &Policy,
        scope: &Scope,
        caller: &Principal,
        head: &RequestHead<'_>,
    ) -> Result<(), Rejection> {
        let Some(source) = &self.parameters else {
            return Err(rejections::indeterminate().cause(NO_PARAMETERS));
        };
        match scope.holds(caller, policy.tenant(caller), |name| source.parameter(head, name)) {
            true => Ok(()),
            false => Err(rejections::not_found()),
        }
    }

    /// A route that has other methods, but tells of none of them where each is hidden from this caller.
    fn other_method(
        &self,
        policy: &Policy,
        rules: &TemplateRules,
        sight: Sight,
        facts: &RequestFacts,
    ) -> Rejection {
        let template = rules.route.as_str();
        let hides = |method| policy.hides(admission::terms(policy, Some(template), method));
        // Only those are told that there is nothing who would be: who is denied.
        let may = |id| {
            let caller = facts.principal();
            caller.is_some_and(|caller| self.decide(policy, caller, id, None).decision != Decision::Deny)
        };
        let mut asked = rules.rules().filter_map(|rule| number(policy, rule, sight));
        match !rules.any_public() && rules.methods().all(hides) && !asked.any(may) {
            true => rejections::not_found(),
            false => rejections::method_not_allowed(rules.allow()),
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

/// The number that the policy has for what the rule asks for.
#[inline]
fn number(policy: &Policy, rule: &Rule, sight: Sight) -> Option<PermissionId> {
    match (&rule.access, sight) {
        // Routes in code have the numbers of the policy in force.
        (Access::Permission(name), Sight::Beside) => policy.permission(name),
        _ => rule.permission,
    }
}

/// The rule of the fallback, for a request without a route.
///
/// # Errors
/// There is none, or the router has a route that no rule is about.
#[cold]
fn unknown_route<'p>(
    policy: &'p Policy,
    table: &'p RouteTable,
    template: Option<&str>,
    sight: Sight,
    facts: &RequestFacts,
) -> Result<&'p Rule, Rejection> {
    if let Some(template) = template {
        // Only callers are told of: strangers could make up gRPC methods until nothing more is logged.
        if sight == Sight::Judging && facts.principal().is_some() && policy.is_newly_uncovered(template) {
            telemetry::uncovered(template);
        }
        return Err(nobody_or(facts, rejections::not_found));
    }
    let fallback = table.fallback().or_else(|| policy.table().fallback());
    fallback.ok_or_else(|| nobody_or(facts, rejections::not_found))
}

/// Nobody learns nothing but that a credential is needed.
fn nobody_or(facts: &RequestFacts, known: impl FnOnce() -> Rejection) -> Rejection {
    match facts.principal() {
        Some(_) => known(),
        None => rejections::unauthenticated(facts),
    }
}
