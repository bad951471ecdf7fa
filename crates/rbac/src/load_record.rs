//! Which policy is in force, on record.

use std::sync::Arc;

use gambeson_core::{AuditEvent, AuditKind, AuditSink, Clock, Outcome};

use crate::authorize::record_async;
use crate::handle::Reloaded;
use crate::policy::PolicyError;

const ACTION: &str = "policy.load";

/// Where loads of one handle's policy are put on record, and under which name.
pub(crate) struct LoadRecord {
    object: Box<str>,
    sink: Arc<dyn AuditSink>,
    clock: Arc<dyn Clock>,
}

impl LoadRecord {
    pub(crate) fn new(name: &str, sink: Arc<dyn AuditSink>, clock: Arc<dyn Clock>) -> Self {
        Self { object: format!("policy/{name}").into(), sink, clock }
    }

    /// The policy of this digest is in force from the start on.
    pub(crate) fn started(&self, digest: &str) {
        record_async(&*self.sink, self.event(Outcome::Success, digest));
    }

    pub(crate) fn changed(&self, reloaded: &Reloaded) {
        let event = self.event(Outcome::Success, &reloaded.after);
        record_async(&*self.sink, event.detail("before", &*reloaded.before));
    }

    /// Another was refused, and this one stays.
    pub(crate) fn refused(&self, error: &PolicyError, stays: &str) {
        let mut event = self.event(Outcome::Failed, stays);
        event.reason = Some(error.kind().as_str().into());
        record_async(&*self.sink, event);
    }

    fn event(&self, outcome: Outcome, digest: &str) -> AuditEvent {
        let mut event = AuditEvent::new(AuditKind::PolicyChange, ACTION, outcome, self.clock.now());
        event.object = Some(self.object.clone());
        event.policy = Some(digest.into());
        event
    }
}
