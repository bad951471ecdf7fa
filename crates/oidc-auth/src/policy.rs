//! What a token must be to be accepted.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use gambeson_core::ConfigProblems;

use crate::claim_rule::ClaimRule;
use crate::digest::first;
use crate::issuer::Issuer;
use crate::tenants::Tenants;

/// Which kind of token is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum TokenProfile {
    /// A JWT access token as RFC 9068 has it: `typ` is `at+jwt`, and `iss`, `exp`, `aud`, `sub`, `client_id`, `iat` and
    /// `jti` are there (§2.2). An ID token can't pass for one. The default.
    #[default]
    AccessToken,
    /// For issuers that have not got so far: `typ` is absent, `JWT` or `at+jwt`; `client_id`, `iat` and `jti` may be
    /// missing. ID tokens are refused by their marks (`at_hash`, `c_hash`), which is weaker than a type.
    JwtLenient,
}

/// What a verifier verifies: access tokens for an API, or the ID tokens of a log-in and the logout tokens that end it, which
/// are no credential for an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Access(TokenProfile),
    Id,
    Logout,
}

impl TokenKind {
    /// Whether a header with this `typ` may pass (media types have no letter case, RFC 7515 §4.1.9).
    pub(crate) fn allows_type(self, typ: Option<&str>) -> bool {
        let is = |wanted: &str| {
            typ.is_some_and(|typ| {
                typ.eq_ignore_ascii_case(wanted)
                    || typ.split_at_checked("application/".len()).is_some_and(|(tree, rest)| {
                        tree.eq_ignore_ascii_case("application/") && rest.eq_ignore_ascii_case(wanted)
                    })
            })
        };
        match self {
            Self::Access(TokenProfile::AccessToken) => is("at+jwt"),
            Self::Id => typ.is_none() || is("JWT"),
            // Recommended since errata set 1 only; `events` and the missing `nonce` tell it from other tokens too.
            Self::Logout => typ.is_none() || is("JWT") || is("logout+jwt"),
            Self::Access(TokenProfile::JwtLenient) => typ.is_none() || is("JWT") || is("at+jwt"),
        }
    }
}

/// Which claims hold what authorization asks for. A name that starts with `/` is a JSON pointer (RFC 6901), for
/// example `/realm_access/roles`; every other is the name of a top-level claim, slashes and all.
///
/// ```
/// use gambeson_oidc_auth::ClaimNames;
///
/// let names = ClaimNames::default().roles("/realm_access/roles").tenant("https://example.com/tenant");
/// # let _ = names;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct ClaimNames {
    /// A string or a list of strings, or of objects that say them as their `value`, as SCIM has it (RFC 9068 §2.2.3.1,
    /// RFC 7643 §2.4). Default `roles`.
    pub roles: String,
    /// The same of groups: where they are objects, `value` is the group's id. Default `groups`.
    pub groups: String,
    /// A string. Default `tenant`.
    pub tenant: String,
    /// Scopes separated by spaces, or a list of them. Default `scope` (RFC 9068 §2.2.3).
    pub scope: String,
    /// The client that the token was issued to: a string. Default `client_id` (RFC 9068 §2.2). Where the claim is absent,
    /// `azp` is looked at.
    pub client: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            roles: "roles".into(),
            groups: "groups".into(),
            tenant: "tenant".into(),
            scope: "scope".into(),
            client: "client_id".into(),
        }
    }
}

impl ClaimNames {
    /// Another claim for roles.
    #[must_use]
    pub fn roles(self, name: impl Into<String>) -> Self {
        Self { roles: name.into(), ..self }
    }

    /// Another claim for groups.
    #[must_use]
    pub fn groups(self, name: impl Into<String>) -> Self {
        Self { groups: name.into(), ..self }
    }

    /// Another claim for the organisation.
    #[must_use]
    pub fn tenant(self, name: impl Into<String>) -> Self {
        Self { tenant: name.into(), ..self }
    }

    /// Another claim for scopes.
    #[must_use]
    pub fn scope(self, name: impl Into<String>) -> Self {
        Self { scope: name.into(), ..self }
    }

    /// Another claim for the client.
    #[must_use]
    pub fn client(self, name: impl Into<String>) -> Self {
        Self { client: name.into(), ..self }
    }

    pub(crate) fn validate(&self, problems: &mut ConfigProblems) {
        for (field, name) in [
            ("claims.roles", &self.roles),
            ("claims.groups", &self.groups),
            ("claims.tenant", &self.tenant),
            ("claims.scope", &self.scope),
            ("claims.client", &self.client),
        ] {
            if name.is_empty() || name == "/" {
                problems.add(field, &**name, "name a claim, or a JSON pointer such as /realm_access/roles");
            }
        }
    }

    pub(crate) fn paths(&self) -> ClaimPaths {
        ClaimPaths {
            roles: path(&self.roles),
            groups: path(&self.groups),
            tenant: path(&self.tenant),
            scope: path(&self.scope),
            client: path(&self.client),
        }
    }
}

/// The names, cut into their steps.
#[derive(Debug, Clone)]
pub(crate) struct ClaimPaths {
    pub(crate) roles: Vec<Box<str>>,
    pub(crate) groups: Vec<Box<str>>,
    pub(crate) tenant: Vec<Box<str>>,
    pub(crate) scope: Vec<Box<str>>,
    pub(crate) client: Vec<Box<str>>,
}

impl ClaimPaths {
    /// Whether the top-level claim `name` is on one of the ways.
    pub(crate) fn wants(&self, name: &str) -> bool {
        [&self.roles, &self.groups, &self.tenant, &self.scope, &self.client]
            .into_iter()
            .any(|path| path.first().is_some_and(|first| **first == *name))
    }
}

pub(crate) fn path(name: &str) -> Vec<Box<str>> {
    match name.strip_prefix('/') {
        Some(pointer) => {
            pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~").into()).collect()
        }
        None => vec![name.into()],
    }
}

/// All that decides whether a token is accepted, but for keys and time.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) id: [u8; 32],
    pub(crate) issuer: Arc<str>,
    pub(crate) audiences: Vec<Box<str>>,
    pub(crate) kind: TokenKind,
    pub(crate) leeway: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) max_token: usize,
    pub(crate) names: ClaimPaths,
    /// The claim that says for whom a token is.
    pub(crate) audience_claim: Box<str>,
    pub(crate) rules: Vec<ClaimRule>,
    pub(crate) service_marks: Vec<ClaimRule>,
    pub(crate) tenants: Option<Tenants>,
    /// Whether the marks of an ID token are no reason to refuse it.
    pub(crate) takes_id_tokens: bool,
}

impl Policy {
    /// What this issuer asks of its tokens of this kind, whichever way they are read. Limits are the usual ones.
    pub(crate) fn of(issuer: &Issuer, kind: TokenKind, audiences: Vec<Box<str>>) -> Self {
        let dialect = &issuer.dialect;
        Self {
            id: [0; 32],
            issuer: Arc::clone(&issuer.name),
            audiences,
            kind,
            leeway: Duration::from_secs(30),
            max_lifetime: Duration::from_secs(86_400),
            max_token: 8 << 10,
            names: dialect.names.paths(),
            audience_claim: match kind {
                TokenKind::Access(_) => dialect.audience_claim.clone().into_owned().into(),
                TokenKind::Id | TokenKind::Logout => "aud".into(),
            },
            rules: dialect.rules.iter().filter(|rule| rule.is_of(kind)).cloned().collect(),
            service_marks: dialect.service_marks.clone(),
            tenants: dialect.tenants.clone(),
            takes_id_tokens: dialect.takes_id_tokens,
        }
    }

    /// Whether anything but the standard checks looks at the top-level claim of this name.
    pub(crate) fn wants(&self, claim: &str) -> bool {
        self.names.wants(claim)
            || *self.audience_claim == *claim
            || self.rules.iter().chain(&self.service_marks).any(|rule| rule.wants(claim))
            || self.tenants.as_ref().is_some_and(|tenants| *tenants.claim == *claim)
    }

    /// Whether this is the policy for tokens with this `iss`; whether they are accepted is another question.
    pub(crate) fn is_for(&self, iss: &str) -> bool {
        match &self.tenants {
            None => *self.issuer == *iss,
            Some(tenants) => tenants.tenant(iss).is_some(),
        }
    }

    /// The digest that keeps what one policy accepted from being served under another.
    #[must_use]
    pub(crate) fn identified(mut self) -> Self {
        self.id = [0; 32];
        let text = format!("{self:?}");
        self.id = first(&digest::digest(&digest::SHA256, text.as_bytes()));
        self
    }
}
