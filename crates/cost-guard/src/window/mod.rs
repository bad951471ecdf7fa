//! For how long an amount holds.

mod calendar;
mod parse;
mod rolling;

pub(crate) use calendar::Period;
pub use calendar::{Calendar, WeekStart};
pub use rolling::Rolling;

use std::fmt;

/// For how long the limit of a budget or quota holds before there is more: `Calendar`, `Rolling` or for good.
///
/// As text: `day UTC`, `month Europe/Berlin`, `week America/New_York`, `rolling 1h`, `lifetime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Calendar(Calendar),
    Rolling(Rolling),
    Lifetime,
}

impl Window {
    /// For good: what is spent is spent.
    #[must_use]
    pub const fn lifetime() -> Self {
        Self(Kind::Lifetime)
    }
}

impl From<Calendar> for Window {
    fn from(calendar: Calendar) -> Self {
        Self(Kind::Calendar(calendar))
    }
}

impl From<Rolling> for Window {
    fn from(rolling: Rolling) -> Self {
        Self(Kind::Rolling(rolling))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Calendar(calendar) => calendar.fmt(f),
            Kind::Rolling(rolling) => rolling.fmt(f),
            Kind::Lifetime => f.write_str("lifetime"),
        }
    }
}
