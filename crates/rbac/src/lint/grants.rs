//! Grants that do nothing.

use gambeson_core::Timestamp;

use crate::bits::{PermissionId, contains};
use crate::finding::Findings;
use crate::policy::{At, DeclaredRole, Effect, Policy, matches};

pub(super) fn check(policy: &Policy, now: Option<Timestamp>, findings: &mut Findings<'_>) {
    for clause in policy.document().roles.iter().flat_map(|role| &role.clauses) {
        if let (Some(now), Some(until)) = (now, clause.window.until)
            && until <= now
        {
            let word = if clause.effect == Effect::Allow { "grant" } else { "denial" };
            let message = format!("the {word} of `{}` ended at {until}", clause.pattern.value);
            findings.warning("expired-grant", clause.pattern.at, message, "drop it, or set another `until`");
        }
    }
    for (number, role) in policy.document().roles.iter().enumerate() {
        for (place, grant) in role.grants.iter().enumerate() {
            let ids: Vec<PermissionId> = policy.named_by(&grant.value).map(|(_, id)| id).collect();
            let denied = policy.deny_row(number);
            if ids.iter().all(|id| contains(denied, *id)) {
                let message = format!("role `{}` grants `{}` and denies it", role.name.value, grant.value);
                findings.warning("shadowed-grant", grant.at, message, "a denial wins: drop one of them");
            }
            if let Some(message) = redundancy(policy, role, place, grant, &ids) {
                findings.warning("redundant-grant", grant.at, message, "drop the grant");
            }
        }
    }
}

/// Who or what gives it already.
fn redundancy(
    policy: &Policy,
    role: &DeclaredRole,
    place: usize,
    grant: &At<String>,
    ids: &[PermissionId],
) -> Option<String> {
    let parents = role.inherits.iter().filter(|parent| {
        let row = policy.allow_row(&parent.value);
        ids.iter().all(|id| contains(row, *id))
    });
    let name = &role.name.value;
    if let Some(parent) = parents.into_iter().next() {
        return Some(format!("role `{name}` inherits `{}` from `{}`", grant.value, parent.value));
    }
    let other = role.grants.iter().enumerate().find(|(other, wider)| {
        let same = wider.value == grant.value && *other < place;
        same || (wider.value != grant.value && matches(&wider.value, &grant.value))
    });
    other.map(|(_, wider)| format!("role `{name}` grants `{}` by `{}` already", grant.value, wider.value))
}
