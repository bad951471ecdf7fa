//! What a layer was told.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gambeson_core::{AuditSink, AuthenticationFrom, Clock, Mode, RouteSource, SystemClock};

use crate::handle::PolicyHandle;
use crate::table::RouteTable;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) policy: PolicyHandle,
    /// The routes declared in code; `None`: those of the policy in force.
    pub(crate) table: Option<Arc<RouteTable>>,
    pub(crate) source: Arc<dyn RouteSource>,
    pub(crate) authentication: Option<Arc<dyn AuthenticationFrom>>,
    pub(crate) audit: Option<Arc<dyn AuditSink>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mode: Mode,
    /// How many requests were let pass that enforcing would have refused.
    pub(crate) observed: Arc<AtomicU64>,
    /// Whether handlers get an [`Authorizer`](crate::Authorizer).
    pub(crate) authorizer: bool,
    /// Where browsers sign in again.
    pub(crate) log_in: Option<Box<str>>,
}

impl Settings {
    pub(super) fn new(policy: PolicyHandle, source: Arc<dyn RouteSource>) -> Self {
        Self {
            policy,
            table: None,
            source,
            authentication: None,
            audit: None,
            clock: Arc::new(SystemClock::new()),
            mode: Mode::Enforce,
            observed: Arc::default(),
            authorizer: true,
            log_in: None,
        }
    }
}

impl Settings {
    pub(super) fn summary(&self) -> String {
        let policy = self.policy.load();
        let digest = policy.digest().split_at_checked(12).map_or(policy.digest(), |(start, _)| start);
        let routes = if self.table.is_some() { "code" } else { "the policy" };
        let audit = if self.audit.is_some() { "audited" } else { "not audited" };
        let permissions = policy.permissions().count();
        let roles = policy.roles().count();
        format!("{permissions} permissions, {roles} roles, policy {digest}, routes from {routes}, {audit}")
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("policy", &self.policy)
            .field("mode", &self.mode)
            .field("audit", &self.audit)
            .finish_non_exhaustive()
    }
}
