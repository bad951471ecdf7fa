//! What the next policy would have decided otherwise.

use std::collections::BTreeMap;
use std::fmt;

use gambeson_core::{Access, escape_controls};

use crate::authorize::ShadowReport;
use crate::decision::Decision;
use crate::past::PastDecision;
use crate::past_record::compared;
use crate::policy::Policy;
use crate::replay;
use crate::table::Rule;

/// So many kinds of differences are kept apart; those beyond them are counted together.
const KINDS: usize = 1_000;

/// So many examples are kept of each.
const EXAMPLES: usize = 3;

/// What the next policy would have decided otherwise, of the decisions that come out the same by the policy that made them.
///
/// A decision on a route is made by what the next policy asks for there; one of a handler by the permission that it asked for.
/// Roles are those that the event tells, so that `[claims]`, `[services]` and `[[break_glass]]` of the next policy are not looked at,
/// and neither are log-ins and scopes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NextReport {
    /// How many decisions it made, and how many of them otherwise.
    pub counts: ShadowReport,
    /// These, by what was asked for and where: the first 1,000 kinds.
    pub differences: Vec<Difference>,
    /// How many are of further kinds.
    pub further: u64,
    /// How many it could not decide, by reason.
    pub undecided: BTreeMap<Undecided, u64>,
    /// Its roles that a policy of the past did not know: who had them does not stand in events.
    pub new_roles: Vec<Box<str>>,
}

/// What the next policy decides otherwise, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// What was asked for.
    pub permission: Box<str>,
    /// Method and route template, as far as the event has them.
    pub route: Option<Box<str>>,
    /// How it was decided.
    pub recorded: Decision,
    /// How the next policy decides.
    pub next: Decision,
    /// How many decisions there are of this kind.
    pub count: u64,
    /// The first of them by different callers, at most three.
    pub examples: Vec<PastDecision>,
    /// Why the next policy refuses the first of them.
    pub why: Option<String>,
}

/// Why the next policy could not decide what was decided before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Undecided {
    /// It depends on the record, and the event has none.
    UponRecord,
    /// It compares what the policy of then did not compare, so that the event lacks it.
    RecordLacks,
    /// The policy of then had the route, and the next one has not: 404, unless code declares it.
    RouteGone,
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UponRecord => "depend on a record that they don't have",
            Self::RecordLacks => "depend on what their record does not tell",
            Self::RouteGone => "are of routes that it does not have: 404, unless code declares them",
        })
    }
}

/// `invoice:read on GET /invoices/{id}: 4 times allow, next deny`, safe for a terminal.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = self.route.as_ref().map(|route| format!(" on {route}")).unwrap_or_default();
        let times = if self.count == 1 { "once" } else { &format!("{} times", self.count) };
        let (recorded, next) = (self.recorded.as_str(), self.next.as_str());
        let what = format!("{}{on}", self.permission);
        write!(f, "{}: {times} {recorded}, next {next}", escape_controls(&what))
    }
}

impl NextReport {
    /// Of a next policy after these.
    pub(crate) fn of(next: &Policy, before: &[Policy]) -> Self {
        let is_new = |role: &&str| before.iter().any(|policy| policy.role_number(role).is_none());
        let new_roles = next.roles().filter(is_new).map(Box::from).collect();
        Self { new_roles, ..Self::default() }
    }

    /// Whether it decided something, nothing otherwise, and has all routes.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let has_routes = !self.undecided.contains_key(&Undecided::RouteGone);
        self.counts.compared > 0 && self.counts.differing() == 0 && has_routes
    }

    /// Lets the next policy decide what `policy` has decided so.
    pub(crate) fn take(&mut self, next: &Policy, policy: &Policy, past: PastDecision, recorded: Decision) {
        let (asked, decided) = match decide(next, policy, &past) {
            Ok(decided) => decided,
            Err(reason) => return *self.undecided.entry(reason).or_default() += 1,
        };
        self.counts.compared += 1;
        if decided == recorded {
            return;
        }
        *match (recorded, decided) {
            (_, Decision::Allow) => &mut self.counts.would_allow,
            (Decision::Allow, _) => &mut self.counts.would_refuse,
            _ => &mut self.counts.otherwise,
        } += 1;
        let room = self.differences.len() < KINDS;
        match self.kind(&past, recorded, decided) {
            Some(kind) => kind.add(past),
            None if room => {
                let why = if decided == Decision::Allow { None } else { replay::why(next, &past, asked) };
                self.differences.push(Difference::first(past, recorded, decided, why));
            }
            None => self.further += 1,
        }
    }

    fn kind(&mut self, past: &PastDecision, recorded: Decision, next: Decision) -> Option<&mut Difference> {
        let is_it = |kind: &&mut Difference| {
            (&kind.permission, &kind.route) == (&past.permission, &past.route)
                && (kind.recorded, kind.next) == (recorded, next)
        };
        self.differences.iter_mut().find(is_it)
    }
}

impl Difference {
    fn first(past: PastDecision, recorded: Decision, next: Decision, why: Option<String>) -> Self {
        let (permission, route) = (past.permission.clone(), past.route.clone());
        Self { permission, route, recorded, next, count: 1, examples: vec![past], why }
    }

    fn add(&mut self, past: PastDecision) {
        self.count += 1;
        let same = |other: &PastDecision| other.subject == past.subject && other.roles == past.roles;
        if self.examples.len() < EXAMPLES && !self.examples.iter().any(same) {
            self.examples.push(past);
        }
    }
}

/// What the next policy asks for, and how it decides on it.
fn decide<'a>(
    next: &'a Policy,
    policy: &Policy,
    past: &'a PastDecision,
) -> Result<(&'a str, Decision), Undecided> {
    let asked = match of_route(policy, past) {
        // A handler that decides upon its record asks for its own permission.
        Some(rule) if past.record.is_none() && asks(rule) == Some(&*past.permission) => {
            match asks(of_route(next, past).ok_or(Undecided::RouteGone)?) {
                Some(permission) => permission,
                None => return Ok(("", Decision::Allow)),
            }
        }
        _ => &*past.permission,
    };
    match replay::decide(next, past, asked) {
        Ok(Decision::Conditional) => Err(Undecided::UponRecord),
        Ok(Decision::Indeterminate) if lacks(next, policy, past, asked) => Err(Undecided::RecordLacks),
        decided => Ok((asked, decided.unwrap_or(Decision::Indeterminate))),
    }
}

/// The rule of the route that the event names.
fn of_route<'p>(policy: &'p Policy, past: &PastDecision) -> Option<&'p Rule> {
    let (method, template) = past.route.as_deref()?.split_once(' ')?;
    policy.table().rule_named(method, template)
}

/// The permission that it asks for; `None`: it is public.
fn asks(rule: &Rule) -> Option<&str> {
    match &rule.access {
        Access::Permission(name) => Some(name),
        _ => None,
    }
}

/// Whether the event leaves out what only the next policy compares.
fn lacks(next: &Policy, policy: &Policy, past: &PastDecision, permission: &str) -> bool {
    let told = compared(policy, &past.permission);
    let Some(record) = &past.record else { return false };
    let is_missing = |name: &&str| !told.contains(name) && record.iter().all(|(known, _)| known != *name);
    compared(next, permission).iter().any(is_missing)
}
