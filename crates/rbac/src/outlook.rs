//! What roles may, where the record or the time is not given.

use std::fmt;

use gambeson_core::Timestamp;

use crate::bits::PermissionId;
use crate::condition::Attributes;
use crate::decision::Decision;
use crate::effective::Situation;
use crate::policy::{Asker, Policy};

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
    pub(crate) fn outlook(
        &self,
        roles: &[&str],
        id: PermissionId,
        when: Option<Timestamp>,
        record: Option<&dyn Attributes>,
    ) -> Outlook {
        let asker = Asker { roles: roles.to_vec(), ..Asker::default() };
        let at = |moment| {
            let then = Situation::then(moment);
            self.decide_as(&asker, id, &record.map_or(then, |record| then.upon(record)))
        };
        if let Some(moment) = when {
            return at(moment).into();
        }
        // Between two moments at which a window begins or ends nothing changes.
        let mut decisions = self.turning_points(id).into_iter().map(at);
        let first = decisions.next().unwrap_or(Decision::Indeterminate);
        decisions.fold(first.into(), |so_far: Outlook, next| match so_far {
            Outlook { decision, .. } if decision == next && !so_far.depends.time => so_far,
            Outlook { depends, .. } => {
                let record = depends.record || next == Decision::Conditional;
                Outlook { decision: Decision::Conditional, depends: Depends { record, time: true } }
            }
        })
    }

    /// A moment before all windows of rules about this permission, and each at which one begins or ends.
    fn turning_points(&self, id: PermissionId) -> Vec<Timestamp> {
        let windows = self.windows_about(id);
        let bounds = windows.flat_map(|window| [window.from, window.until]).flatten();
        [Timestamp::from_unix_nanos(i64::MIN)].into_iter().chain(bounds).collect()
    }
}
