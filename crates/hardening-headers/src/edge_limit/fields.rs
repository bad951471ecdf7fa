//! The fields that tell a client about its limit.

use std::time::Duration;

use gambeson_core::RateLimitFields;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::rate::EdgeRate;

/// The name of the limiter's policy in the fields and in problem details.
pub(super) const POLICY: &str = "edge";

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Which fields tell a client about its limit. A 429 has `Retry-After` in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum RateFields {
    /// `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11, each a member of a list in which other
    /// limits have theirs.
    #[default]
    Draft11,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, the last in seconds from now: for clients that know nothing else.
    XRateLimit,
    /// None.
    Off,
}

/// The fields of one policy, made ready.
#[derive(Debug)]
pub(super) enum Fields {
    Draft11(RateLimitFields),
    XRateLimit { limit: HeaderValue },
    Off,
}

impl Fields {
    /// The fields of this rate: `burst` per the time in which a burst comes back. `None` for a rate of nothing.
    pub(super) fn of(rate: &EdgeRate) -> Option<Self> {
        let millis = (u64::from(rate.period_seconds) * u64::from(rate.burst) * 1_000)
            .checked_div(u64::from(rate.count))?;
        Some(match rate.fields {
            RateFields::Draft11 => {
                Self::Draft11(RateLimitFields::new(POLICY, rate.burst, Duration::from_millis(millis))?)
            }
            RateFields::XRateLimit => Self::XRateLimit { limit: rate.burst.into() },
            RateFields::Off => Self::Off,
        })
    }

    /// Adds them: what is left now, and when more comes.
    pub(super) fn write(&self, headers: &mut HeaderMap, remaining: u32, reset: Duration) {
        match self {
            Self::Draft11(fields) => fields.write(headers, remaining, reset),
            Self::XRateLimit { limit } => {
                let seconds = reset.as_secs().saturating_add(u64::from(reset.subsec_nanos() > 0));
                headers.insert(LIMIT, limit.clone());
                headers.insert(REMAINING, remaining.into());
                headers.insert(RESET, seconds.into());
            }
            Self::Off => {}
        }
    }
}
