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
//! A `*` stands for exactly one segment. An unknown key is an error.

mod compile;
mod document;
mod error;
mod fields;
mod order;
mod read;
mod universe;

use std::fmt::Write;

use gambeson_core::Principal;
use sha2::{Digest, Sha256};

pub(crate) use self::compile::Roles;
pub(crate) use self::document::{DeclaredTest, Document};
pub use self::error::{PolicyError, PolicyErrorKind};
pub(crate) use self::read::read;
pub(crate) use self::universe::Universe;
use crate::bits::{PermissionId, contains, intersect, subtract, union};
use crate::decision::Decision;
use crate::finding::{Finding, Findings, Severity};
use crate::memo::{Memo, SLOTS};
use crate::noted::Noted;
use crate::table::RouteTable;

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
    table: RouteTable,
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
        let table = compile::routes(&document, &universe, &mut findings);
        compile::tests(&document, &roles, &universe, &table, &mut findings);
        let policy = Self {
            digest: hex(&Sha256::digest(text.as_bytes())),
            universe,
            roles,
            table,
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
        let resolve = || self.effective(principal);
        match self.memo.with(principal.id(), resolve, |set| contains(set, permission)) {
            true => Decision::Allow,
            false => Decision::Deny,
        }
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

    /// The permissions of a caller, actor included.
    fn effective(&self, principal: &Principal) -> Box<[u64]> {
        let mut set = self.union_of(principal.roles(), |unknown| self.note_unknown_role(unknown));
        if let Some(actor) = principal.actor() {
            let allowed = self.union_of(actor.roles(), |unknown| self.note_unknown_role(unknown));
            intersect(&mut set, &allowed);
        }
        set
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
