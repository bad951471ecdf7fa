//! Decisions of the past, as an audit trail keeps them.

use gambeson_core::Outcome;

use crate::condition::Attributes;
use crate::past_record::{self, PastRecord};
use crate::policy::{Asker, Policy};

/// The detail of an event that has the roles of the caller, as far as the policy knew them.
pub(crate) const ROLES: &str = "roles";
/// The detail that has those of who acted for the caller.
pub(crate) const ACTOR_ROLES: &str = "actor_roles";
/// The detail that has the roles that the caller had taken or activated, when one of them was the reason.
pub(crate) const ACTIVATED_ROLES: &str = "activated_roles";
/// The detail that has what conditions have compared of the record.
pub(crate) const RECORD: &str = "record";
/// The detail that says that it did not fit.
pub(crate) const OMITTED_RECORD: &str = "record_omitted";
/// The detail that says how many roles did not fit into the others.
pub(crate) const OMITTED_ROLES: &str = "roles_omitted";
/// The detail that says why it was refused.
pub(crate) const WHY: &str = "why";
/// The detail that says in which mode the layer was, when it did not enforce.
pub(crate) const MODE: &str = "mode";
/// The detail that has the digest of the policy that decided beside the one in force.
pub(crate) const SHADOW: &str = "shadow_policy";

/// The roles of one side take at most so many bytes; an audit trail cuts a text after 1,024.
const LONGEST: usize = 900;

/// A decision of the past, read back from an audit event of kind `authorization`.
///
/// Fill it with what the event has: [`replay`](crate::replay) and [`Usage`](crate::Usage) need the permission, the
/// outcome, the reason, the policy's digest and the details.
///
/// ```
/// use gambeson_core::Outcome;
/// use gambeson_rbac::PastDecision;
///
/// let mut past = PastDecision::new("notes:delete", Outcome::Denied);
/// past.reason = Some("forbidden".into());
/// past.detail("roles", "viewer, editor");
/// assert!(past.roles.unwrap().iter().map(|role| &**role).eq(["viewer", "editor"]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastDecision {
    /// Where the event is in its trail, for reports.
    pub place: u64,
    /// When, RFC 3339 in UTC as the trail has it. Periods are told from it.
    pub at: Box<str>,
    /// What was asked for.
    pub permission: Box<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// The slug of the refusal, if it was one.
    pub reason: Option<Box<str>>,
    /// The digest of the policy that decided.
    pub policy: Option<Box<str>>,
    /// The name of who called; `None`: nobody was logged in.
    pub subject: Option<Box<str>>,
    /// The name of who acted for the caller.
    pub actor: Option<Box<str>>,
    /// Method and route template, for reports.
    pub route: Option<Box<str>>,
    /// The caller's roles; `None`: the event does not have them.
    pub roles: Option<Vec<Box<str>>>,
    /// The actor's roles; `None`: the event does not have them.
    pub actor_roles: Option<Vec<Box<str>>>,
    /// The roles that the caller had taken or activated.
    pub activated_roles: Vec<Box<str>>,
    /// What conditions have compared of the record that was acted upon; `None`: the event has none.
    pub record: Option<PastRecord>,
    /// Whether some of the roles, or the record, did not fit into the event.
    pub cut: bool,
    /// Whether the refusal was only observed.
    pub observed: bool,
    /// Whether the event tells how another policy decided, beside the event of the decision itself.
    pub shadow: bool,
}

impl PastDecision {
    /// A decision on a permission of which no more is known.
    pub fn new(permission: impl Into<Box<str>>, outcome: Outcome) -> Self {
        Self {
            place: 0,
            at: Box::default(),
            permission: permission.into(),
            outcome,
            reason: None,
            policy: None,
            subject: None,
            actor: None,
            route: None,
            roles: None,
            actor_roles: None,
            activated_roles: Vec::new(),
            record: None,
            cut: false,
            observed: false,
            shadow: false,
        }
    }

    /// Takes over a detail of the event; details that say nothing about the decision are left.
    pub fn detail(&mut self, name: &str, value: &str) {
        match name {
            ROLES => self.roles = Some(split(value)),
            ACTOR_ROLES => self.actor_roles = Some(split(value)),
            ACTIVATED_ROLES => self.activated_roles = split(value),
            RECORD => self.record = past_record::read(value),
            OMITTED_ROLES | OMITTED_RECORD => self.cut = true,
            MODE => self.observed = value == "observe",
            SHADOW => self.shadow = true,
            _ => {}
        }
    }
}

/// What an event must have, so that the decision can be made again.
pub(crate) fn details_of(
    policy: &Policy,
    asker: &Asker<'_>,
    permission: &str,
    record: Option<&dyn Attributes>,
) -> Vec<(&'static str, String)> {
    let mut omitted = 0;
    let mut detail = |name, roles: &[&str]| {
        let (text, more) = join(policy, roles);
        omitted += more;
        (name, text)
    };
    let mut details = vec![detail(ROLES, &asker.roles)];
    if !asker.activated.is_empty() {
        details.push(detail(ACTIVATED_ROLES, &asker.activated));
    }
    if let Some(actor) = &asker.actor {
        details.push(detail(ACTOR_ROLES, actor));
    }
    if omitted > 0 {
        details.push((OMITTED_ROLES, omitted.to_string()));
    }
    match record.and_then(|record| past_record::told(policy, permission, record)) {
        Some(told) if told.len() > LONGEST => details.push((OMITTED_RECORD, told.len().to_string())),
        Some(told) => details.push((RECORD, told)),
        None => {}
    }
    details
}

/// The roles that the policy knows, separated by commas, and how many did not fit.
///
/// Only these: the others grant nothing, and strangers may make them up.
fn join(policy: &Policy, roles: &[&str]) -> (String, usize) {
    let mut out = String::new();
    let mut omitted = 0;
    for role in roles.iter().filter(|role| policy.role_number(role).is_some()) {
        if out.len() + role.len() + 2 > LONGEST {
            omitted += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(", ");
        }
        for c in role.chars() {
            if matches!(c, ',' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
    }
    (out, omitted)
}

fn split(text: &str) -> Vec<Box<str>> {
    let mut roles = Vec::new();
    let mut role = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => role.extend(chars.next()),
            ',' => roles.push(std::mem::take(&mut role)),
            c => role.push(c),
        }
    }
    roles.push(role);
    // A role's name has no blanks around it.
    roles.iter().map(|role| role.trim()).filter(|role| !role.is_empty()).map(Box::from).collect()
}

#[cfg(test)]
mod tests {
    use gambeson_core::Principal;

    use super::*;

    #[test]
    fn roles_are_told_so_that_they_can_be_read_back() {
        let policy = Policy::parse(
            r#"version = 1
            [roles]
            "a, b" = {}
            'c\d' = {}
            e = {}"#,
        )
        .unwrap();
        let who = ["a, b", "x", r"c\d", "e"];
        let principal = who.iter().fold(Principal::user("i", "s"), |who, role| who.role(*role)).build();
        let details = details_of(&policy, &policy.names(&principal).unwrap().asker(), "a", None);
        assert_eq!(details, [(ROLES, r"a\, b, c\\d, e".to_owned())]);
        assert_eq!(split(&details[0].1), ["a, b".into(), r"c\d".into(), Box::from("e")]);
        assert_eq!(split(""), Vec::<Box<str>>::new());
    }

    #[test]
    fn what_does_not_fit_is_counted_and_an_actor_has_its_own() {
        let names: Vec<String> = (0..300).map(|number| format!("role-{number:03}")).collect();
        let roles: String = names.iter().map(|name| format!("{name} = {{}}\n")).collect();
        let policy = Policy::parse(&format!("version = 1\n[roles]\n{roles}")).unwrap();
        let all = names.iter().fold(Principal::service("i", "a"), |who, role| who.role(role.clone())).build();
        let caller = Principal::user("i", "s").role("role-000").actor(all).build();
        let details = details_of(&policy, &policy.names(&caller).unwrap().asker(), "a", None);
        assert_eq!(details[0], (ROLES, "role-000".to_owned()));
        assert!(details[1].1.len() <= LONGEST, "{}", details[1].1.len());
        let kept = split(&details[1].1).len();
        assert_eq!(details[2], (OMITTED_ROLES, (300 - kept).to_string()));
    }

    #[test]
    fn a_record_that_does_not_fit_is_told_by_its_length() {
        let policy = Policy::parse(
            r#"version = 1
            [permissions]
            a = { attributes = { t = "text" } }
            [roles]
            r = { grants = [{ perm = "a", when = { t = "x" } }] }"#,
        )
        .unwrap();
        for (length, name) in [(892, RECORD), (893, OMITTED_RECORD)] {
            let text = "x".repeat(length);
            let record = [("t", crate::Attribute::Text(&text))];
            let details = details_of(&policy, &Asker::default(), "a", Some(&record));
            assert_eq!(details[1].0, name, "{length}");
        }
    }
}
