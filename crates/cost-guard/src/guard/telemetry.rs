//! What the guard logs. Never who: that is the audit's.

use gambeson_core::{Answer, AuditError, Receipt};

use super::Alert;
use crate::denied::{Denied, DeniedKind};
use crate::prices::PriceError;

pub(super) fn refused(denied: &Denied) {
    match denied.kind() {
        DeniedKind::Misused | DeniedKind::Unpriced | DeniedKind::Full => {
            tracing::error!(reason = %denied, "cost guard: reservation refused");
        }
        DeniedKind::Unattributed => tracing::warn!(reason = %denied, "cost guard: reservation refused"),
        _ => tracing::info!(reason = %denied, "cost guard: reservation refused"),
    }
}

pub(super) fn unpriced(error: &PriceError) {
    tracing::error!(%error, "cost guard: nothing is spent on what has no price");
}

pub(super) fn alert(alert: &Alert) {
    let Alert { budget, percent, spent, limit, .. } = alert;
    tracing::warn!(%budget, percent, %spent, %limit, "cost guard: budget alert");
}

pub(super) fn switched(action: &str, reason: &str) {
    tracing::warn!(action, reason, "cost guard: kill switch");
}

/// An event that is only queued waits for nothing.
pub(super) fn recorded(answer: Answer<Result<Receipt, AuditError>>) {
    if let Ok(Err(error)) = answer.ready() {
        tracing::error!(%error, "cost guard: an audit event was lost");
    }
}
