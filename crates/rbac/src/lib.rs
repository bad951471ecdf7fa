//! What they may do: role-based access control as a tower layer, from one policy artefact.
//!
//! The [`policy`] is one TOML text: permissions, roles, business roles, routes and tests of its own. It is validated
//! as a whole and frozen into rows of bits, so that a decision is a look at one bit of each role of the caller, at any number of roles.
//! [`PolicyHandle`] holds the policy in force and replaces it in one step. [`AuthorizeLayer`](authorize) enforces it
//! before the app is touched; `Routes` (feature `axum-router`) declares axum routes together with their policy, so
//! that none can be forgotten.
//!
//! Where to start: `Routes` for an axum app, [`AuthorizeLayer::new`] with [`GrpcMethod`] for tonic, [`Policy`] for
//! decisions alone, [`lint`] and [`Policy::run_tests`] for a check of the policy in CI.
//!
//! # Refusals
//!
//! The `type` of a problem document points here. The public part names the stage only; the reason is in the log and
//! in the audit trail.
//!
//! ## layer-order
//!
//! Status 500. No authentication layer ran before [`AuthorizeLayer`] (or, for the extractor [`Authorizer`], no
//! `AuthorizeLayer`). Put one outside of it, or give [`AuthorizeLayer::authentication_from`]. When there is one, two
//! versions of `gambeson-core` may be in the tree and hide each other's facts: `cargo tree -d -i gambeson-core`.
//!
//! ## undecided
//!
//! Status 500. The handler of a route whose permission depends on the record answered without having asked
//! `OnRecord::decide`, or in spite of its refusal. What it did is done: mend the handler.
//!
//! ## unauthenticated
//!
//! Status 401 with the challenges of the authentication layer. The route asks for a permission, or is not known, and no
//! credential was given.
//!
//! ## insufficient-user-authentication
//!
//! Status 401 with a challenge that names what would do (RFC 9470). The caller has the permission, but the policy asks for a
//! stronger or more recent log-in (`acr`, `max_age`).
//!
//! ## forbidden
//!
//! Status 403. The caller is known and does not have the permission that the route asks for.
//!
//! ## not-found
//!
//! Status 404. There is no such route; or no such record, or it belongs to another tenant; or the caller may not call it and the
//! policy hides that (`forbidden = "not-found"`): these look the same.
//!
//! ## method-not-allowed
//!
//! Status 405 with `Allow`. The route has other methods.
//!
//! ## indeterminate
//!
//! Status 503. It could not be decided, which never means that it is allowed: the policy does not declare the permission, or the
//! caller's token leaves out groups, or has a claim of an unknown shape. The log has the cause.
//!
//! ## audit-unavailable
//!
//! Status 503. The policy asks for a durable record before the act (`audit = "strict"`), and there is none.
#![forbid(unsafe_code)]

pub mod activation;
pub mod authorize;
mod authorizer;
mod bits;
mod by_name;
mod condition;
mod decision;
mod diff;
mod effective;
mod finding;
mod givers;
mod handle;
mod inventory;
mod json;
mod kept;
mod lineage;
mod lint;
mod load_record;
mod log_in;
mod matrix;
mod meant;
mod memo;
mod nearest;
mod next;
mod noted;
#[cfg(feature = "openapi")]
mod openapi;
mod outcomes;
mod outlook;
mod past;
mod past_record;
mod period;
mod permission;
pub mod policy;
mod refusal;
mod replay;
mod requirement;
#[cfg(feature = "axum-router")]
pub mod routes;
mod scope;
mod selftest;
mod table;
mod usage;
mod who;
mod why;
mod window;

pub use activation::{
    Activation, ActivationError, ActivationErrorKind, ActivationKind, ActivationStore, Activations,
    FileActivations, MemoryActivations,
};
#[cfg(feature = "axum-router")]
pub use authorize::AxumRoute;
pub use authorize::{AuthorizeLayer, GrpcMethod, ParameterSource, ShadowReport};
#[cfg(feature = "axum")]
pub use authorizer::Authorized;
pub use authorizer::Authorizer;
pub use bits::PermissionId;
pub use condition::{Attribute, Attributes};
pub use decision::Decision;
pub use diff::{Change, PolicyDiff, Right};
pub use effective::Situation;
pub use finding::{Finding, Position, Severity};
pub use handle::{PolicyHandle, Reloaded};
pub use inventory::{InventoryError, inventory_text, read_inventory};
pub use lineage::{Effect, RoleRule};
pub use lint::{LINTS, Lint, Linter, lint};
pub use matrix::Matrix;
pub use next::{Difference, NextReport, Undecided};
#[cfg(feature = "openapi")]
pub use openapi::openapi;
/// For the benches, which must ask for more than is remembered.
#[doc(hidden)]
pub use outcomes::SLOTS as REMEMBERED;
pub use past::PastDecision;
pub use past_record::PastRecord;
pub use period::Period;
pub use permission::{NamedPermission, Permission, is_permission_name};
pub use policy::{Policy, PolicyError, PolicyErrorKind};
pub use refusal::Refusal;
pub use replay::{Disagreement, Replay, ReplayReport, Skipped, replay};
pub use requirement::{Requirement, need, public};
#[cfg(feature = "axum-router")]
pub use routes::{ManagementAccess, OnRecord, Routes, TakesFirst};
pub use scope::Scope;
pub use selftest::TestReport;
pub use table::RouteEntry;
pub use usage::{UnusedGrant, Usage, UsageReport};
pub use why::{MissingGrant, Side, Stage, Why};
