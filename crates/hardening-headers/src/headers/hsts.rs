//! Strict transport.

use std::time::Duration;

use http::HeaderValue;

const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(31_536_000);

/// For how long browsers must use https for this host (RFC 6797).
///
/// Sent over https only, never for `localhost` or addresses. It can't be taken back before its time is over, so begin
/// with a day and raise it when nothing broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hsts {
    max_age: Duration,
    subdomains: bool,
    preload: bool,
}

impl Hsts {
    /// For this many days; 0 makes browsers forget it.
    #[must_use]
    pub fn days(days: u32) -> Self {
        Self { max_age: DAY * days, subdomains: false, preload: false }
    }

    /// Two years, subdomains included: what graders ask for, once everything speaks https.
    #[must_use]
    pub fn two_years() -> Self {
        Self::days(730).include_subdomains()
    }

    /// All subdomains too; one of them that has no https becomes unreachable.
    #[must_use]
    pub fn include_subdomains(self) -> Self {
        Self { subdomains: true, ..self }
    }

    /// Asks browser makers to build the host into their browsers. Leaving that list takes months.
    #[must_use]
    pub fn dangerously_preload(self) -> Self {
        Self { preload: true, ..self }
    }

    /// What the preload list demands and this lacks.
    pub(crate) fn problem(self) -> Option<&'static str> {
        let ready = self.subdomains && self.max_age >= YEAR;
        (self.preload && !ready).then_some("preload needs at least a year and include_subdomains()")
    }

    /// Whether it lasts a year or longer.
    pub(crate) fn is_a_year(self) -> bool {
        self.max_age >= YEAR
    }

    /// Whether it lasts longer than [`two_years`](Self::two_years).
    pub(crate) fn is_endless(self) -> bool {
        self.max_age > YEAR * 2
    }

    /// Whether subdomains are in it.
    pub(crate) fn has_subdomains(self) -> bool {
        self.subdomains
    }

    pub(crate) fn value(self) -> Option<HeaderValue> {
        let subdomains = if self.subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.preload { "; preload" } else { "" };
        HeaderValue::try_from(format!("max-age={}{subdomains}{preload}", self.max_age.as_secs())).ok()
    }
}
