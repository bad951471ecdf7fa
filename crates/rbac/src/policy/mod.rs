//! The policy: one text, read once, frozen into rows of bits.
//!
//! ```toml
//! version = 1                       # mandatory
//!
//! [permissions]                     # the closed universe; wildcards expand against it
//! "notes:read" = {}
//! "notes:delete" = { privileged = true, audit = "strict" }
//! "invoice:approve" = { attributes = { amount = "number", currency = "text", urgent = "flag" } }
//!
//! [roles]
//! viewer = { grants = ["notes:read"] }
//! admin  = { inherits = ["viewer"], grants = ["notes:*"] }
//! intern = { grants = ["*:read"], deny = ["*:delete"] }
//! clerk  = { grants = [{ perm = "invoice:approve", when = { amount = { max = 10000 } }, until = "2027-01-31T00:00:00Z" }] }
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
//! "GET /{tenant}/notes" = { perm = "notes:read", scope = { tenant = "path:tenant" } }
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
//! | `tenants` | the tenants that the issuer may name: `["acme", "eu-*"]`, where a `*` at the end stands for any end; `["*"]` for all | all for the only issuer of persons, none for one of several |
//!
//! A tenant that the issuer may not name is none ([`Policy::tenant`]), and so is that of an issuer without a table: a table with `issuer` and
//! `tenants` alone lets one whose callers are services only name some, and makes no second issuer of persons. Without any `[claims]` each
//! tenant is as the principal has it.
//!
//! Budgets and the audit trail know a caller's tenant as the token has it, not as the policy reads it. So once any table has
//! `tenants`, a caller of a tenant that the issuer may not name is [`Decision::Indeterminate`] for every permission (503), also while a layer only
//! observes. Public routes stay public; their handlers ask `Authorizer::tenant`. As long as no table has `tenants`, such callers are let
//! pass where no tenant is asked for.
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
//! They hold for routes in code too; [`Policy::decide`] looks at those of the permission. A log-in of an unknown age may be any age, one in the future is no proof, and a service
//! never signed in: each is 401 with what would do. Scopes cure no refusal here, because a policy maps none: where they count,
//! put oidc-auth's `RequireScopes` around the route.
//!
//! # Grants and denials that hold at times, or for some records
//!
//! A grant or a denial may be a table with `perm` (wildcards too), `when`, `from` and `until`.
//!
//! `when` names attributes of the record, all of which must be as it says. Each permission that it is about declares
//! them with their type: a `"number"` is whole (of money, in its smallest unit) and compared with `{ min = …, max = … }`,
//! both included, or with one value; a `"text"` with `{ one_of = ["a", "b"] }` or one value, byte for byte; a `"flag"`
//! with `true` or `false`. Comparing what is not declared, or as another type, is an error of the policy. A record that
//! lacks an attribute, or has it in another type, makes the decision [`Indeterminate`](Decision::Indeterminate), also
//! where the attribute stands in a denial or beside a comparison that fails.
//!
//! `from` is the first moment at which it holds and `until` the first at which it does not any more, with an offset
//! from UTC. They are wall time, so they mean the same after a reload and a restart.
//!
//! A route whose permission depends on the record is declared in code with `Routes::on_record`, so that its handler
//! decides; any other refuses what is `Conditional` with 503.
//!
//! In this order: what a denial that holds is about is denied; else what can't be told is indeterminate; else, without a
//! record at hand, what depends on it is [`Conditional`](Decision::Conditional); else a grant that holds allows. Where a
//! grant holds upon any record, conditions of other grants are not looked at.
//!
//! # Test rows
//!
//! ```toml
//! [[test]]
//! as = ["clerk"]                    # a caller with exactly these roles; [] is one without any
//! do = "invoice:approve"            # a permission, or "METHOD /template" of a declared route
//! record = { amount = 500 }         # upon this record
//! at = "2026-12-01T09:00:00Z"       # at this moment
//! expect = "allow"                  # or "deny", or "conditional"
//! ```
//!
//! `record` and `at` may be left out. What then depends on the record or the time is `conditional`, and neither an allowance nor a denial:
//! a row comes out the same whenever it is run. What a record has must be declared by the permission, in that type. The log-in
//! (`acr`, `max_age`), scopes and activated roles are not part of a row.
//!
//! # Separation of duties
//!
//! ```toml
//! [[separation_of_duties]]
//! name = "four-eyes"
//! kind = "static"                   # or "dynamic"
//! roles = ["approver", "auditor"]
//! max = 1
//! ```
//!
//! A role or business role that alone is or inherits more than `max` of the roles is an error of the policy. A caller whose
//! roles together bring too many of a static set keeps none of those: each role that brings a member grants nothing, and
//! still denies. The other roles stay. A caller who has no more than `max` of a dynamic set keeps them, active. Of more, none grants
//! until activated ([`Activations::activate`](crate::Activations::activate)), and at most `max` at a time in one session. Two sessions of one person are two, and what several instances know of a session is what their store shares.
//!
//! # Break-glass
//!
//! ```toml
//! [[break_glass]]
//! role = "admin"                    # must deny nothing
//! who = ["group:oncall"]            # or "role:…", of those who have it themselves, not by inheritance; persons only; groups by `groups_at` of the one `[claims]`
//! max = "1h"                        # up to 24 hours
//! reason = "required"               # the default; or "optional"
//! ```
//!
//! Who is named may take the role for up to `max`, on record before it holds: see [`Activations`](crate::Activations).
//!
//! # Scopes
//!
//! `scope = { tenant = "path:tenant" }` on a route: this path parameter must name the caller's tenant. With `subject` it
//! must name the caller (`sub`), a person of the policy's one issuer. Of several issuers, each names only its own tenants
//! (`tenants` of its `[claims]`). The parameter is read decoded, as the handler reads it; another's answers 404, also while
//! the layer only observes.

mod claims;
mod clause;
mod compile;
mod constraints;
mod document;
mod duties;
mod error;
mod fields;
mod look;
mod moment;
mod order;
mod read;
mod resolve;
mod rules;
mod services;
mod span;
mod syntax;
mod terms;
mod test_row;
mod universe;
#[cfg(feature = "yaml")]
mod yaml;

use std::fmt::Write;

use gambeson_core::{Principal, SystemClock};
use sha2::{Digest, Sha256};

pub(crate) use self::compile::Roles;
pub(crate) use self::document::{At, Clause, DeclaredRole, DeclaredTest, Document, Effect};
pub use self::error::{PolicyError, PolicyErrorKind};
pub(crate) use self::moment::parse as timestamp;
pub(crate) use self::read::{NO_REASON, read};
pub(crate) use self::resolve::{Asker, Party, PartyNames};
pub(crate) use self::rules::Rule;
pub(crate) use self::terms::Terms;
pub(crate) use self::universe::{Universe, matches};
use crate::bits::{PermissionId, contains};
use crate::decision::Decision;
use crate::effective::{Effective, Situation};
use crate::finding::{Finding, Findings, Severity};
use crate::givers::Givers;
use crate::log_in::LogIn;
use crate::memo::{Memo, SLOTS};
use crate::noted::Noted;
use crate::outcomes::Outcomes;
use crate::table::RouteTable;
use crate::who::{Doubt, Who};

/// A policy, validated and frozen.
///
/// ```
/// use gambeson_core::{Principal, SystemClock};
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
    document: Document,
    givers: Givers,
    outcomes: Outcomes,
    memo: Memo<Option<Effective>>,
    unknown_roles: Noted,
    conflicts: Noted,
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
        let (policy, findings) = Self::examine(text, previous);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(PolicyError::invalid(findings));
        }
        Ok(policy)
    }

    /// Reads a policy as far as possible, with all that was found on the way.
    pub(crate) fn examine(text: &str, previous: Option<&Self>) -> (Self, Vec<Finding>) {
        let mut findings = Findings::about(text);
        let document = read(text, &mut findings);
        let universe = Universe::of(&document, previous.map(|previous| &previous.universe));
        let roles = compile::roles(&document, &universe, &mut findings);
        let mut who = Who::default();
        who.claims = claims::compile(&document, &roles, &mut findings);
        who.services = services::compile(&document, &roles, &mut findings);
        let table = compile::routes(&document, &universe, &mut findings);
        compile::tests(&document, &roles, &universe, &table, &mut findings);
        let policy = Self {
            digest: hex(&Sha256::digest(text.as_bytes())),
            givers: Givers::new(&universe),
            universe,
            roles,
            who,
            table,
            hides: document.hides,
            document,
            outcomes: Outcomes::new(),
            memo: Memo::new(SLOTS),
            unknown_roles: Noted::default(),
            conflicts: Noted::default(),
            uncovered: Noted::default(),
        };
        (policy, findings.into_sorted())
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

    /// Whether callers may take roles for a time, or have to activate some: then the layer needs [`Activations`](crate::Activations).
    #[must_use]
    pub fn has_roles_for_a_time(&self) -> bool {
        !self.roles.break_glass.is_empty() || self.roles.duties.are_dynamic()
    }

    /// Decides, now and without a record at hand. The outcome depends on the principal's roles and log-in, the policy and
    /// the time.
    ///
    /// A log-in that is too weak or too old for the permission (its `acr` and `max_age`) is [`Decision::Deny`];
    /// [`Policy::decide_by_roles`] tells whether a better one would do. What a route asks for on top is the layer's to check,
    /// and so are roles that were activated.
    ///
    /// Decisions that depend on nothing else than caller and policy are remembered by [`Principal::id`], so that the next one
    /// is a look at one word.
    /// With an actor (RFC 8693 §4.1) both must have the permission. A permission that the policy does not declare is
    /// [`Decision::Indeterminate`], never allowed; one that depends on the record is [`Decision::Conditional`].
    #[inline]
    pub fn decide(&self, principal: &Principal, permission: PermissionId) -> Decision {
        match self.remembered(principal, permission) {
            Some(decision) => decision,
            None => self.decide_now(principal, permission),
        }
    }

    /// Apart from [`decide`](Self::decide), whose warm path is then short and calls nothing.
    #[inline(never)]
    fn decide_now(&self, principal: &Principal, permission: PermissionId) -> Decision {
        self.decide_in(principal, permission, &Situation::at(&SystemClock::new()))
    }

    /// What is known of this caller and permission, where nothing depends on the log-in either.
    #[inline]
    fn remembered(&self, principal: &Principal, permission: PermissionId) -> Option<Decision> {
        let decision = self.outcomes.get(principal.id(), permission)?;
        let settled = decision != Decision::Allow || !self.universe.has_log_ins();
        settled.then_some(decision)
    }

    /// Decides like [`Policy::decide`], by another clock or upon a record.
    ///
    /// ```
    /// use gambeson_core::{Principal, SystemClock};
    /// use gambeson_rbac::{Attribute, Decision, Policy, Situation};
    ///
    /// let policy = Policy::parse(r#"
    ///     version = 1
    ///     [permissions]
    ///     "invoice:approve" = { attributes = { amount = "number" } }
    ///     [roles]
    ///     clerk = { grants = [{ perm = "invoice:approve", when = { amount = { max = 10000 } } }] }
    /// "#)?;
    /// let (clock, bob) = (SystemClock::new(), Principal::user("https://id.example", "bob").role("clerk").build());
    /// let (approve, now) = (policy.permission("invoice:approve").unwrap(), Situation::at(&clock));
    /// assert_eq!(policy.decide(&bob, approve), Decision::Conditional);
    /// for (amount, expected) in [(10_000, Decision::Allow), (10_001, Decision::Deny)] {
    ///     let invoice = [("amount", Attribute::Number(amount))];
    ///     assert_eq!(policy.decide_in(&bob, approve, &now.upon(&invoice)), expected);
    /// }
    /// let broken = [("amount", Attribute::Text("12"))];
    /// assert_eq!(policy.decide_in(&bob, approve, &now.upon(&broken)), Decision::Indeterminate);
    /// # Ok::<(), gambeson_rbac::PolicyError>(())
    /// ```
    #[inline]
    pub fn decide_in(
        &self,
        principal: &Principal,
        permission: PermissionId,
        situation: &Situation<'_>,
    ) -> Decision {
        let decision = self.decide_by_roles(principal, permission, situation);
        if decision != Decision::Allow {
            return decision;
        }
        match self.log_in(permission) {
            Some(wanted) if !wanted.met_by(principal, situation.now()) => Decision::Deny,
            _ => Decision::Allow,
        }
    }

    /// What the roles say, however the caller has signed in: to show what a better log-in would open, as
    /// [`AuthorizeLayer`](crate::AuthorizeLayer) does when it asks for one. Nothing may be let pass by this alone.
    #[inline]
    pub fn decide_by_roles(
        &self,
        principal: &Principal,
        permission: PermissionId,
        situation: &Situation<'_>,
    ) -> Decision {
        // Only decisions on declared permissions are remembered.
        match self.outcomes.get(principal.id(), permission) {
            Some(decision) => decision,
            None => self.decide_anew(principal, permission, situation),
        }
    }

    /// Why nothing can be decided about this caller; `None`: it can.
    pub(crate) fn doubt(&self, principal: &Principal) -> Option<Doubt> {
        self.effective(principal).err()
    }

    /// Whether `principal` may, as [`Policy::decide`]; `false` for a permission that is not declared, for one that depends on
    /// the record, and for a log-in that is too weak or too old.
    #[must_use]
    pub fn may(&self, principal: &Principal, permission: &str) -> bool {
        self.permission(permission).is_some_and(|id| self.decide(principal, id) == Decision::Allow)
    }

    /// The caller's tenant, if the policy lets the caller's issuer name it (`tenants` of its `[claims]`); use it in place of
    /// [`Principal::tenant`] wherever callers come from several issuers.
    #[must_use]
    pub fn tenant<'a>(&self, caller: &'a Principal) -> Option<&'a str> {
        self.who.tenant(caller)
    }

    /// Whether a caller says to be in a tenant that the policy does not let its issuer name.
    pub(crate) fn usurps_tenant(&self, caller: &Principal) -> bool {
        self.who.usurps_tenant(caller)
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

    /// Whether a role grants it at times or for some records only.
    pub(crate) fn has_conditional_grant(&self, id: PermissionId) -> bool {
        let about = |rule: &&Rule| rule.effect == Effect::Allow && contains(&rule.permissions, id);
        self.roles.rules.iter().any(|rule| about(&rule))
    }

    /// Whether who has it depends on the record.
    pub(crate) fn depends_on_record(&self, id: PermissionId) -> bool {
        let depends = |rule: &Rule| rule.condition.is_some() && contains(&rule.permissions, id);
        self.roles.rules.iter().any(depends)
    }

    pub(crate) fn table(&self) -> &RouteTable {
        &self.table
    }

    #[cfg(feature = "axum-router")]
    pub(crate) fn universe(&self) -> &Universe {
        &self.universe
    }

    pub(crate) fn tests(&self) -> &[DeclaredTest] {
        &self.document.tests
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
