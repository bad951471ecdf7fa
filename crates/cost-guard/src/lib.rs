//! What it may cost.
#![forbid(unsafe_code)]

pub mod breaker;
mod budget;
mod config;
pub mod cost;
mod denied;
mod estimate;
mod exempt;
mod guard;
mod hold;
mod keys;
mod ledger;
mod money;
mod pattern;
mod prices;
pub mod quota;
mod scope;
pub mod spend;
mod tab;
mod window;

pub use breaker::{BreakerPolicy, BreakerState, CircuitBreaker, CircuitBreakerLayer};
pub use budget::Budget;
pub use config::{BreakerConfig, BudgetConfig, Config, QuotaConfig};
pub use cost::CostLayer;
pub use denied::{Denied, DeniedKind, Violation};
pub use estimate::{Estimate, Estimator, RouteCosts};
pub use guard::{Alert, CostGuard, CostGuardBuilder, Remaining, Stop};
pub use hold::Hold;
pub use prices::{Meter, PriceError, PriceErrorKind, PriceTable, Quote, Usage};
pub use quota::{Quota, QuotaLayer};
pub use scope::{Feature, Scope};
pub use spend::SpendLayer;
pub use tab::{Charge, Tab, carry};
pub use window::{Calendar, Rolling, WeekStart, Window};
