//! Audit events of secrets: names, causes and counts, never values.

use std::borrow::Cow;

use gambeson_core::{
    Answer, AuditError, AuditErrorKind, AuditEvent, AuditKind, Durability, Outcome, SecretRef,
};

use crate::error::{ReadError, ReadErrorKind};
use crate::shared::Shared;
use crate::state::Version;
use crate::telemetry;

fn event(shared: &Shared, action: &'static str, outcome: Outcome, reference: &str) -> AuditEvent {
    let mut event = AuditEvent::new(AuditKind::SecretAccess, action, outcome, shared.clock.now());
    event.object = Some(reference.into());
    event
}

fn keep(shared: &Shared, event: AuditEvent) {
    // A sink answers `Async` at once; what it does not take is its own to count.
    if let Answer::Ready(Err(error)) = shared.audit.record(event, Durability::Async) {
        telemetry::unrecorded(&error);
    }
}

/// A value came from its store: the first, or another one.
pub(crate) fn published(shared: &Shared, reference: &SecretRef, version: Version) {
    let action = if version.get() == 1 { "secret.fetch" } else { "secret.rotate" };
    let event = event(shared, action, Outcome::Success, &reference.to_string());
    keep(shared, event.detail("version", version.to_string()));
}

/// The first of several failures in a row.
pub(crate) fn failed(shared: &Shared, error: &ReadError) {
    let mut event = event(shared, "secret.fetch", Outcome::Failed, error.reference());
    event.reason = Some(Cow::Borrowed(error.kind().as_str()));
    keep(shared, event);
}

/// A reference that may not be read was asked for.
pub(crate) fn refused(shared: &Shared, error: &ReadError) {
    let mut event = event(shared, "secret.read", Outcome::Denied, error.reference());
    event.reason = Some(Cow::Borrowed(ReadErrorKind::NotAllowed.as_str()));
    keep(shared, event);
}

/// A secret is handed to a part of the app. A privileged one is on stable storage first, or is not handed out: one that the
/// reference names, and one that it leads to.
pub(crate) async fn handed_out(
    shared: &Shared,
    reference: &SecretRef,
    place: Option<&str>,
) -> Result<(), ReadError> {
    let event = event(shared, "secret.read", Outcome::Success, &reference.to_string());
    let privileged = |location| shared.privileged.allows(reference.scheme(), location);
    if !privileged(reference.location()) && !place.is_some_and(privileged) {
        keep(shared, event);
        return Ok(());
    }
    let kept = match shared.audit.record(event, Durability::Strict).wait().await {
        Ok(receipt) if receipt.durable => return Ok(()),
        Ok(_) => AuditError::new(AuditErrorKind::Unsupported),
        Err(error) => error,
    };
    telemetry::unrecorded(&kept);
    Err(ReadError::new(ReadErrorKind::Unrecorded, reference).because(kept))
}
