//! What a request may cost.
//!
//! This will be quotas per caller, exact budgets of money in several levels, and circuit breakers for what an app pays
//! third parties for: layers that refuse before the money is spent, and ledgers with a stated bound of overspending.
//!
//! Nothing is in it yet. The words that it will share with the other crates are in `gambeson-core` already: `Money`,
//! `CostRecord`, `CostSink`, `Gcra` and `RateLimitFields`.
#![forbid(unsafe_code)]
