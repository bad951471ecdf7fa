//! What they may do, as the file says: the policy, the next one beside it, and roles for a time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gambeson_core::{AuditSink, ConfigProblems, SystemClock};
use gambeson_rbac::{
    ActivationStore, Activations, AuthorizeLayer, FileActivations, MemoryActivations, PolicyHandle,
};

use super::{cause, text, with};
use crate::Config;
use crate::config::ActivationsTable;

/// The policies, and who has taken which role.
#[derive(Debug, Clone)]
pub(super) struct Rights {
    pub(super) policy: PolicyHandle,
    pub(super) next: Option<PolicyHandle>,
    pub(super) activations: Option<Activations>,
}

/// Reads the policies and takes up the activations that were kept.
pub(super) fn open(
    config: &Config,
    sink: Option<Arc<dyn AuditSink>>,
    problems: &mut ConfigProblems,
) -> Option<Rights> {
    let table = &config.rbac;
    let written = table.policy.as_deref().unwrap_or(Path::new("policy.toml"));
    let next = table.shadow.as_deref().and_then(|next| policy(config, "rbac.shadow", next, problems));
    let policy = policy(config, "rbac.policy", written, problems)?;
    on_record("in-force", Some(&policy), sink.as_ref());
    on_record("shadow", next.as_ref(), sink.as_ref());
    let opened = |table| activations(config, table, &policy, sink, problems);
    let activations = table.activations.as_ref().and_then(opened);
    Some(Rights { policy, next, activations })
}

fn policy(
    config: &Config,
    field: &str,
    written: &Path,
    problems: &mut ConfigProblems,
) -> Option<PolicyHandle> {
    let path = config.path(written);
    PolicyHandle::from_path(&path)
        .map_err(|error| problems.add(field, text(path.display()), text(error)))
        .ok()
}

fn on_record(name: &str, policy: Option<&PolicyHandle>, sink: Option<&Arc<dyn AuditSink>>) {
    if let Some((policy, sink)) = policy.zip(sink) {
        policy.audit(name, Arc::clone(sink), Arc::new(SystemClock::new()));
    }
}

fn activations(
    config: &Config,
    table: &ActivationsTable,
    policy: &PolicyHandle,
    sink: Option<Arc<dyn AuditSink>>,
    problems: &mut ConfigProblems,
) -> Option<Activations> {
    let Some(sink) = sink else {
        let cure = "a role is taken on record only: name audit-trail.directory, or leave this out";
        problems.add("rbac.activations", "", cure);
        return None;
    };
    let file = table.file.as_deref().map(|file| config.path(file));
    let opened = match &file {
        Some(path) => in_file(path).and_then(|store| opened(policy, store, sink)),
        None => opened(policy, MemoryActivations::default(), sink),
    };
    let shown = file.map(|path| text(path.display())).unwrap_or_default();
    opened.map_err(|why| problems.add("rbac.activations.file", shown, why)).ok()
}

fn opened(
    policy: &PolicyHandle,
    store: impl ActivationStore,
    sink: Arc<dyn AuditSink>,
) -> Result<Activations, String> {
    let clock = Arc::new(SystemClock::new());
    Activations::open(policy, store, sink, clock).map_err(|error| {
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
        let cure = match source.map(io::Error::kind) {
            Some(io::ErrorKind::InvalidData) => {
                "put back what this app wrote, or move it away: roles that were taken end then"
            }
            _ => "name a file that this process may read and write",
        };
        format!("{cure} ({})", cause(&error))
    })
}

/// The file, in a folder that was written to: that it can't be is found now, and not in an emergency. The file itself stays as it is
/// but for what is over, because a process that is about to stop may still change it.
fn in_file(path: &PathBuf) -> Result<FileActivations, String> {
    let store = FileActivations::new(path);
    let written = store.check();
    let cure = "name a file that this process may write, in a folder that exists";
    written.map(|()| store).map_err(|error| format!("{cure} ({error})"))
}

impl Rights {
    /// Drops what is over from the file of activations; that it can't is no reason not to end.
    pub(super) fn forget_ended(&self) {
        // The log has why it could not.
        let _ = self.activations.as_ref().map(Activations::forget_ended);
    }

    /// The layer with all that the file says of it, but for its mode.
    pub(super) fn applied_to(&self, layer: AuthorizeLayer) -> AuthorizeLayer {
        let layer = with(layer, self.next.as_ref(), AuthorizeLayer::shadow);
        with(layer, self.activations.as_ref(), AuthorizeLayer::activations)
    }
}
