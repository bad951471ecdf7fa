//! One act from its beginning to its end, whichever that is.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use gambeson_core::{
    Answer, AuditEvent, AuditKind, Durability, Monotonic, Outcome, Rejection, RejectionClass, RequestFacts,
};
use http::{Method, StatusCode};

use super::Settings;
use crate::telemetry;

/// An act whose outcome is not told yet. Dropped, it tells that it was broken off.
pub(super) struct Act {
    settings: Arc<Settings>,
    facts: RequestFacts,
    pub(super) method: Method,
    started: Monotonic,
    status: Option<StatusCode>,
    /// Something of the app's is being polled. Still set when the act is dropped, that has panicked: whoever catches a panic
    /// drops the future when the stack is whole again.
    pub(super) polling: bool,
    told: bool,
}

impl Act {
    pub(super) fn begin(settings: Arc<Settings>, facts: RequestFacts, method: Method) -> Self {
        let started = settings.clock.monotonic();
        Self { settings, facts, method, started, status: None, polling: false, told: false }
    }

    /// There is an answer; it has not ended yet.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// The answer came to its end.
    pub(super) fn ended(mut self) {
        let (outcome, reason) = judge(self.status.unwrap_or_default(), self.facts.rejection());
        self.tell(outcome, reason);
    }

    /// It ended with an error.
    pub(super) fn failed(mut self, reason: &'static str) {
        self.tell(Outcome::Failed, Some(reason));
    }

    fn tell(&mut self, outcome: Outcome, reason: Option<&'static str>) {
        self.told = true;
        if self.facts.principal().is_none() && !self.settings.strangers {
            return;
        }
        let took = self.settings.clock.monotonic().since(self.started).as_millis();
        let now = self.settings.clock.now();
        let mut event = AuditEvent::new(AuditKind::Application, "request.outcome", outcome, now);
        event = event.with_facts(&self.facts).detail("millis", took.to_string());
        if let Some(status) = self.status {
            event = event.detail("status", status.as_str());
        }
        event.method = Some(self.method.clone());
        event.reason = reason.map(Cow::Borrowed);
        // A sink answers `Async` at once; what it does not take is its own to count.
        if let Answer::Ready(Err(error)) = self.settings.sink.record(event, Durability::Async) {
            telemetry::outcome_lost(&error);
        }
    }
}

impl Drop for Act {
    fn drop(&mut self) {
        if !self.told {
            let reason = match self.status {
                _ if self.polling || std::thread::panicking() => "panicked",
                Some(_) => "cut-off",
                None => "cancelled",
            };
            self.tell(Outcome::Failed, Some(reason));
        }
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Act").field("status", &self.status).finish_non_exhaustive()
    }
}

fn judge(status: StatusCode, rejection: Option<&Rejection>) -> (Outcome, Option<&'static str>) {
    // An observed rejection is noted too, and then the answer is a success all the same.
    if let Some(rejection) = rejection
        && (status.is_client_error() || status.is_server_error())
    {
        let outcome = match rejection.class() {
            RejectionClass::Dependency | RejectionClass::Bug => Outcome::Failed,
            _ => Outcome::Denied,
        };
        return (outcome, Some(rejection.slug()));
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (Outcome::Denied, Some("status")),
        status if status.is_client_error() => (Outcome::Failed, Some("client-error")),
        status if status.is_server_error() => (Outcome::Failed, Some("server-error")),
        _ => (Outcome::Success, None),
    }
}
