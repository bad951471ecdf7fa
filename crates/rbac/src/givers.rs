//! Which role gives a permission, and the least beside it.

use std::sync::OnceLock;

use crate::bits::{PermissionId, contains};
use crate::policy::{Policy, Universe};

/// The narrowest role and business role of each permission, looked for when first asked.
///
/// Refusals ask on every request, so what was found is kept: it depends on the policy alone.
#[derive(Debug)]
pub(crate) struct Givers(Box<[OnceLock<Giver>]>);

/// Who gives a permission, by role number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Giver {
    pub(crate) role: Option<usize>,
    pub(crate) business_role: Option<usize>,
}

impl Givers {
    pub(crate) fn new(universe: &Universe) -> Self {
        Self((0..universe.len()).map(|_| OnceLock::new()).collect())
    }

    pub(crate) fn of(&self, policy: &Policy, id: PermissionId) -> Giver {
        self.0.get(id.0 as usize).map(|slot| *slot.get_or_init(|| narrowest(policy, id))).unwrap_or_default()
    }
}

/// Of the roles that give it: those with the fewest privileged permissions, then with the fewest at all.
fn narrowest(policy: &Policy, id: PermissionId) -> Giver {
    let plain = policy.document().roles.len();
    let privileged = policy.privileged_set();
    let giving = |range: std::ops::Range<usize>| {
        range
            .map(|number| (number, policy.effective_row(number)))
            .filter(|(_, set)| contains(set, id))
            .min_by_key(|(_, set)| (count_both(set, &privileged), count(set)))
            .map(|(number, _)| number)
    };
    Giver { role: giving(0..plain), business_role: giving(plain..policy.roles().count()) }
}

fn count(set: &[u64]) -> u32 {
    set.iter().map(|word| word.count_ones()).sum()
}

fn count_both(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a & b).count_ones()).sum()
}
