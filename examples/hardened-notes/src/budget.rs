//! What a person may spend on the model.

use std::sync::Arc;

use gambeson::audit_trail::AuditTrail;
use gambeson::core::{ConfigError, Currency, Money, RequestFacts};
use gambeson::cost_guard::{
    Budget, Calendar, CostGuard, Estimate, Meter, PriceTable, Quota, RouteCosts, Scope, Usage,
};
use gambeson::otel_setup::Telemetry;
use http::Method;

/// The model that summarises, as its maker and `prices.toml` call it.
pub const MODEL: &str = "demo/summarizer-1";
/// The most that is sent to it, in tokens.
pub const TOKENS_IN: u64 = 1_000;
/// The most that it may answer, in tokens.
pub const TOKENS_OUT: u64 = 200;

/// The route that spends.
pub const SUMMARY: &str = "/api/notes/{id}/summary";

const NANOS_PER_CENT: i64 = 10_000_000;

/// Five cents a person a day, said at four fifths; and no more requests than a person can make.
pub fn guard(trail: &AuditTrail, telemetry: &Telemetry) -> Result<CostGuard, ConfigError> {
    let prices = PriceTable::from_toml(include_str!("../prices.toml"))?;
    let a_day = Money::from_nanos(5 * NANOS_PER_CENT, Currency::USD);
    CostGuard::builder()
        .prices(prices)
        .budget(Budget::money("user/{subject}", a_day).per(Calendar::day("UTC")).alert_at([80]))
        .quota(Quota::requests("user/{subject}", 3_000))
        .audit(Arc::new(trail.clone()))
        .costs(Arc::new(telemetry.cost_sink()))
        .build()
}

/// What requests may cost, held before they begin.
pub fn costs() -> RouteCosts {
    RouteCosts::new().route(Method::POST, SUMMARY, summary())
}

/// The most that one summary can cost.
pub fn summary() -> Estimate {
    let usage = Usage::call().with(Meter::InputToken, TOKENS_IN).with(Meter::OutputToken, TOKENS_OUT);
    Estimate::usage(MODEL, usage).feature("summaries")
}

/// What is left of a person's budget, as the page shows it.
#[derive(Debug)]
pub struct Allowance {
    pub left: String,
    pub limit: String,
    pub resets_at: Option<String>,
}

impl Allowance {
    /// That of the caller; `None` when no budget is the caller's own.
    pub fn of(guard: &CostGuard, facts: &RequestFacts) -> Option<Self> {
        let own = guard.remaining(&Scope::of(facts)).into_iter().find(|budget| !budget.shared)?;
        Some(Self {
            left: own.left.to_string(),
            limit: own.limit.to_string(),
            resets_at: own.resets_at.map(|time| time.to_string()),
        })
    }
}
