//! The checks, one rule a file. Each answers with a sentence about what went wrong.

mod cache_keys;
mod cells;
mod composition;
mod decides_first;
mod locks;
mod readiness;
mod statuses;
#[cfg(feature = "adopt-axum")]
mod unnamed_route;

use super::Check;
use super::guard::Plan;

/// What a check found; nothing if all is well.
pub(super) type Found = Result<(), Fault>;

/// What a check found.
#[derive(Debug)]
pub(super) enum Fault {
    /// The layer breaks the rule, in a sentence.
    Broken(String),
    /// The check could not be made; what the guard has to say for it.
    Untried(&'static str),
}

impl From<String> for Fault {
    fn from(what: String) -> Self {
        Self::Broken(what)
    }
}

macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+).into());
        }
    };
}
use ensure;

/// Makes one check.
pub(super) async fn run(check: Check, plan: &Plan) -> Found {
    match check {
        Check::Cells => cells::cells(plan).await,
        Check::DecidesFirst => decides_first::decides_first(plan).await,
        Check::Readiness => readiness::readiness(plan).await,
        Check::NoGlobalLock => locks::no_global_lock(plan).await,
        Check::Statuses => statuses::statuses(plan).await,
        Check::Undecidable => statuses::undecidable(plan).await,
        Check::CacheKeys => cache_keys::cache_keys(plan).await,
        Check::EmptyRequirement => composition::empty_requirement(plan).await,
        Check::OnlyNarrows => composition::only_narrows(plan).await,
        #[cfg(feature = "adopt-axum")]
        Check::UnnamedRoute => unnamed_route::unnamed_route(plan).await,
        #[cfg(not(feature = "adopt-axum"))]
        Check::UnnamedRoute => Err(Fault::Untried("needs the feature `adopt-axum` and `.on_router(…)`")),
    }
}
