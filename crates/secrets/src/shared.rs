//! What all references of one `Secrets` share.

use std::sync::Arc;

use gambeson_core::{AuditSink, Clock, Entropy, Profile, Spawn, Timer};

use crate::allow::AllowList;
use crate::policy::Policy;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) policy: Policy,
    pub(crate) allow: AllowList,
    pub(crate) privileged: AllowList,
    pub(crate) profile: Profile,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) spawn: Arc<dyn Spawn>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) audit: Arc<dyn AuditSink>,
}
