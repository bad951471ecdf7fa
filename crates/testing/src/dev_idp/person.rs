//! The people that the provider knows.

/// A demo person: a name, a tenant and roles, which become the claims `sub`, `tenant` and `roles`.
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
