//! What a request or a call cost.

use std::fmt;

use crate::{Money, RequestContext, Timestamp};

/// What one request or call cost, and to whose account. Dimensions come from verified claims and the matched route.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CostRecord {
    /// How much.
    pub amount: Money,
    /// Whether the amount is an estimate, because the provider's own figure never came.
    pub estimated: bool,
    /// When it was settled.
    pub at: Timestamp,
    /// For whom, for which organisation, on which route, in which trace.
    pub context: RequestContext,
    /// For which feature of the app.
    pub feature: Option<Box<str>>,
    /// Who billed it.
    pub provider: Option<Box<str>>,
    /// Which model or product was used.
    pub model: Option<Box<str>>,
}

impl CostRecord {
    /// A record of which only the amount is known.
    pub fn new(amount: Money, at: Timestamp) -> Self {
        let context = RequestContext::default();
        Self { amount, estimated: false, at, context, feature: None, provider: None, model: None }
    }
}

/// Takes cost records, for telemetry and reports. Must not block.
pub trait CostSink: Send + Sync + fmt::Debug {
    /// Takes a settled cost.
    fn record(&self, cost: &CostRecord);
}
