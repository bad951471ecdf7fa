//! What roles may, where the record or the time is not given.

use std::collections::BTreeSet;
use std::fmt;

use gambeson_core::Timestamp;

use crate::bits::PermissionId;
use crate::condition::Attributes;
use crate::decision::Decision;
use crate::effective::Situation;
use crate::policy::{Asker, Policy};
use crate::window::Window;

/// How a decision about roles ends, and on what it depends that was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// [`Decision::Conditional`] where the record or the time would tell.
    pub(crate) decision: Decision,
    pub(crate) depends: Depends,
}

/// What would have to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Depends {
    record: bool,
    time: bool,
}

impl From<Decision> for Outlook {
    fn from(decision: Decision) -> Self {
        Self { decision, depends: Depends { record: decision == Decision::Conditional, time: false } }
    }
}

/// `the record and the time`.
impl fmt::Display for Depends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.record, self.time) {
            (true, true) => "the record and the time",
            (false, true) => "the time",
            _ => "the record",
        })
    }
}

impl Policy {
    /// What a caller who has exactly these roles may at this time, or at any, and upon this record, or upon any.
    ///
    /// [`Decision::Indeterminate`] where the record can't tell, be it at one time only.
    pub(crate) fn outlook(
        &self,
        roles: &[&str],
        id: PermissionId,
        when: Option<Timestamp>,
        record: Option<&dyn Attributes>,
    ) -> Outlook {
        let effective = self.effective_as(&Asker { roles: roles.to_vec(), ..Asker::default() });
        let at = |moment| {
            let then = Situation::then(moment);
            effective.decide(id, &record.map_or(then, |record| then.upon(record)), self.rules())
        };
        match when {
            Some(moment) => at(moment).into(),
            None => over(turning_points(effective.windows_about(id, self.rules())).into_iter().map(at)),
        }
    }
}

/// What these decisions come to, of which each is another time's.
fn over(mut decisions: impl Iterator<Item = Decision>) -> Outlook {
    let first = decisions.next().unwrap_or(Decision::Indeterminate);
    decisions.fold(first.into(), |so_far: Outlook, next| match (so_far, next) {
        (Outlook { decision: Decision::Indeterminate, .. }, _) => so_far,
        (_, Decision::Indeterminate) => next.into(),
        (Outlook { decision, depends }, _) if decision == next && !depends.time => so_far,
        (Outlook { depends, .. }, _) => {
            let record = depends.record || next == Decision::Conditional;
            Outlook { decision: Decision::Conditional, depends: Depends { record, time: true } }
        }
    })
}

/// A moment before all of these windows, and each at which one begins or ends: between two of them nothing changes.
fn turning_points(windows: impl Iterator<Item = Window>) -> BTreeSet<Timestamp> {
    let bounds = windows.flat_map(|window| [window.from, window.until]).flatten();
    [Timestamp::from_unix_nanos(i64::MIN)].into_iter().chain(bounds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_windows_of_the_roles_themselves_are_looked_at_and_each_bound_once() {
        let grant = |year: usize| {
            format!("{{ perm = 'pay', from = {year}-01-01T00:00:00Z, until = {}-01-01T00:00:00Z }}", year + 1)
        };
        let temps: String =
            (0..200).map(|n| format!("temp{n} = {{ grants = [{}] }}\n", grant(2000 + n))).collect();
        let policy = Policy::parse(&format!(
            "version = 1\n[permissions]\npay = {{}}\n[roles]\nplain = {{ grants = ['pay'] }}\n{temps}\
             both = {{ inherits = ['plain', 'temp0', 'temp1'] }}"
        ))
        .unwrap();
        let pay = policy.permission("pay").unwrap();
        let points = |role: &str| {
            let effective = policy.effective_as(&Asker { roles: vec![role], ..Asker::default() });
            turning_points(effective.windows_about(pay, policy.rules())).len()
        };
        assert_eq!(["plain", "temp0", "both"].map(points), [1, 3, 4]);
        let decision = |role: &str| policy.outlook(&[role], pay, None, None).decision;
        let expected = [Decision::Allow, Decision::Conditional, Decision::Allow];
        assert_eq!(["plain", "temp0", "both"].map(decision), expected);
    }
    #[test]
    fn what_cannot_be_told_at_one_time_cannot_be_told_over_all() {
        use Decision::{Allow, Conditional, Deny, Indeterminate};
        for decisions in
            [[Indeterminate, Deny, Allow], [Deny, Indeterminate, Deny], [Conditional, Allow, Indeterminate]]
        {
            assert_eq!(over(decisions.into_iter()), Indeterminate.into(), "{decisions:?}");
        }
    }
}
