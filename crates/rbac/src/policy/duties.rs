//! Keeping duties apart: which roles may not come together.

use std::collections::HashMap;

use super::compile::unknown_role;
use super::constraints::{DeclaredDuty, DutyKind};
use super::document::{At, Document};
use crate::bits::{Rows, insert_number, union, words_for};
use crate::by_name::ByName;
use crate::finding::Findings;

/// The sets of roles of which nobody may have, or activate, more than so many (INCITS 359 §6.3, §6.4).
#[derive(Debug, Default)]
pub(crate) struct Duties {
    sets: Vec<Set>,
    /// Which constrained roles a role is or inherits, by their place in this.
    brings: Rows,
}

#[derive(Debug)]
struct Set {
    kind: DutyKind,
    members: Box<[u64]>,
    max: u32,
}

/// Which of a caller's roles grant nothing.
#[derive(Debug, Default)]
pub(crate) struct Inactive {
    roles: Vec<usize>,
    /// Whether a static set is the reason.
    pub(crate) by_static: bool,
}

impl Inactive {
    pub(crate) fn has(&self, role: usize) -> bool {
        self.roles.contains(&role)
    }
}

impl Duties {
    /// Whether roles of any set grant only when they are activated.
    pub(super) fn are_dynamic(&self) -> bool {
        self.sets.iter().any(|set| set.kind == DutyKind::Dynamic)
    }

    /// The sets as they are written; inherited roles come by [`Duties::inherit`].
    pub(super) fn of(document: &Document, index: &ByName<usize>, findings: &mut Findings<'_>) -> Self {
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut listed: Vec<Vec<usize>> = Vec::new();
        for duty in &document.duties {
            let mut members = Vec::new();
            for name in &duty.roles {
                let Some(role) = index.get(name.value.as_str()) else {
                    unknown_role(name, document.roles.iter(), findings);
                    continue;
                };
                let next = places.len();
                members.push(*places.entry(*role).or_insert(next));
            }
            listed.push(members);
        }
        let words = words_for(places.len());
        let mut brings = Rows::new(if places.is_empty() { 0 } else { index.len() }, words);
        places.iter().for_each(|(role, place)| insert_number(brings.row_mut(*role), *place));
        let set = |(duty, places): (&DeclaredDuty, Vec<usize>)| {
            let mut members = vec![0; words].into_boxed_slice();
            places.into_iter().for_each(|place| insert_number(&mut members, place));
            Set { kind: duty.kind, members, max: u32::try_from(duty.max).unwrap_or(u32::MAX) }
        };
        Self { sets: document.duties.iter().zip(listed).map(set).collect(), brings }
    }

    /// A role brings what its parent brings.
    pub(super) fn inherit(&mut self, child: usize, parent: usize) {
        self.brings.union_rows(child, parent);
    }

    /// A role that alone has too much of a set is an error, also by what it inherits.
    pub(super) fn check(&self, document: &Document, names: &[&At<String>], findings: &mut Findings<'_>) {
        for (set, duty) in self.sets.iter().zip(&document.duties) {
            for (role, name) in names.iter().enumerate() {
                if set.count(self.brings.row(role)) > set.max {
                    let message =
                        format!("role `{}` alone has more of `{}` than `max`", name.value, duty.name);
                    let cure = "drop one of the roles that it has or inherits, or take one out of the set";
                    findings.error("separation-of-duties", name.at, message, cure);
                }
            }
        }
    }

    /// Which of these roles grant nothing, because they may not come together.
    ///
    /// Of a static set, all that bring a member when there are too many. Of a dynamic set, then, all that were not
    /// activated; and those too, when even they are too many.
    pub(crate) fn inactive(&self, roles: &[usize], activated: &[usize]) -> Inactive {
        let mut inactive = Inactive::default();
        for set in &self.sets {
            let bringing = || roles.iter().copied().filter(|role| set.count(self.brings.row(*role)) > 0);
            if !self.is_too_much(set, bringing()) {
                continue;
            }
            let chosen =
                || bringing().filter(|role| set.kind == DutyKind::Dynamic && activated.contains(role));
            let none = self.is_too_much(set, chosen());
            inactive.by_static |= set.kind == DutyKind::Static;
            inactive.roles.extend(bringing().filter(|role| none || !chosen().any(|chosen| chosen == *role)));
        }
        inactive
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    fn is_too_much(&self, set: &Set, roles: impl Iterator<Item = usize>) -> bool {
        let mut all = vec![0; set.members.len()];
        roles.for_each(|role| union(&mut all, self.brings.row(role)));
        set.count(&all) > set.max
    }
}

impl Set {
    /// How many members are among these.
    fn count(&self, brought: &[u64]) -> u32 {
        self.members.iter().zip(brought).map(|(member, brought)| (member & brought).count_ones()).sum()
    }
}
