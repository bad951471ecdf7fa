//! What a log-in writes to the log and to the audit trail. No token, code, state or cookie is ever among it.

use gambeson_core::{
    AuditEvent, AuditKind, Durability, Outcome, Principal, Rejection, RequestFacts, Subject,
};
use http::Method;

use super::handle::Login;

fn record(login: &Login, event: AuditEvent) {
    if let Some(sink) = &login.parts().audit {
        // Async answers at once; a sink that lost the event counts it itself.
        let _ = sink.record(event, Durability::Async);
    }
}

fn event(login: &Login, action: &'static str, outcome: Outcome) -> AuditEvent {
    AuditEvent::new(AuditKind::Authentication, action, outcome, login.now())
}

fn about(mut event: AuditEvent, principal: &Principal) -> AuditEvent {
    event.context.subject = Some(principal.full_subject().clone());
    event.context.tenant = principal.tenant().map(Box::from);
    event
}

/// Somebody is signed in.
pub(super) fn logged_in(login: &Login, principal: &Principal, facts: &RequestFacts) {
    tracing::info!("signed in");
    let mut event = about(event(login, "login", Outcome::Success).with_facts(facts), principal);
    event.method = Some(Method::GET);
    record(login, event);
}

/// A request to one of the log-in's own paths was refused; `others` counts those of its kind that were not told before.
pub(super) fn refused(
    login: &Login,
    action: &'static str,
    rejection: &Rejection,
    others: Option<u64>,
    facts: &RequestFacts,
    method: &Method,
) {
    let (slug, cause) = (rejection.slug(), rejection.private_cause().map(tracing::field::display));
    let trace = facts.trace().map(|trace| tracing::field::display(trace.trace_id_hex()));
    let outcome = match rejection.status().is_server_error() {
        true => {
            tracing::warn!(slug, cause, others, trace_id = trace, action, "request refused");
            Outcome::Failed
        }
        false => {
            tracing::info!(slug, cause, others, trace_id = trace, action, "request refused");
            Outcome::Denied
        }
    };
    let mut event = event(login, action, outcome).with_facts(facts);
    event.reason = Some(slug.into());
    event.method = Some(method.clone());
    if let Some(cause) = rejection.private_cause() {
        event = event.detail("why", cause.to_string());
    }
    if let Some(others) = others.filter(|others| *others > 0) {
        event = event.detail("others", others.to_string());
    }
    record(login, event);
}

/// One more of a kind that was told a moment ago.
pub(super) fn refused_again(action: &'static str, rejection: &Rejection) {
    let cause = rejection.private_cause().map(tracing::field::display);
    tracing::debug!(slug = rejection.slug(), cause, action, "request refused");
}

/// Somebody signed out.
pub(super) fn logged_out(login: &Login, principal: &Principal, facts: &RequestFacts) {
    tracing::info!("signed out");
    record(login, about(event(login, "logout", Outcome::Success).with_facts(facts), principal));
}

/// A log-out was begun, and its session may live on until its own end.
pub(super) fn log_out_given_up(why: &'static str) {
    tracing::warn!(cause = why, "a session that was logged out could not be ended");
}

/// A refresh token of somebody who signed out could not be revoked; it ends by itself.
pub(super) fn not_revoked(why: &dyn std::fmt::Display) {
    tracing::warn!(cause = %why, "refresh token could not be revoked at the provider");
}

/// The provider ended a log-in.
pub(super) fn ended_by_provider(login: &Login, subject: Option<Subject>, count: u64, facts: &RequestFacts) {
    tracing::info!(sessions = count, "signed out by the provider");
    let event = event(login, "logout.backchannel", Outcome::Success).with_facts(facts);
    let mut event = event.detail("sessions", count.to_string());
    event.context.subject = subject;
    event.method = Some(Method::POST);
    record(login, event);
}

/// A session was over when its browser came back.
pub(super) fn expired(login: &Login, principal: &Principal, facts: &RequestFacts) {
    tracing::debug!("session expired");
    record(login, about(event(login, "session.expired", Outcome::Success).with_facts(facts), principal));
}

/// A session got a fresh grant.
pub(super) fn refreshed(login: &Login, principal: &Principal) {
    tracing::debug!("session refreshed");
    record(login, about(event(login, "session.refresh", Outcome::Success), principal));
}

/// The provider refused to go on with a session.
pub(super) fn refresh_refused(login: &Login, principal: &Principal, why: &dyn std::fmt::Display) {
    tracing::info!(cause = %why, "session ended: its refresh was refused");
    let event = event(login, "session.refresh", Outcome::Denied).detail("why", why.to_string());
    record(login, about(event, principal));
}

/// The provider could not be asked; the session goes on.
pub(super) fn refresh_failed(why: &dyn std::fmt::Display) {
    tracing::warn!(cause = %why, "session could not be refreshed; it goes on until its own end");
}

/// The store could not be told something that can wait.
pub(super) fn store_failed(what: &'static str, why: &dyn std::fmt::Display) {
    tracing::warn!(what, cause = %why, "session store");
}

/// All sessions of a subject were ended by the app.
pub(super) fn ended_all(login: &Login, subject: &Subject, count: u64) {
    let mut event = event(login, "session.end_all", Outcome::Success).detail("sessions", count.to_string());
    event.context.subject = Some(subject.clone());
    record(login, event);
}
