//! What the collector logs: for a developer each violation once, with what would allow it; in production nothing loud, as
//! strangers can send as many as they like.

use gambeson_core::Profile;

use super::proposal::{Proposal, propose};
use super::violation::Violation;

/// A violation that was not in the table.
pub(super) fn new(violation: &Violation, profile: Profile) {
    let Violation { directive, blocked, path, report_only, sample, .. } = violation;
    let sample = sample.as_deref().unwrap_or_default();
    if profile.is_production() {
        tracing::debug!(directive, %blocked, %path, report_only, sample, "content security policy: violation reported");
        return;
    }
    let cure = match propose(directive, blocked) {
        Proposal::Add(directive, source) => {
            let directive = directive.as_str();
            format!("if it is meant, add {directive} {source}: hardening-headers.csp-add.{directive}")
        }
        Proposal::Person(why) => why.to_owned(),
    };
    let did = if *report_only { "would block" } else { "blocks" };
    tracing::warn!(%path, sample, "content security policy: {directive} {did} {blocked}; {cure}");
}

/// Reports that are not looked at, at the 1st, 2nd, 4th, 8th … time.
pub(super) fn dropped(count: u64) {
    if count.is_power_of_two() {
        tracing::info!(count, "reports: more came than reports.per-minute takes; they are counted only");
    }
}

/// Reports about other hosts' pages: somebody's game, or a proxy that is not declared.
pub(super) fn foreign(count: u64) {
    if count.is_power_of_two() {
        tracing::info!(
            count,
            "reports: they are about pages of another host than the one they were sent to; if they are the app's own, declare the \
             proxy in front, or hardening-headers.public-origin"
        );
    }
}
