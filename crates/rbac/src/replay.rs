//! Deciding anew what was decided before.

use std::collections::BTreeMap;
use std::fmt;

use gambeson_core::{Outcome, escape_controls};

use crate::decision::Decision;
use crate::effective::Situation;
use crate::next::NextReport;
use crate::past::PastDecision;
use crate::period::Period;
use crate::policy::{Asker, Policy, timestamp};

/// So many disagreements are kept with all that is known of them; the others are counted.
const KEPT: usize = 100;

/// So many foreign digests are kept apart; events of further ones are counted together.
const DIGESTS: usize = 64;

/// Decides anew what was decided by these policies before, and tells where they don't agree.
///
/// A decision is made again by the policy whose digest its event names; events of other policies are counted by
/// their digest. An event without the caller's roles can't be decided again and is counted so.
///
/// ```
/// use gambeson_core::Outcome;
/// use gambeson_rbac::{PastDecision, Policy, replay};
///
/// let policy = Policy::parse(r#"
///     version = 1
///     [permissions]
///     "notes:read" = {}
///     [roles]
///     viewer = { grants = ["notes:read"] }
/// "#)?;
/// let mut past = PastDecision::new("notes:read", Outcome::Denied);
/// past.reason = Some("forbidden".into());
/// past.policy = Some(policy.digest().into());
/// past.at = "2026-11-23T08:15:30.250Z".into();
/// past.subject = Some("bob".into());
/// past.detail("roles", "viewer");
/// let report = replay(&[policy], [past]);
/// assert_eq!(report.disagreed, 1);
/// assert_eq!(report.disagreements[0].to_string(), "record 0: bob asked for notes:read as viewer: recorded deny, decides allow");
/// # Ok::<(), gambeson_rbac::PolicyError>(())
/// ```
pub fn replay(policies: &[Policy], past: impl IntoIterator<Item = PastDecision>) -> ReplayReport {
    let mut replay = Replay::of(policies);
    past.into_iter().for_each(|past| replay.take(past));
    replay.report
}

/// A [`replay()`] that goes on decision by decision.
#[derive(Debug)]
pub struct Replay<'p> {
    policies: &'p [Policy],
    next: Option<&'p Policy>,
    report: ReplayReport,
}

/// What [`replay`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// How many decisions come out the same.
    pub agreed: u64,
    /// How many don't.
    pub disagreed: u64,
    /// The first 100 of these.
    pub disagreements: Vec<Disagreement>,
    /// How many events are of policies that were not given, by digest; `None`: the event names none, or is of a
    /// digest beyond the first 64.
    pub other_policies: BTreeMap<Option<Box<str>>, u64>,
    /// How many could not be decided anew, by reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// From when to when the events are.
    pub period: Period,
    /// What [`Replay::next`] would have decided otherwise, when it was given.
    pub next: Option<NextReport>,
}

/// Why an event was not decided anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Skipped {
    /// It does not have the caller's or the actor's roles: an older version wrote it, or it is not rbac's.
    WithoutRoles,
    /// The caller had more roles, or the record was larger, than fits into it.
    Cut,
    /// It withdraws an act that was allowed, but not begun; the event before it has the decision.
    Withdrawal,
    /// It tells how another policy decided; another event has the decision.
    Shadow,
    /// It depends on the record that was acted upon, which the event does not have.
    UponRecord,
    /// It was refused because what was asked for is another's, which the event does not have.
    OutOfScope,
    /// It does not tell when, by RFC 3339.
    WithoutTime,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WithoutRoles => "don't have the roles that decided",
            Self::Cut => "had more roles or a larger record than fit into an event",
            Self::Withdrawal => "withdraw an act that did not begin",
            Self::Shadow => "tell how another policy decided",
            Self::UponRecord => "depend on a record that they don't have",
            Self::OutOfScope => "were refused because the thing is another's",
            Self::WithoutTime => "don't tell when they were",
        })
    }
}

/// A decision that comes out otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disagreement {
    /// What the event says.
    pub past: PastDecision,
    /// How it was decided then.
    pub recorded: Decision,
    /// How the same policy decides now.
    pub replayed: Decision,
}

/// One line, safe for a terminal.
impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let past = &self.past;
        let who = past.subject.as_deref().unwrap_or("nobody");
        let roles = past.roles.as_deref().unwrap_or_default().join(" + ");
        let line = format!("{who} asked for {} as {roles}", past.permission);
        let (recorded, replayed) = (self.recorded.as_str(), self.replayed.as_str());
        write!(
            f,
            "record {}: {}: recorded {recorded}, decides {replayed}",
            past.place,
            escape_controls(&line)
        )
    }
}

impl<'p> Replay<'p> {
    /// Nothing was decided anew yet.
    #[must_use]
    pub fn of(policies: &'p [Policy]) -> Self {
        Self { policies, next: None, report: ReplayReport::default() }
    }

    /// Also lets the next policy decide what comes out the same: which callers would notice the change.
    ///
    /// ```
    /// use gambeson_core::Outcome;
    /// use gambeson_rbac::{PastDecision, Policy, Replay};
    ///
    /// let text = |grants: &str| format!(
    ///     "version = 1\n[permissions]\n'notes:read' = {{}}\n[roles]\nviewer = {{ grants = [{grants}] }}");
    /// let (policy, next) = ([Policy::parse(&text("'notes:read'"))?], Policy::parse(&text(""))?);
    /// let mut past = PastDecision::new("notes:read", Outcome::Success);
    /// past.policy = Some(policy[0].digest().into());
    /// past.at = "2026-11-23T08:15:30.250Z".into();
    /// past.subject = Some("bob".into());
    /// past.detail("roles", "viewer");
    /// let mut replay = Replay::of(&policy).next(&next);
    /// replay.take(past);
    /// let next = replay.report().next.as_ref().unwrap();
    /// assert_eq!(next.counts.would_refuse, 1);
    /// assert_eq!(next.differences[0].to_string(), "notes:read: once allow, next deny");
    /// # Ok::<(), gambeson_rbac::PolicyError>(())
    /// ```
    #[must_use]
    pub fn next(mut self, next: &'p Policy) -> Self {
        self.next = Some(next);
        self.report.next = Some(NextReport::of(next, self.policies));
        self
    }

    /// Decides one of them anew.
    pub fn take(&mut self, past: PastDecision) {
        let report = &mut self.report;
        report.period.include(&past.at);
        let recorded = match recorded(&past) {
            Ok(decision) => decision,
            Err(reason) => return report.skip(reason),
        };
        let by_digest = |policy: &&Policy| past.policy.as_deref() == Some(policy.digest());
        let Some(policy) = self.policies.iter().find(by_digest) else {
            return report.count_foreign(past.policy);
        };
        let replayed = match decide(policy, &past, &past.permission) {
            Ok(Decision::Conditional) => return report.skip(Skipped::UponRecord),
            Ok(decision) => decision,
            Err(reason) => return report.skip(reason),
        };
        if replayed == recorded {
            report.agreed += 1;
            if let Some((next, told)) = self.next.zip(report.next.as_mut()) {
                told.take(next, policy, past, recorded);
            }
            return;
        }
        report.disagreed += 1;
        if report.disagreements.len() < KEPT {
            report.disagreements.push(Disagreement { past, recorded, replayed });
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn report(&self) -> &ReplayReport {
        &self.report
    }
}

impl ReplayReport {
    /// Whether some decision was made anew, and none came out otherwise, also by the next policy where one was given.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.agreed > 0 && self.disagreed == 0 && self.next.as_ref().is_none_or(NextReport::is_ok)
    }

    fn skip(&mut self, reason: Skipped) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    fn count_foreign(&mut self, digest: Option<Box<str>>) {
        let known = self.other_policies.len() < DIGESTS || self.other_policies.contains_key(&digest);
        *self.other_policies.entry(digest.filter(|_| known)).or_default() += 1;
    }
}

/// The decision that an event stands for.
fn recorded(past: &PastDecision) -> Result<Decision, Skipped> {
    if past.shadow {
        return Err(Skipped::Shadow);
    }
    let refusal = past.reason.as_deref();
    let decision = match (past.outcome, refusal) {
        (Outcome::Failed, Some("audit-unavailable" | "not-begun")) => return Err(Skipped::Withdrawal),
        (_, Some("not-found")) => return Err(Skipped::OutOfScope),
        // The permission was there; the log-in was too weak or too old.
        (Outcome::Success, None) | (_, Some("insufficient-user-authentication")) => Decision::Allow,
        (_, Some("indeterminate")) => Decision::Indeterminate,
        _ => Decision::Deny,
    };
    let actor_known = past.actor.is_none() || past.actor_roles.is_some();
    if past.subject.is_some() && (past.roles.is_none() || !actor_known) {
        return Err(Skipped::WithoutRoles);
    }
    if past.cut { Err(Skipped::Cut) } else { Ok(decision) }
}

/// How `policy` decides on `permission` for the caller, at the time and upon the record of the event.
pub(crate) fn decide(policy: &Policy, past: &PastDecision, permission: &str) -> Result<Decision, Skipped> {
    if past.subject.is_none() {
        // Nobody is refused before the policy is asked.
        return Ok(Decision::Deny);
    }
    let Some(id) = policy.permission(permission) else { return Ok(Decision::Indeterminate) };
    let situation = situation(past).ok_or(Skipped::WithoutTime)?;
    Ok(policy.decide_as(&asker(past), id, &situation))
}

/// Why `policy` refuses it, in one line; `None`: nobody was logged in, or it is not told when it was.
pub(crate) fn why(policy: &Policy, past: &PastDecision, permission: &str) -> Option<String> {
    past.subject.as_ref()?;
    Some(policy.why_of(Ok(&asker(past)), permission, &situation(past)?).line())
}

fn situation(past: &PastDecision) -> Option<Situation<'_>> {
    let then = Situation::then(timestamp(&past.at)?);
    Some(past.record.as_ref().map_or(then, |record| then.upon(record)))
}

fn names(roles: &[Box<str>]) -> Vec<&str> {
    roles.iter().map(|role| &**role).collect()
}

fn asker(past: &PastDecision) -> Asker<'_> {
    Asker {
        roles: past.roles.as_deref().map(names).unwrap_or_default(),
        activated: names(&past.activated_roles),
        actor: past.actor.as_ref().map(|_| past.actor_roles.as_deref().map(names).unwrap_or_default()),
    }
}
