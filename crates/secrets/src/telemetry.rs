//! What is logged of secrets: references and causes, never values.

use gambeson_core::{AuditError, SecretRef};

use crate::error::ReadError;
use crate::state::Version;

pub(crate) fn fetched(reference: &SecretRef) {
    tracing::info!(%reference, "secret read for the first time");
}

pub(crate) fn rotated(reference: &SecretRef, version: Version) {
    tracing::info!(%reference, version = version.get(), "secret rotated");
}

pub(crate) fn went_back(reference: &SecretRef) {
    tracing::warn!(%reference, "the store gave an older version of the secret than before; readers keep the newer one");
}

/// Logged at the 1st, 2nd, 4th, 8th … failure in a row.
pub(crate) fn failed(error: &ReadError, in_a_row: u32) {
    if in_a_row.is_power_of_two() {
        let source = std::error::Error::source(error).map(deepest).map(tracing::field::display);
        tracing::warn!(
            reference = error.reference(),
            kind = error.kind().as_str(),
            source,
            in_a_row,
            "secret not read"
        );
    }
}

fn deepest<'a>(error: &'a (dyn std::error::Error + 'static)) -> String {
    let mut deepest: &'a dyn std::error::Error = error;
    while let Some(deeper) = deepest.source() {
        deepest = deeper;
    }
    deepest.to_string()
}

pub(crate) fn recovered(reference: &SecretRef, failures: u32) {
    tracing::info!(%reference, failures, "secret read again after failures");
}

pub(crate) fn unusable(reference: &SecretRef, error: &ReadError) {
    tracing::error!(%reference, kind = error.kind().as_str(), "the secret's new value is not of the shape that its handle has; the old one is kept");
}

pub(crate) fn refused(error: &ReadError) {
    tracing::warn!(
        reference = error.reference(),
        "secret refused: not on the allow list, or no store of its scheme"
    );
}

pub(crate) fn rejected(reference: &SecretRef, version: Version) {
    tracing::warn!(%reference, version = version.get(), "the other side rejected the secret; it is read again");
}

pub(crate) fn unrecorded(error: &AuditError) {
    tracing::error!(%error, "an audit event of a secret was not recorded");
}

pub(crate) fn env_in_production() {
    tracing::warn!(
        "secrets come from the environment, which can't be wiped and never rotates; mount them as files"
    );
}

pub(crate) fn world_readable_accepted() {
    tracing::warn!(
        "dangerously_accept_world_readable: files that every user of this machine can read are taken as secrets"
    );
}

/// Logged at the 1st, 2nd, 4th, 8th … time. The address that was asked for may hold anything: only the declared one is named.
pub(crate) fn elsewhere(origin: &impl std::fmt::Debug, count: u64) {
    if count.is_power_of_two() {
        tracing::warn!(
            ?origin,
            count,
            "requests without the secret: they go to another origin than the declared one"
        );
    }
}
