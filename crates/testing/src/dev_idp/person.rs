//! The people that the provider knows.

use serde_json::{Map, Value, json};

/// A demo person: a name, a tenant and roles, which become the claims `sub`, `tenant` and `roles`.
///
/// The claims `name` and `email` follow: `alice` of `acme` is Alice, `alice@acme.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub(super) name: String,
    pub(super) tenant: Option<String>,
    pub(super) roles: Vec<String>,
}

impl Person {
    /// A person without tenant and roles.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), tenant: None, roles: Vec::new() }
    }

    /// The organisation.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// One more role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// The name with a capital.
    pub(super) fn full_name(&self) -> String {
        let mut letters = self.name.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    }

    /// Roles and tenant in words.
    pub(super) fn standing(&self) -> String {
        let tenant = self.tenant.as_ref().map(|tenant| format!("of {tenant}"));
        [self.roles.join(", ")]
            .into_iter()
            .filter(|roles| !roles.is_empty())
            .chain(tenant)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// What an ID token and the userinfo endpoint say (OpenID Connect Core §5.1).
    pub(super) fn claims(&self) -> Map<String, Value> {
        let host = self.tenant.as_deref().unwrap_or("people");
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("sub", json!(self.name));
        claim("name", json!(self.full_name()));
        claim("preferred_username", json!(self.name));
        claim("email", json!(format!("{}@{host}.example", self.name)));
        claim("email_verified", json!(true));
        claim("roles", json!(self.roles));
        self.tenant.iter().for_each(|tenant| drop(claim("tenant", json!(tenant))));
        claims
    }
}

/// alice edits, bob views, carol administers acme, and dave administers globex.
pub(super) fn demo_people() -> Vec<Person> {
    [
        ("alice", "acme", "editor"),
        ("bob", "acme", "viewer"),
        ("carol", "acme", "admin"),
        ("dave", "globex", "admin"),
    ]
    .map(|(name, tenant, role)| Person::new(name).tenant(tenant).role(role))
    .into()
}
