//! Told before it is too late.

use std::sync::Arc;

use gambeson_core::{Money, RequestContext};

/// A budget passed one of the percents that it was to be watched at. Told once a window and scope.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alert {
    /// The budget's name.
    pub budget: Arc<str>,
    /// The highest percent that was passed.
    pub percent: u8,
    /// What is spent in this window.
    pub spent: Money,
    /// The limit.
    pub limit: Money,
    /// The request whose cost passed it.
    pub context: RequestContext,
}
