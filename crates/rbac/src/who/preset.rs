//! In what the tokens of well-known providers differ: data, so that the mapping has no case for a provider.

/// Where a provider's tokens hold what roles come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    pub(crate) groups_at: &'static str,
    pub(crate) roles_at: Option<&'static str>,
}

/// The presets.
pub(crate) const PRESETS: &[Preset] = &[
    Preset::GENERIC,
    // App roles are in `roles`; groups by their object ids, or left out when they are too many.
    Preset { name: "entra", groups_at: "groups", roles_at: Some("roles") },
    // Groups by their names, once the claim was added to the authorization server.
    Preset { name: "okta", groups_at: "groups", roles_at: None },
    Preset { name: "keycloak", groups_at: "groups", roles_at: Some("/realm_access/roles") },
    // Tokens hold no groups; the Workspace domain is all there is to map.
    Preset { name: "google", groups_at: "hd", roles_at: None },
    // With RBAC and "Add Permissions in the Access Token" switched on.
    Preset { name: "auth0", groups_at: "groups", roles_at: Some("permissions") },
    // `cognito:roles` are roles of AWS, not of the app.
    Preset { name: "cognito", groups_at: "cognito:groups", roles_at: None },
];

impl Preset {
    /// What OpenID providers have in common; holds where nothing else is said.
    pub(crate) const GENERIC: Self = Self { name: "generic", groups_at: "groups", roles_at: None };

    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|preset| preset.name)
    }
}
