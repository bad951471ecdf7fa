//! Presets and rules from a configuration file.

use crate::claim_rule::ClaimRule;
use crate::issuer::Issuer;
use crate::policy::ClaimNames;

/// A provider's preset as a configuration file names it: `preset.keycloak = { base = "https://id.example.com", realm = "acme" }`.
/// Each stands for the constructor of [`Issuer`] with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")
)]
#[non_exhaustive]
pub enum Preset {
    /// [`Issuer::okta`].
    Okta {
        /// The org's domain.
        domain: String,
        /// The custom authorization server.
        server: String,
    },
    /// [`Issuer::entra`].
    Entra {
        /// The tenant's id.
        tenant: String,
    },
    /// [`Issuer::entra_tenants`].
    EntraTenants {
        /// The ids of the tenants that are let in.
        tenants: Vec<String>,
    },
    /// [`Issuer::google_workspace`].
    GoogleWorkspace {
        /// The Workspace domain.
        domain: String,
    },
    /// [`Issuer::auth0`].
    Auth0 {
        /// The tenant's domain, or a custom one.
        domain: String,
    },
    /// [`Issuer::keycloak`].
    Keycloak {
        /// The base URL.
        base: String,
        /// The realm.
        realm: String,
    },
    /// [`Issuer::cognito`].
    Cognito {
        /// The pool's id.
        user_pool: String,
    },
    /// [`Issuer::github_actions`].
    GithubActions {
        /// Owner and name.
        repository: String,
    },
    /// [`Issuer::kubernetes`].
    Kubernetes {
        /// The name under which the API server issues tokens.
        issuer: String,
    },
}

impl Preset {
    /// The issuer that is described.
    #[must_use]
    pub fn issuer(&self) -> Issuer {
        match self {
            Self::Okta { domain, server } => Issuer::okta(domain, server),
            Self::Entra { tenant } => Issuer::entra(tenant),
            Self::EntraTenants { tenants } => Issuer::entra_tenants(tenants.iter().map(String::as_str)),
            Self::GoogleWorkspace { domain } => Issuer::google_workspace(domain),
            Self::Auth0 { domain } => Issuer::auth0(domain),
            Self::Keycloak { base, realm } => Issuer::keycloak(base, realm),
            Self::Cognito { user_pool } => Issuer::cognito(user_pool),
            Self::GithubActions { repository } => Issuer::github_actions(repository),
            Self::Kubernetes { issuer } => Issuer::kubernetes(issuer.as_str()),
        }
    }
}

/// A [`ClaimRule`] as a configuration file writes it: the claim and one test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct RuleConfig {
    /// The claim's name, or a JSON pointer.
    pub claim: String,
    /// [`ClaimRule::equals`].
    pub equals: Option<String>,
    /// [`ClaimRule::one_of`].
    pub one_of: Option<Vec<String>>,
    /// [`ClaimRule::starts_with`].
    pub starts_with: Option<String>,
    /// [`ClaimRule::is_true`].
    pub is_true: bool,
    /// [`ClaimRule::present`].
    pub present: bool,
}

impl RuleConfig {
    /// The tests that are written, as rules.
    fn tests(&self) -> Vec<ClaimRule> {
        let claim = self.claim.as_str();
        [
            self.equals.as_deref().map(|value| ClaimRule::equals(claim, value)),
            self.one_of.as_ref().map(|values| ClaimRule::one_of(claim, values.iter().map(String::as_str))),
            self.starts_with.as_deref().map(|start| ClaimRule::starts_with(claim, start)),
            self.is_true.then(|| ClaimRule::is_true(claim)),
            self.present.then(|| ClaimRule::present(claim)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The issuer with the rule; without one test exactly no verifier can be built of it.
    pub(crate) fn add_to(&self, issuer: Issuer) -> Issuer {
        let tests = self.tests();
        let cure = "write one of equals, one-of, starts-with, is-true and present";
        let issuer = match tests.len() {
            1 => issuer,
            _ => issuer.mistaken("require", &self.claim, cure),
        };
        tests.into_iter().fold(issuer, Issuer::require)
    }
}

/// [`ClaimNames`] as a configuration file writes them: what is not said is the preset's to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct ClaimsConfig {
    /// See [`ClaimNames::roles`](field@ClaimNames::roles).
    pub roles: Option<String>,
    /// See [`ClaimNames::groups`](field@ClaimNames::groups).
    pub groups: Option<String>,
    /// See [`ClaimNames::tenant`](field@ClaimNames::tenant).
    pub tenant: Option<String>,
    /// See [`ClaimNames::scope`](field@ClaimNames::scope).
    pub scope: Option<String>,
    /// See [`ClaimNames::client`](field@ClaimNames::client).
    pub client: Option<String>,
}

impl ClaimsConfig {
    /// These names, and those of `other` where none is said.
    pub(crate) fn names(&self, other: &ClaimNames) -> ClaimNames {
        let or = |mine: &Option<String>, other: &str| mine.clone().unwrap_or_else(|| other.to_owned());
        ClaimNames {
            roles: or(&self.roles, &other.roles),
            groups: or(&self.groups, &other.groups),
            tenant: or(&self.tenant, &other.tenant),
            scope: or(&self.scope, &other.scope),
            client: or(&self.client, &other.client),
        }
    }
}
