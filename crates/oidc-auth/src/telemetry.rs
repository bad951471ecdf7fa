//! What this crate writes to the log. Everything a stranger wrote is cut and escaped before it comes here.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{
    AuditEvent, AuditKind, AuditSink, ClientCertificate, Durability, Monotonic, Outcome, RequestFacts,
    Timestamp,
};

use crate::certificate::Doubt;
use crate::denylist::DenialLogError;
use crate::error::{Reason, TokenError, TokenErrorKind};
use crate::keys::{KeySet, describe};
use crate::refusal_log::{Paced, RefusalLog};
use crate::verifier::Verifier;

/// The issuer gave no keys; known ones go on working.
pub(crate) fn fetch_failed(issuer: &str, error: &str) {
    tracing::warn!(issuer, error, "keys could not be fetched");
}

/// A new set is in place.
pub(crate) fn keys_fetched(issuer: &str, keys: &KeySet) {
    let count = keys.len();
    tracing::info!(issuer, keys = count, "keys fetched");
    if !keys.skipped().is_empty() {
        tracing::warn!(issuer, keys = count, skipped = ?keys.skipped(), "keys skipped");
    }
    if count == 0 {
        tracing::warn!(
            issuer,
            "the issuer publishes no key that can be used: tokens are answered 503 until it does"
        );
    }
}

/// This clock and the issuer's differ; `ahead` is by how many seconds this one is ahead.
pub(crate) fn clocks_differ(issuer: &str, ahead: i64) {
    tracing::warn!(
        issuer,
        ahead_seconds = ahead,
        "the clock here and the issuer's differ: good tokens are refused; synchronise both (NTP)"
    );
}

/// Tokens live for longer than is wise.
pub(crate) fn long_lived(issuer: &str, seconds: u64) {
    tracing::warn!(issuer, seconds, "tokens are valid for more than an hour: a stolen one is, too");
}

/// Anybody with an account of the provider gets through.
pub(crate) fn any_tenant(issuer: &str) {
    tracing::warn!(
        issuer,
        "every tenant of the issuer is let in: the app must decide by the caller's tenant"
    );
}

/// There is no room for a denial, so that all that was issued until now is denied.
pub(crate) fn denylist_full(denials: usize) {
    tracing::warn!(
        denials,
        "the denylist is full: all tokens issued until now are refused; raise its capacity (DenylistBuilder::capacity)"
    );
}

/// What other instances deny can't be read, or what is denied here not told.
pub(crate) fn denials_out_of_step(cause: &DenialLogError, max_staleness: Duration) {
    let cause = describe("denials", cause);
    let seconds = max_staleness.as_secs();
    tracing::warn!(cause, max_staleness_seconds = seconds, "the shared log of denials can't be reached");
}

/// They can again.
pub(crate) fn denials_in_step() {
    tracing::info!("the shared log of denials is reached again");
}

/// The log began anew; what is known here goes into it.
pub(crate) fn denials_lost(denials: usize) {
    tracing::warn!(denials, "the shared log of denials was lost; what this instance knows is written again");
}

/// What was renewed is no certificate with its key, or half of it was read.
#[cfg(feature = "client")]
pub(crate) fn certificate_unusable(error: &gambeson_core::ConfigError) {
    tracing::warn!(%error, "the renewed client certificate can't be used; the one before goes on");
}

/// A long answer broke off.
pub(crate) fn cut_off() {
    tracing::info!("a long answer was cut off: its credential has ended");
}

/// A credential was refused. The mistakes of a first hour are warnings: somebody has to mend them. Strangers can bring each of
/// them about at any rate, so only the first of a kind in a minute is one; `others` counts those between.
pub(crate) fn refused(error: &TokenError, facts: &RequestFacts, log: &RefusalLog, now: Monotonic) {
    let reason = error.reason().as_str();
    let detail = error.detail();
    let trace = facts.trace().map(|trace| tracing::field::display(trace.trace_id_hex()));
    let Some(others) = log.of(error.reason()).due(now) else {
        tracing::debug!(reason, detail, trace_id = trace, "token refused");
        return;
    };
    match error.reason() {
        Reason::Audience
        | Reason::Issuer
        | Reason::ClockSkew
        | Reason::TokenType
        | Reason::KeysUnavailable
        | Reason::ReplayUnknown
        | Reason::DenialsUnknown
        | Reason::IntrospectionUnavailable
        | Reason::WaitingRoomFull => {
            tracing::warn!(reason, detail, others, trace_id = trace, "token refused");
        }
        _ => tracing::info!(reason, detail, others, trace_id = trace, "token refused"),
    }
}

/// The audit event of a refused credential.
pub(crate) fn audit(verifier: &Verifier, error: &TokenError, facts: &RequestFacts, method: &http::Method) {
    let Some(sink) = verifier.audit_sink() else { return };
    let outcome = match error.kind() {
        TokenErrorKind::KeysUnavailable | TokenErrorKind::Unavailable => Outcome::Failed,
        _ => Outcome::Denied,
    };
    let mut event = event(outcome, verifier.now(), error.reason().as_str(), facts, method);
    if let Some(detail) = error.detail() {
        event = event.detail("why", detail);
    }
    // Async answers at once; a sink that lost the event counts it itself.
    let _ = sink.record(event, Durability::Async);
}

/// A request has more than one credential.
pub(crate) fn ambiguous(reason: &'static str, log: &Paced, now: Monotonic) {
    match log.due(now) {
        Some(others) => tracing::info!(reason, others, "request refused"),
        None => tracing::debug!(reason, "request refused"),
    }
}

/// The audit event of a request with more than one credential.
pub(crate) fn audit_ambiguous(
    verifier: &Verifier,
    reason: &'static str,
    facts: &RequestFacts,
    method: &http::Method,
) {
    if let Some(sink) = verifier.audit_sink() {
        let event = event(Outcome::Denied, verifier.now(), reason, facts, method);
        let _ = sink.record(event, Durability::Async);
    }
}

fn event(
    outcome: Outcome,
    at: Timestamp,
    reason: &'static str,
    facts: &RequestFacts,
    method: &http::Method,
) -> AuditEvent {
    let mut event = AuditEvent::new(AuditKind::Authentication, "token.verify", outcome, at).with_facts(facts);
    event.reason = Some(reason.into());
    event.method = Some(method.clone());
    event
}

/// The names of a certificate, for people: cut and escaped.
pub(crate) fn names(certificate: &ClientCertificate) -> String {
    let names = certificate.uris.iter().chain(certificate.dns_names.iter());
    let mut text = String::new();
    for name in names.take(8) {
        let separator = if text.is_empty() { "" } else { " " };
        text.push_str(separator);
        text.extend(name.chars().take(300));
    }
    gambeson_core::escape_controls(&text).into()
}

/// A certificate is nobody's, or is not taken; `log` says whether it is time for a line, and how many there were since.
pub(crate) fn certificate_refused(doubt: Doubt, names: &str, log: Option<u64>, facts: &RequestFacts) {
    let reason = doubt.as_str();
    let trace = facts.trace().map(|trace| tracing::field::display(trace.trace_id_hex()));
    match log {
        Some(others) => tracing::info!(reason, names, others, trace_id = trace, "certificate refused"),
        None => tracing::debug!(reason, names, trace_id = trace, "certificate refused"),
    }
}

/// Nobody has said what is known of the connection.
pub(crate) fn no_peer_layer() {
    tracing::error!(
        slug = "layer-order",
        "request refused: the peer layer did not run before CertificateLayer, or `cargo tree -d` shows two gambeson-core"
    );
}

/// The audit event of a refused certificate.
pub(crate) fn audit_certificate(
    sink: Option<&Arc<dyn AuditSink>>,
    doubt: Doubt,
    names: String,
    at: Timestamp,
    facts: &RequestFacts,
    method: &http::Method,
) {
    let Some(sink) = sink else { return };
    let mut event = AuditEvent::new(AuditKind::Authentication, "certificate.verify", Outcome::Denied, at)
        .with_facts(facts)
        .detail("names", names);
    event.reason = Some(doubt.as_str().into());
    event.method = Some(method.clone());
    let _ = sink.record(event, Durability::Async);
}
