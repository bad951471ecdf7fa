//! What a caller may do: always, or depending on the time and the record.

use gambeson_core::{Clock, Timestamp};

use crate::bits::{PermissionId, contains, intersect, subtract};
use crate::condition::Attributes;
use crate::decision::Decision;
use crate::policy::{Effect, Rule};
use crate::window::Window;

/// In which situation is decided: when, and upon which record.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    when: When<'a>,
    record: Option<&'a dyn Attributes>,
}

impl<'a> Situation<'a> {
    /// Now, by this clock, and no record at hand.
    pub fn at(clock: &'a dyn Clock) -> Self {
        Self { when: When::Now(clock), record: None }
    }

    /// At this moment, which may be past, and no record at hand.
    #[must_use]
    pub fn then(at: Timestamp) -> Self {
        Self { when: When::Then(at), record: None }
    }

    /// The same, upon this record.
    #[must_use]
    pub fn upon(self, record: &'a dyn Attributes) -> Self {
        Self { record: Some(record), ..self }
    }
}

/// When something is decided.
#[derive(Debug, Clone, Copy)]
enum When<'a> {
    /// Looked at only where it matters.
    Now(&'a dyn Clock),
    Then(Timestamp),
}

impl Situation<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        match self.when {
            When::Now(clock) => clock.now(),
            When::Then(at) => at,
        }
    }

    pub(crate) fn record(&self) -> Option<&dyn Attributes> {
        self.record
    }
}

impl std::fmt::Debug for Situation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Situation").field("when", &self.when).finish_non_exhaustive()
    }
}

/// What a caller may do, actor included.
#[derive(Debug)]
pub(crate) struct Effective {
    /// What is allowed at any time and upon any record.
    always: Box<[u64]>,
    /// The caller, and who acts on the caller's behalf; empty when nothing depends on time or record.
    sides: Box<[Side]>,
}

/// What the roles of one of them give together.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) granted: Box<[u64]>,
    pub(crate) denied: Box<[u64]>,
    /// The numbers of the rules.
    pub(crate) rules: Box<[u32]>,
}

impl Effective {
    pub(crate) fn of(user: Side, actor: Option<Side>, rules: &[Rule]) -> Self {
        let Some(actor) = actor else {
            // The common case spares the copy.
            return match user.rules.is_empty() {
                true => Self { always: user.into_always(), sides: Box::default() },
                false => Self { always: user.always(rules), sides: Box::from([user]) },
            };
        };
        let mut always = user.always(rules);
        intersect(&mut always, &actor.always(rules));
        let depends = !user.rules.is_empty() || !actor.rules.is_empty();
        let sides = if depends { Box::from([user, actor]) } else { Box::default() };
        Self { always, sides }
    }

    /// Whether it is allowed at any time and upon any record.
    pub(crate) fn is_always(&self, id: PermissionId) -> bool {
        contains(&self.always, id)
    }

    /// Decides; what is always allowed costs a look at one bit.
    pub(crate) fn decide(&self, id: PermissionId, situation: &Situation<'_>, rules: &[Rule]) -> Decision {
        if self.is_always(id) { Decision::Allow } else { self.look_closer(id, situation, rules) }
    }

    /// When what these roles have about it holds.
    pub(crate) fn windows_about(&self, id: PermissionId, rules: &[Rule]) -> impl Iterator<Item = Window> {
        let own = self.sides.iter().flat_map(move |side| side.rules(rules));
        own.filter(move |rule| contains(&rule.permissions, id)).map(|rule| rule.window)
    }

    #[cold]
    fn look_closer(&self, id: PermissionId, situation: &Situation<'_>, rules: &[Rule]) -> Decision {
        if self.sides.is_empty() {
            return Decision::Deny;
        }
        let now = situation.now();
        let sides = self.sides.iter().map(|side| side.decide(id, now, situation.record, rules));
        // Who acts for somebody may do what both may.
        sides.min_by_key(|decision| strictness(*decision)).unwrap_or(Decision::Deny)
    }
}

/// The lower, the stronger.
fn strictness(decision: Decision) -> u8 {
    match decision {
        Decision::Deny => 0,
        Decision::Indeterminate => 1,
        Decision::Conditional => 2,
        Decision::Allow => 3,
    }
}

impl Side {
    /// What is always allowed where nothing depends on time or record.
    fn into_always(mut self) -> Box<[u64]> {
        subtract(&mut self.granted, &self.denied);
        self.granted
    }

    fn always(&self, rules: &[Rule]) -> Box<[u64]> {
        let mut set = self.granted.clone();
        subtract(&mut set, &self.denied);
        for rule in self.rules(rules).filter(|rule| rule.effect == Effect::Deny) {
            subtract(&mut set, &rule.permissions);
        }
        set
    }

    fn rules<'r>(&self, rules: &'r [Rule]) -> impl Iterator<Item = &'r Rule> {
        self.rules.iter().filter_map(|number| rules.get(*number as usize))
    }

    /// A denial that holds wins; else what can't be told; else what depends on the record; else a grant that holds.
    fn decide(
        &self,
        id: PermissionId,
        now: Timestamp,
        record: Option<&dyn Attributes>,
        rules: &[Rule],
    ) -> Decision {
        if contains(&self.denied, id) {
            return Decision::Deny;
        }
        let open =
            || self.rules(rules).filter(|rule| contains(&rule.permissions, id) && rule.window.is_open(now));
        let holds_anyway = |rule: &Rule| rule.effect == Effect::Allow && rule.condition.is_none();
        let granted = contains(&self.granted, id) || open().any(holds_anyway);
        let (mut grants, mut denials) = (Tally::default(), Tally::default());
        for rule in open() {
            match rule.effect {
                // What is granted upon any record needs no other grant.
                Effect::Allow if granted => {}
                Effect::Allow => grants.count(rule, record),
                Effect::Deny => denials.count(rule, record),
            }
        }
        let may_hold = granted || grants.holds || grants.open || grants.unknown;
        match (denials, grants) {
            (denials, _) if denials.holds || !may_hold => Decision::Deny,
            (denials, grants) if denials.unknown || grants.unknown => Decision::Indeterminate,
            (denials, _) if denials.open => Decision::Conditional,
            (_, grants) if granted || grants.holds => Decision::Allow,
            _ => Decision::Conditional,
        }
    }
}

/// What became of the rules of one kind.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    holds: bool,
    /// One waits for the record.
    open: bool,
    /// One can't be told.
    unknown: bool,
}

impl Tally {
    fn count(&mut self, rule: &Rule, record: Option<&dyn Attributes>) {
        match (&rule.condition, record) {
            (None, _) => self.holds = true,
            (Some(_), None) => self.open = true,
            (Some(condition), Some(record)) => match condition.holds(record) {
                Some(holds) => self.holds |= holds,
                None => self.unknown = true,
            },
        }
    }
}
