//! Callers who must not be taken for one another.

/// Who is said to be calling, for requests that a check makes up itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Caller {
    /// Who vouches for the name.
    pub issuer: String,
    /// The name at that issuer.
    pub subject: String,
    /// The organisation.
    pub tenant: Option<String>,
    /// What the caller is; one role of all of them lets through.
    pub roles: Vec<String>,
}

impl Caller {
    fn new(issuer: &str, subject: &str, roles: &[&str]) -> Self {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        Self { issuer: issuer.to_owned(), subject: subject.to_owned(), tenant: None, roles }
    }

    fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.to_owned());
        self
    }
}

/// Two callers of whom the first may and the second may not, and what a cache would have to do to mix them up.
pub(super) struct Confusable {
    pub(super) how: String,
    pub(super) may: Caller,
    pub(super) may_not: Caller,
}

/// What stands between the parts of a key that is put together as text.
const SEPARATORS: [&str; 12] = ["", "/", ":", "::", "|", ",", ";", " ", "#", "\n", "\0", "\u{1f}"];

const ISSUER: &str = "https://one.example";

/// Pairs of callers, where `role` is what lets through.
pub(super) fn confusables(role: &str) -> Vec<Confusable> {
    let mut pairs = by_position(role);
    pairs.extend(SEPARATORS.iter().flat_map(|separator| by_separator(role, separator)));
    pairs.extend(by_likeness(role));
    pairs
}

fn pair(how: impl Into<String>, may: Caller, may_not: Caller) -> Confusable {
    Confusable { how: how.into(), may, may_not }
}

/// The same words in other places.
fn by_position(role: &str) -> Vec<Confusable> {
    let alice = |roles: &[&str]| Caller::new(ISSUER, "alice", roles);
    vec![
        pair(
            "one name at two issuers",
            alice(&[role]),
            Caller::new("https://two.example", "alice", &["guest"]),
        ),
        pair("one caller before and after a role was withdrawn", alice(&[role]), alice(&[])),
        pair("one caller before and after a role was exchanged", alice(&[role]), alice(&["guest"])),
        pair(
            "subject and role exchanged",
            Caller::new(ISSUER, "guest", &[role]),
            Caller::new(ISSUER, role, &["guest"]),
        ),
        pair("issuer and subject exchanged", Caller::new(ISSUER, "alice", &[role]), {
            Caller::new("alice", ISSUER, &["guest"])
        }),
        pair(
            "two tenants",
            alice(&[role]).tenant("acme"),
            Caller::new(ISSUER, "alice", &["guest"]).tenant("rival"),
        ),
        pair(
            "tenant and subject exchanged",
            alice(&[role]).tenant("acme"),
            Caller::new(ISSUER, "acme", &["guest"]).tenant("alice"),
        ),
        pair("a role as tenant", alice(&[role]), alice(&[]).tenant(role)),
    ]
}

/// The same text, when the parts are put together with a separator.
fn by_separator(role: &str, separator: &str) -> Vec<Confusable> {
    let joined = |a: &str, b: &str| format!("{a}{separator}{b}");
    let how = |what: &str| format!("{what} with {separator:?} between");
    let mut pairs = vec![
        pair(
            how("issuer and subject put together"),
            Caller::new(ISSUER, &joined("a", "b"), &[role]),
            Caller::new(&joined(ISSUER, "a"), "b", &["guest"]),
        ),
        pair(
            how("subject and role put together"),
            Caller::new(ISSUER, "alice", &[role]),
            Caller::new(ISSUER, &joined("alice", role), &[]),
        ),
    ];
    if !separator.is_empty() {
        pairs.push(pair(
            how("roles put together"),
            Caller::new(ISSUER, "alice", &["guest", role]),
            Caller::new(ISSUER, "alice", &[&joined("guest", role)]),
        ));
    }
    pairs
}

/// Names that are alike.
fn by_likeness(role: &str) -> Vec<Confusable> {
    let named = |name: &str, role: &str| Caller::new(ISSUER, name, &[role]);
    let pair_of = |how: &str, one: &str, other: &str| pair(how, named(one, role), named(other, "guest"));
    let long = "a".repeat(300);
    vec![
        pair_of("names that differ in case", "alice", "Alice"),
        pair_of("names that differ in a space", "alice", "alice "),
        pair_of("one look, two spellings in Unicode", "zo\u{eb}", "zoe\u{308}"),
        pair_of("names that begin alike", &format!("{long}1"), &format!("{long}2")),
        pair("roles that differ in case", named("alice", role), named("alice", &other_case(role))),
        pair("a role in a longer one", named("alice", role), named("alice", &format!("{role}-not"))),
        pair(
            "a role at the end of a longer one",
            named("alice", role),
            named("alice", &format!("not-{role}")),
        ),
        pair("a wildcard as role", named("alice", role), named("alice", "*")),
        pair("no role and an empty one", named("alice", role), named("alice", "")),
    ]
}

fn other_case(word: &str) -> String {
    let upper = word.to_uppercase();
    if upper == word { word.to_lowercase() } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pair_is_one_caller_and_only_the_first_has_the_role() {
        let pairs = confusables("viewer");
        assert!(pairs.len() > 40);
        for Confusable { how, may, may_not } in pairs {
            assert_ne!(may, may_not, "{how}");
            let has = |caller: &Caller| caller.roles.iter().any(|role| role == "viewer");
            assert!(has(&may) && !has(&may_not), "{how}");
        }
    }
}
