//! The closure of roles, compared with an evaluator that is as simple as the standard's words (INCITS 359 §5, §6):
//! a caller has a permission when one of the roles, or a role inherited from, grants it, and none denies it.

use std::collections::BTreeSet;
use std::fmt::Write;

use gambeson_core::Principal;
use gambeson_rbac::Policy;
use proptest::prelude::*;

const SUBJECTS: [&str; 4] = ["notes", "audit", "users", "jobs"];
const ACTS: [&str; 3] = ["read", "write", "delete"];

#[derive(Debug, Clone)]
struct Role {
    grants: Vec<String>,
    deny: Vec<String>,
    /// Only roles before it, so there is no cycle.
    inherits: Vec<usize>,
}

/// A name or a wildcard that the universe is sure to match.
fn pattern() -> impl Strategy<Value = String> {
    let subject = prop_oneof![3 => proptest::sample::select(&SUBJECTS[..]), 1 => Just("*")];
    let act = prop_oneof![3 => proptest::sample::select(&ACTS[..]), 1 => Just("*")];
    (subject, act).prop_map(|(subject, act)| format!("{subject}:{act}"))
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    let role = (
        proptest::collection::vec(pattern(), 0..4),
        proptest::collection::vec(pattern(), 0..2),
        proptest::collection::vec(any::<proptest::sample::Index>(), 0..3),
    );
    proptest::collection::vec(role, 1..12).prop_map(|raw| {
        let to_role = |(number, (grants, deny, parents)): (usize, (Vec<String>, Vec<String>, Vec<_>))| Role {
            grants,
            deny,
            inherits: parents
                .iter()
                .filter(|_| number > 0)
                .map(|parent: &proptest::sample::Index| parent.index(number))
                .collect(),
        };
        raw.into_iter().enumerate().map(to_role).collect()
    })
}

fn text(roles: &[Role]) -> String {
    let mut text = String::from("version = 1\n[permissions]\n");
    for subject in SUBJECTS {
        for act in ACTS {
            let _ = writeln!(text, "\"{subject}:{act}\" = {{}}");
        }
    }
    text.push_str("[roles]\n");
    for (number, role) in roles.iter().enumerate() {
        let inherits: Vec<String> = role.inherits.iter().map(|parent| format!("r{parent}")).collect();
        let _ = writeln!(
            text,
            "r{number} = {{ grants = {:?}, deny = {:?}, inherits = {inherits:?} }}",
            role.grants, role.deny
        );
    }
    text
}

fn ancestors(roles: &[Role], role: usize, seen: &mut BTreeSet<usize>) {
    if seen.insert(role) {
        roles[role].inherits.iter().for_each(|parent| ancestors(roles, *parent, seen));
    }
}

fn matches(pattern: &str, subject: &str, act: &str) -> bool {
    let (s, a) = pattern.split_once(':').unwrap();
    (s == "*" || s == subject) && (a == "*" || a == act)
}

fn naive(roles: &[Role], held: &[usize], subject: &str, act: &str) -> bool {
    let mut all = BTreeSet::new();
    held.iter().for_each(|role| ancestors(roles, *role, &mut all));
    let any = |list: fn(&Role) -> &Vec<String>| {
        all.iter().any(|role| list(&roles[*role]).iter().any(|pattern| matches(pattern, subject, act)))
    };
    any(|role| &role.grants) && !any(|role| &role.deny)
}

proptest! {
    #[test]
    fn compiled_and_naive_agree(roles in roles(), held in proptest::collection::vec(any::<proptest::sample::Index>(), 0..4)) {
        let policy = Policy::parse(&text(&roles)).unwrap();
        let held: Vec<usize> = held.iter().map(|index| index.index(roles.len())).collect();
        let mut caller = Principal::user("i", "s").role("unknown");
        for role in &held {
            caller = caller.role(format!("r{role}"));
        }
        let caller = caller.build();
        for subject in SUBJECTS {
            for act in ACTS {
                let expected = naive(&roles, &held, subject, act);
                let name = format!("{subject}:{act}");
                prop_assert_eq!(policy.may(&caller, &name), expected, "{}", name);
                prop_assert_eq!(policy.may(&caller, &name), expected, "{} remembered", name);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = Policy::parse(&text);
        let _ = gambeson_rbac::lint(&format!("version = 1\n[roles]\n{text}"));
    }

    #[test]
    fn a_denial_never_widens(roles in roles(), denied in pattern()) {
        let before = Policy::parse(&text(&roles)).unwrap();
        let mut stricter = roles.clone();
        stricter[0].deny.push(denied);
        let after = Policy::parse(&text(&stricter)).unwrap();
        for role in 0..roles.len() {
            let caller = Principal::user("i", "s").role(format!("r{role}")).build();
            for name in before.permissions() {
                prop_assert!(before.may(&caller, name) || !after.may(&caller, name), "r{} {}", role, name);
            }
        }
    }
}
