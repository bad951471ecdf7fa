//! Who has privileged permissions, and how easily.

use crate::bits::{PermissionId, contains};
use crate::finding::Findings;
use crate::lineage::Effect;
use crate::policy::{Clause, Policy};

/// A role is broad that gives so many parts in a hundred of all permissions.
const BROAD: usize = 80;

/// With fewer permissions than these, a role that has nearly all of them is no wonder.
const MANY: usize = 10;

pub(super) fn check(policy: &Policy, previous: Option<&Policy>, findings: &mut Findings<'_>) {
    broad_roles(policy, findings);
    standing(policy, findings);
    if let Some(previous) = previous {
        captured(policy, previous, findings);
    }
}

fn broad_roles(policy: &Policy, findings: &mut Findings<'_>) {
    let all = policy.permissions().count();
    if all < MANY {
        return;
    }
    for (number, role) in policy.document().roles.iter().enumerate() {
        let has = policy.effective_row(number).iter().map(|word| word.count_ones() as usize).sum::<usize>();
        if has * 100 >= all * BROAD {
            let message = format!("role `{}` gives {has} of {all} permissions", role.name.value);
            let cure = "split it into roles for what people do each day, and keep the rest for emergencies";
            findings.warning("broad-role", role.name.at, message, cure);
        }
    }
}

fn standing(policy: &Policy, findings: &mut Findings<'_>) {
    for (number, role) in policy.document().roles.iter().enumerate() {
        // What has no end and asks for nothing is there every day.
        let everyday = |clause: Option<&Clause>| {
            clause.is_none_or(|clause| clause.when.is_none() && clause.window.until.is_none())
        };
        for grant in policy.own_rules(number, Effect::Grants).filter(|grant| everyday(grant.clause)) {
            let names: Vec<&str> = privileged_by(policy, grant.pattern)
                .filter(|(_, id)| !contains(policy.deny_row(number), *id))
                .map(|(name, _)| name)
                .collect();
            if !names.is_empty() {
                let message = format!(
                    "role `{}` has the privileged `{}` at all times",
                    role.name.value,
                    names.join("`, `")
                );
                let cure = "give it for a time only, or in a role of its own that few people have";
                findings.warning("standing-privilege", grant.at, message, cure);
            }
        }
    }
}

/// Wildcards that nobody touched, and that give a privileged permission now which they did not give before.
fn captured(policy: &Policy, previous: &Policy, findings: &mut Findings<'_>) {
    for (number, role) in policy.document().roles.iter().enumerate() {
        let before = previous.document().roles.iter().position(|old| old.name.value == role.name.value);
        let old_wildcard = |pattern: &str| {
            before.is_some_and(|old| {
                previous.own_rules(old, Effect::Grants).any(|rule| rule.pattern == pattern)
            })
        };
        let grants = policy.own_rules(number, Effect::Grants).filter(|grant| grant.pattern.contains('*'));
        for grant in grants.filter(|grant| old_wildcard(grant.pattern)) {
            for (name, _) in privileged_by(policy, grant.pattern) {
                if !privileged_by(previous, grant.pattern).any(|(old, _)| old == name) {
                    let message = format!(
                        "`{}` of role `{}` now gives the privileged `{name}`",
                        grant.pattern, role.name.value
                    );
                    let cure = "name the permissions one by one, or deny this one";
                    findings.warning("wildcard-captures-privileged", grant.at, message, cure);
                }
            }
        }
    }
}

fn privileged_by<'a>(policy: &'a Policy, pattern: &'a str) -> impl Iterator<Item = (&'a str, PermissionId)> {
    policy.named_by(pattern).filter(|(_, id)| policy.is_privileged(*id))
}
