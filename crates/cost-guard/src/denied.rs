//! Why money was not given, and how a client is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Member, Money, Rejection, RejectionClass, Timestamp};
use http::{HeaderName, HeaderValue, StatusCode};

/// Why a reservation was refused: every budget that refused, and nothing was consumed.
#[derive(Debug, Clone)]
pub struct Denied(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: DeniedKind,
    detail: String,
    violations: Vec<Violation>,
}

/// The classes of refusal that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeniedKind {
    /// A budget is spent or held: 402.
    Exhausted,
    /// More than one request may cost: 422.
    TooLarge,
    /// Others of the caller's requests hold too much at this moment: 429.
    Busy,
    /// A budget counts by something that this scope does not have: 403.
    Unattributed,
    /// There is no price: 500.
    Unpriced,
    /// Spending was stopped: 503.
    Stopped,
    /// No room to count one more scope: 503.
    Full,
    /// The amount is in another currency than the budgets, or the hold has settled: a fault of this app, 500.
    Misused,
}

/// A budget that refused, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Its name.
    pub budget: Arc<str>,
    /// Its limit.
    pub limit: Money,
    /// What is spent.
    pub spent: Money,
    /// What is held for requests under way.
    pub held: Money,
    /// What is left.
    pub left: Money,
    /// When there is more; `None`: never, or not known.
    pub resets_at: Option<Timestamp>,
    /// Whether the figures are the caller's own, so that they may be told.
    pub own: bool,
}

impl Denied {
    pub(crate) fn new(kind: DeniedKind, detail: impl Into<String>) -> Self {
        Self::with(kind, detail, Vec::new())
    }

    pub(crate) fn with(kind: DeniedKind, detail: impl Into<String>, violations: Vec<Violation>) -> Self {
        Self(Box::new(Inner { kind, detail: detail.into(), violations }))
    }

    /// What the caller can act on.
    #[must_use]
    pub fn kind(&self) -> DeniedKind {
        self.0.kind
    }

    /// Every budget that refused.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// The refusal for a client. Figures are told of budgets that are the caller's own; of shared ones the name only.
    #[must_use]
    pub fn rejection(&self) -> Rejection {
        let (slug, class, status, detail) = self.public();
        let rejection =
            Rejection::new("gambeson-cost-guard", class, slug, status).detail(detail).cause(self.clone());
        self.told(rejection)
    }

    /// As [`Denied::rejection`], with 429 in place of 402: for clients that don't know 402. Such clients often try again at once.
    #[must_use]
    pub fn rejection_429(&self) -> Rejection {
        match self.kind() {
            DeniedKind::Exhausted => {
                let (slug, class, _, detail) = self.public();
                let status = StatusCode::TOO_MANY_REQUESTS;
                let rejection = Rejection::new("gambeson-cost-guard", class, slug, status).detail(detail);
                self.told(rejection.cause(self.clone()))
            }
            _ => self.rejection(),
        }
    }

    fn public(&self) -> (&'static str, RejectionClass, StatusCode, &'static str) {
        use RejectionClass::{Bug, Dependency, Limit, Money, Permission};
        match self.kind() {
            DeniedKind::Exhausted => {
                ("budget-exhausted", Money, StatusCode::PAYMENT_REQUIRED, "the budget for this is used up")
            }
            DeniedKind::TooLarge => (
                "over-request-cap",
                Money,
                StatusCode::UNPROCESSABLE_ENTITY,
                "this costs more than one request may",
            ),
            DeniedKind::Busy => (
                "budget-held",
                Limit,
                StatusCode::TOO_MANY_REQUESTS,
                "other requests hold the budget: wait for them",
            ),
            DeniedKind::Unattributed => {
                ("no-budget", Permission, StatusCode::FORBIDDEN, "there is no budget for this caller")
            }
            DeniedKind::Unpriced => ("unpriced", Bug, StatusCode::INTERNAL_SERVER_ERROR, ""),
            DeniedKind::Stopped => (
                "spending-stopped",
                Dependency,
                StatusCode::SERVICE_UNAVAILABLE,
                "spending is stopped for now",
            ),
            DeniedKind::Full => (
                "budget-table-full",
                Dependency,
                StatusCode::SERVICE_UNAVAILABLE,
                "no new account can be opened now",
            ),
            DeniedKind::Misused => ("misused", Bug, StatusCode::INTERNAL_SERVER_ERROR, ""),
        }
    }

    fn told(&self, mut rejection: Rejection) -> Rejection {
        if matches!(self.kind(), DeniedKind::Exhausted | DeniedKind::TooLarge) {
            let never = HeaderValue::from_static("false");
            rejection = rejection.header(HeaderName::from_static("x-should-retry"), never);
        }
        match self.kind() {
            DeniedKind::Busy => rejection = rejection.retry_after(Duration::from_secs(1)),
            DeniedKind::Stopped | DeniedKind::Full => {
                rejection = rejection.retry_after(Duration::from_secs(60));
            }
            _ => {}
        }
        if !self.0.violations.is_empty() {
            let names = self.0.violations.iter().map(|violation| violation.budget.to_string()).collect();
            rejection = rejection.member("violated-policies", Member::Texts(names));
        }
        let Some(own) = self.0.violations.iter().find(|violation| violation.own) else { return rejection };
        rejection = rejection
            .member("budget", Member::Text(own.budget.to_string().into()))
            .member("limit", Member::Text(own.limit.to_string().into()))
            .member("left", Member::Text(own.left.to_string().into()));
        match own.resets_at {
            Some(at) => rejection.member("resets_at", Member::Text(at.to_string().into())),
            None => rejection,
        }
    }
}

/// The whole truth, for operators.
impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)?;
        for violation in &self.0.violations {
            let Violation { budget, limit, spent, held, .. } = violation;
            write!(f, "; {budget}: {spent} spent and {held} held of {limit}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Denied {}
