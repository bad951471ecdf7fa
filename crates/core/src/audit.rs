//! Security events that are worth keeping.

use std::borrow::Cow;
use std::fmt;

use crate::word::{kinded_error, named};
use crate::{Answer, RequestContext, RequestFacts, Timestamp};

/// A security event: who did what to what, with which outcome.
///
/// Whether subject, address and details are kept as they are, keyed or sealed is the sink's to decide; secrets have
/// no place in an event at all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// What sort of event it is.
    pub kind: AuditKind,
    /// What was tried, for example a permission (`notes:write`) or `token.verify`.
    pub action: Cow<'static, str>,
    /// How it ended.
    pub outcome: Outcome,
    /// When, by the wall clock.
    pub at: Timestamp,
    /// Who, for which organisation, on which route, in which trace.
    pub context: RequestContext,
    /// The method, if it was a request.
    pub method: Option<http::Method>,
    /// What was acted upon, for example `note/42`.
    pub object: Option<Box<str>>,
    /// Why it was refused or failed: the slug of a rejection, or a stable word.
    pub reason: Option<Cow<'static, str>>,
    /// The digest of the policy that decided.
    pub policy: Option<Box<str>>,
    /// Whatever else matters, by a stable name.
    pub details: Vec<(&'static str, String)>,
}

impl AuditEvent {
    /// An event of which only the essence is known.
    pub fn new(
        kind: AuditKind,
        action: impl Into<Cow<'static, str>>,
        outcome: Outcome,
        at: Timestamp,
    ) -> Self {
        Self {
            kind,
            action: action.into(),
            outcome,
            at,
            context: RequestContext::default(),
            method: None,
            object: None,
            reason: None,
            policy: None,
            details: Vec::new(),
        }
    }

    /// Fills in what the layers around the request know.
    pub fn with_facts(mut self, facts: &RequestFacts) -> Self {
        self.context = RequestContext::from(facts);
        self
    }

    /// Adds a detail by a stable name. Never a secret.
    pub fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }
}

named! {
    /// What sort of security event it is.
    pub enum AuditKind {
        /// A log-in, a log-out, a credential accepted or refused.
        Authentication = "authentication",
        /// A permission decided.
        Authorization = "authorization",
        /// A secret read, rotated or denied.
        SecretAccess = "secret_access",
        /// A policy loaded or changed.
        PolicyChange = "policy_change",
        /// A configuration loaded or changed.
        ConfigurationChange = "configuration_change",
        /// A quota or budget that stopped something.
        BudgetRefusal = "budget_refusal",
        /// Where a result came from: inputs, outputs, model.
        Provenance = "provenance",
        /// An event of the app's own.
        Application = "application",
    }
}

named! {
    /// How an audited act ended.
    pub enum Outcome {
        /// Allowed, or done.
        Success = "success",
        /// Refused.
        Denied = "denied",
        /// Neither: something broke on the way, or the client went away.
        Failed = "failed",
    }
}

/// How surely an event must be kept before the act goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Durability {
    /// Queued; what a full queue loses is counted in the trail.
    #[default]
    Async,
    /// Queued and never dropped: a full queue makes the caller wait.
    Ordered,
    /// On stable storage before the act goes on; else the act is refused.
    Strict,
}

/// What a sink says about an event that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Receipt {
    /// Whether the event is on stable storage already.
    pub durable: bool,
    /// The place in the sink's chain, if it has one already.
    pub sequence: Option<u64>,
}

impl Receipt {
    /// The event was taken, but is not yet on stable storage.
    pub const fn queued() -> Self {
        Self { durable: false, sequence: None }
    }

    /// The event is on stable storage at this place in the chain.
    pub const fn stored(sequence: u64) -> Self {
        Self { durable: true, sequence: Some(sequence) }
    }
}

kinded_error! {
    /// The sink could not take an event.
    pub struct AuditError;
    /// The classes of failure that a caller can act on.
    pub enum AuditErrorKind {
        /// The sink can't keep events that surely, ever.
        Unsupported = "the audit sink can't keep events that surely",
        /// The sink is in trouble: full, broken or too slow.
        Unavailable = "the audit event could not be recorded",
    }
}

/// Takes security events. Log filters must not stand between an event and its sink.
pub trait AuditSink: Send + Sync + fmt::Debug {
    /// Takes `event` with at least the asked durability.
    ///
    /// [`Durability::Async`] must answer [`Answer::Ready`] at once.
    fn record(&self, event: AuditEvent, durability: Durability) -> Answer<Result<Receipt, AuditError>>;
}

/// Drops every event: for tests and for apps that decide to keep none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullSink;

impl AuditSink for NullSink {
    fn record(&self, _: AuditEvent, _: Durability) -> Answer<Result<Receipt, AuditError>> {
        Answer::Ready(Ok(Receipt::queued()))
    }
}

/// Writes events as `tracing` events of target `gambeson::audit`. Subject to log filters, and never durable.
#[cfg(feature = "tracing")]
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingSink;

#[cfg(feature = "tracing")]
impl AuditSink for TracingSink {
    fn record(&self, event: AuditEvent, durability: Durability) -> Answer<Result<Receipt, AuditError>> {
        if durability == Durability::Strict {
            return Answer::Ready(Err(AuditError::new(AuditErrorKind::Unsupported)));
        }
        tracing::info!(
            target: "gambeson::audit",
            kind = event.kind.as_str(),
            action = &*event.action,
            outcome = event.outcome.as_str(),
            reason = event.reason.as_deref(),
            subject = event.context.subject.as_ref().map(|subject| &*subject.name),
            trace_id = event.context.trace.map(|trace| tracing::field::display(trace.trace_id_hex())),
        );
        Answer::Ready(Ok(Receipt::queued()))
    }
}
