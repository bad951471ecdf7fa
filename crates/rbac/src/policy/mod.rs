//! The policy: one text, read once, frozen into rows of bits.
//!
//! ```toml
//! version = 1                       # mandatory
//!
//! [permissions]                     # the closed universe; wildcards expand against it
//! "notes:read" = {}
//! "notes:delete" = { privileged = true, audit = "strict" }
//!
//! [roles]
//! viewer = { grants = ["notes:read"] }
//! admin  = { inherits = ["viewer"], grants = ["notes:*"] }
//! intern = { grants = ["*:read"], deny = ["*:delete"] }
//!
//! [business_roles]                  # what people say, as bundles of roles
//! "Team Lead" = ["viewer", "admin"]
//!
//! [claims.entra]                    # what the tokens of one issuer mean; see below
//! issuer = "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0"
//! groups = { "cccccccc-2222-3333-4444-dddddddddddd" = "Team Lead" }
//!
//! [services]                        # which roles services and devices have
//! "spiffe://prod.example/jobs" = ["viewer"]
//! reports = { issuer = "https://id.example", roles = ["viewer"] }
//!
//! [routes]                          # checked against the routes in code, or the table of a plain router
//! "GET /notes" = { perm = "notes:read" }
//! "GET /livez" = { public = "probe" }
//!
//! [[test]]                          # run by `Policy::run_tests` and `gambeson rbac test`
//! as = ["intern"]
//! do = "notes:delete"
//! expect = "deny"
//! ```
//!
//! A denial overrides every grant, also one that another role of the caller gives, and is inherited like a grant.
//! A `*` stands for exactly one segment. An unknown key is an error. The same schema can be written as JSON: a text that begins
//! with `{` is read so. So can YAML, in its plain part (feature `yaml`): the text begins with `---`, comments and blank lines aside.
//!
//! # Who a caller is
//!
//! Without `[claims]` and `[services]`, callers have the roles that their principals name. With a `[claims]` table, persons have
//! what the table of their issuer gives them, and persons of an issuer that has no table have no roles: so none can hand out the
//! role names of another. With either section, services and devices have what `[services]` gives them: an entry is never a
//! person's, and groups are never a service's.
//!
//! | key of `[claims.<name>]` | meaning | default |
//! |---|---|---|
//! | `issuer` | the `iss` of the tokens, to the letter | none: it must be there |
//! | `preset` | `entra`, `okta`, `keycloak`, `google`, `auth0`, `cognito` or `generic` | the name of the table, else `generic` |
//! | `groups` | which role or roles the members of a group have, by the group's id | none |
//! | `groups_at` | the claim with the groups: its name, or a JSON pointer (RFC 6901) | `groups`; `hd` of google; `cognito:groups` |
//! | `roles_at` | the claim whose texts are roles of this policy | none; `roles` of entra; `/realm_access/roles` of keycloak; `permissions` of auth0 |
//! | `on_overage` | what it means that a token leaves groups out and says where to ask for them (OpenID Connect Core 1.0 §5.6.2) | `indeterminate`: 503. The other word is `dangerously_no_groups` |
//!
//! A claim of another shape than a text or a list of texts is [`Decision::Indeterminate`] as well. An entry of `[services]` is a
//! SPIFFE id, whose trust domain is its issuer, or a client id with its `issuer`; `client` names the id where the key does
//! not. On delegated calls (`act`, RFC 8693 §4.1) the current actor is looked up by its own issuer, and both must be allowed.
//!
//! # How a caller must be signed in, and what is told
//!
//! ```toml
//! [permissions]
//! "notes:delete" = { acr = ["phr"], max_age = "10m" }     # RFC 9470; for every route that asks for it
//!
//! [routes]
//! "POST /notes" = { perm = "notes:write", max_age = "1h" }            # on top, for this route
//! "GET /admin" = { perm = "notes:delete", forbidden = "not-found" }   # 404 in place of 403
//!
//! [answers]
//! forbidden = "not-found"                                 # the same for all routes that don't say it
//! ```
//!
//! They hold for routes in code too. A log-in of an unknown age may be any age, one in the future is no proof, and a service
//! never signed in: each is 401 with what would do. Scopes cure no refusal here, because a policy maps none: where they count,
//! put oidc-auth's `RequireScopes` around the route.

mod claims;
mod compile;
mod document;
mod error;
mod fields;
mod order;
mod read;
mod services;
mod syntax;
mod terms;
mod universe;
#[cfg(feature = "yaml")]
mod yaml;

use std::fmt::Write;

use gambeson_core::Principal;
use sha2::{Digest, Sha256};

pub(crate) use self::compile::Roles;
pub(crate) use self::document::{DeclaredTest, Document};
pub use self::error::{PolicyError, PolicyErrorKind};
pub(crate) use self::read::read;
pub(crate) use self::terms::Terms;
pub(crate) use self::universe::Universe;
use crate::bits::{PermissionId, contains, intersect, subtract, union};
use crate::decision::Decision;
use crate::finding::{Finding, Findings, Severity};
use crate::log_in::LogIn;
use crate::memo::{Memo, SLOTS};
use crate::noted::Noted;
use crate::table::RouteTable;
use crate::who::{Doubt, Who};

/// A policy, validated and frozen.
///
/// ```
/// use gambeson_core::Principal;
/// use gambeson_rbac::{Decision, Policy};
///
/// let policy = Policy::parse(r#"
///     version = 1
///     [permissions]
///     "notes:read" = {}
///     "notes:delete" = {}
///     [roles]
///     viewer = { grants = ["*:read"] }
/// "#)?;
/// let bob = Principal::user("https://id.example", "bob").role("viewer").build();
/// let delete = policy.permission("notes:delete").unwrap();
/// assert_eq!(policy.decide(&bob, delete), Decision::Deny);
/// assert!(policy.may(&bob, "notes:read"));
/// # Ok::<(), gambeson_rbac::PolicyError>(())
/// ```
#[derive(Debug)]
pub struct Policy {
    digest: Box<str>,
    universe: Universe,
    roles: Roles,
    who: Who,
    table: RouteTable,
    /// Whether what is forbidden is hidden, where a route does not say it.
    hides: bool,
    tests: Vec<DeclaredTest>,
    memo: Memo,
    unknown_roles: Noted,
    uncovered: Noted,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place and cure.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::parse_after(text, None)
    }

    /// Reads a policy that keeps the numbers of an earlier one.
    pub(crate) fn parse_after(text: &str, previous: Option<&Self>) -> Result<Self, PolicyError> {
        let (policy, _, findings) = Self::examine(text, previous);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(PolicyError::invalid(findings));
        }
        Ok(policy)
    }

    /// Reads a policy as far as possible, with all that was found on the way.
    pub(crate) fn examine(text: &str, previous: Option<&Self>) -> (Self, Document, Vec<Finding>) {
        let mut findings = Findings::about(text);
        let mut document = read(text, &mut findings);
        let universe = Universe::of(&document, previous.map(|previous| &previous.universe));
        let roles = compile::roles(&document, &universe, &mut findings);
        let mut who = Who::default();
        who.claims = claims::compile(&document, &roles, &mut findings);
        who.services = services::compile(&document, &roles, &mut findings);
        let table = compile::routes(&document, &universe, &mut findings);
        compile::tests(&document, &roles, &universe, &table, &mut findings);
        let policy = Self {
            digest: hex(&Sha256::digest(text.as_bytes())),
            universe,
            roles,
            who,
            table,
            hides: document.hides,
            tests: std::mem::take(&mut document.tests),
            memo: Memo::new(SLOTS),
            unknown_roles: Noted::default(),
            uncovered: Noted::default(),
        };
        (policy, document, findings.into_sorted())
    }

    /// SHA-256 of the text, in lower-case hexadecimal: what audit events name the policy by.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The number of a permission, for decisions without a look-up; `None` when the policy does not declare it.
    #[must_use]
    pub fn permission(&self, name: &str) -> Option<PermissionId> {
        self.universe.id(name)
    }

    /// The declared permissions.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.universe.declared()
    }

    /// The roles and, after them, the business roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.names.iter().map(|name| &**name)
    }

    /// Whether acts under this permission are privileged.
    #[must_use]
    pub fn is_privileged(&self, permission: PermissionId) -> bool {
        self.universe.is_privileged(permission)
    }

    /// Whether acts under this permission must be on record before they happen (`audit = "strict"`).
    #[must_use]
    pub fn is_strict(&self, permission: PermissionId) -> bool {
        self.universe.is_strict(permission)
    }

    /// Whether any permission asks for strict audit: then an audit sink is needed.
    #[must_use]
    pub fn has_strict_permissions(&self) -> bool {
        self.permissions().filter_map(|name| self.permission(name)).any(|id| self.is_strict(id))
    }

    /// Decides. The outcome depends on the principal's roles and the policy only.
    ///
    /// Callers seen before are remembered by [`Principal::id`], so that the decision is a look at one bit. With an
    /// actor (RFC 8693 §4.1) both must have the permission. A permission that the policy does not declare is
    /// [`Decision::Indeterminate`], never allowed.
    pub fn decide(&self, principal: &Principal, permission: PermissionId) -> Decision {
        if !self.universe.is_declared(permission) {
            return Decision::Indeterminate;
        }
        let resolve = || self.effective(principal).ok();
        match self.memo.with(principal.id(), resolve, |set| set.map(|set| contains(set, permission))) {
            Some(true) => Decision::Allow,
            Some(false) => Decision::Deny,
            None => Decision::Indeterminate,
        }
    }

    /// Why nothing can be decided about this caller; `None`: it can.
    pub(crate) fn doubt(&self, principal: &Principal) -> Option<Doubt> {
        self.effective(principal).err()
    }

    /// Whether `principal` may, for showing or hiding a button; `false` for a permission that is not declared.
    #[must_use]
    pub fn may(&self, principal: &Principal, permission: &str) -> bool {
        self.permission(permission).is_some_and(|id| self.decide(principal, id) == Decision::Allow)
    }

    /// Whether a caller who has exactly these roles may; unknown roles grant nothing.
    pub(crate) fn roles_may<'a>(
        &self,
        roles: impl IntoIterator<Item = &'a str>,
        permission: PermissionId,
    ) -> bool {
        contains(&self.union_of(roles, |_| {}), permission)
    }

    /// The permissions of a caller, actor included. Actors behind the current one only tell where a call came from
    /// (RFC 8693 §4.1).
    fn effective(&self, principal: &Principal) -> Result<Box<[u64]>, Doubt> {
        let mut set = self.permissions_of(principal)?;
        if let Some(actor) = principal.actor() {
            intersect(&mut set, &self.permissions_of(actor)?);
        }
        Ok(set)
    }

    /// The permissions of one party of a call.
    fn permissions_of(&self, party: &Principal) -> Result<Box<[u64]>, Doubt> {
        let roles = self.who.roles(party)?;
        Ok(self.union_of(roles.iter(), |unknown| self.note_unknown_role(unknown)))
    }

    fn union_of<'a>(&self, roles: impl IntoIterator<Item = &'a str>, unknown: impl Fn(&str)) -> Box<[u64]> {
        let mut allow = vec![0; self.universe.words()].into_boxed_slice();
        let mut deny = allow.clone();
        for name in roles {
            match self.roles.index.get(name) {
                Some(role) => {
                    union(&mut allow, self.roles.allow.row(*role));
                    union(&mut deny, self.roles.deny.row(*role));
                }
                None => unknown(name),
            }
        }
        subtract(&mut allow, &deny);
        allow
    }

    fn note_unknown_role(&self, name: &str) {
        if self.unknown_roles.is_new(name) {
            let role = gambeson_core::escape_controls(name);
            tracing::warn!(%role, "a caller claims a role that the policy does not know; it grants nothing");
        }
    }

    /// Whether nobody was told yet that this template has no rule.
    pub(crate) fn is_newly_uncovered(&self, template: &str) -> bool {
        self.uncovered.is_new(template)
    }

    /// What a role grants, denials aside; nothing for an unknown one.
    pub(crate) fn allow_row(&self, role: &str) -> &[u64] {
        self.roles.index.get(role).map_or(&[], |number| self.roles.allow.row(*number))
    }

    /// How callers must be signed in for acts under this permission.
    pub(crate) fn log_in(&self, permission: PermissionId) -> Option<&LogIn> {
        self.universe.log_in(permission)
    }

    /// Whether those who may not call a route with these terms are told that there is no such thing.
    pub(crate) fn hides(&self, terms: Option<&Terms>) -> bool {
        terms.and_then(|terms| terms.hidden).unwrap_or(self.hides)
    }

    pub(crate) fn table(&self) -> &RouteTable {
        &self.table
    }

    #[cfg(feature = "axum-router")]
    pub(crate) fn universe(&self) -> &Universe {
        &self.universe
    }

    pub(crate) fn tests(&self) -> &[DeclaredTest] {
        &self.tests
    }
}

fn hex(bytes: &[u8]) -> Box<str> {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out.into_boxed_str()
}

#[cfg(test)]
mod tests;
