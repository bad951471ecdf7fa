//! What a layer was told.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gambeson_core::{AuditSink, AuthenticationFrom, Clock, Mode, Principal, RouteSource, SystemClock};

use super::shadow::Shadow;
use super::source::ParameterSource;
use crate::activation::{Activations, Taken};
use crate::bits::PermissionId;
use crate::condition::Attributes;
use crate::decision::Decision;
use crate::effective::Situation;
use crate::handle::PolicyHandle;
use crate::policy::Policy;
use crate::table::RouteTable;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) policy: PolicyHandle,
    /// The routes declared in code; `None`: those of the policy in force.
    pub(crate) table: Option<Arc<RouteTable>>,
    pub(crate) source: Arc<dyn RouteSource>,
    /// Where scopes read path parameters.
    pub(crate) parameters: Option<Arc<dyn ParameterSource>>,
    pub(crate) authentication: Option<Arc<dyn AuthenticationFrom>>,
    pub(crate) audit: Option<Arc<dyn AuditSink>>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Roles that callers have taken or activated.
    pub(crate) activations: Option<Activations>,
    pub(crate) mode: Mode,
    /// The next policy, which decides beside the one in force.
    pub(crate) shadow: Option<Arc<Shadow>>,
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
            parameters: None,
            authentication: None,
            audit: None,
            clock: Arc::new(SystemClock::new()),
            activations: None,
            mode: Mode::Enforce,
            shadow: None,
            observed: Arc::default(),
            authorizer: true,
            log_in: None,
        }
    }
}

/// A decision, and the roles that were activated, where it rests on them.
#[derive(Debug)]
pub(crate) struct Decided<'a> {
    pub(crate) decision: Decision,
    // Boxed: few decisions rest on one, and the others should not be as large.
    pub(crate) taken: Option<Box<Taken<'a>>>,
}

impl Settings {
    /// Decides by the layer's clock; looks at activated roles only where the others do not allow.
    #[inline]
    pub(crate) fn decide<'a>(
        &self,
        policy: &'a Policy,
        caller: &'a Principal,
        id: PermissionId,
        record: Option<&dyn Attributes>,
    ) -> Decided<'a> {
        let now = Situation::at(&*self.clock);
        let situation = record.map_or(now, |record| now.upon(record));
        let decision = policy.decide_by_roles(caller, id, &situation);
        let with = match &self.activations {
            Some(activations) if decision != Decision::Allow => {
                with_taken(activations, policy, caller, id, &situation)
            }
            _ => None,
        };
        with.unwrap_or(Decided { decision, taken: None })
    }

    pub(super) fn weaknesses(&self) -> Vec<String> {
        let unaudited = "decisions are not put on record: give it an audit sink";
        let inactive = "nobody can take the roles of [[break_glass]] or activate those of a dynamic duty: give it activations";
        let missing = self.activations.is_none() && self.policy.load().has_roles_for_a_time();
        let found = [(self.audit.is_none(), unaudited), (missing, inactive)];
        found.into_iter().filter(|(weak, _)| *weak).map(|(_, what)| what.to_owned()).collect()
    }

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

/// Decides with the roles that a caller has activated; `None`: they change nothing.
#[inline(never)]
fn with_taken<'a>(
    activations: &Activations,
    policy: &'a Policy,
    caller: &'a Principal,
    id: PermissionId,
    situation: &Situation<'_>,
) -> Option<Decided<'a>> {
    let taken = activations.taken(caller, policy)?;
    let decision = policy.decide_with(&taken.party, &taken.roles, id, situation)?;
    Some(Decided { decision, taken: (decision != Decision::Deny).then(|| Box::new(taken)) })
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
