//! The header fields that tell a client about its limit.

use std::fmt::Write;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

/// Writes `RateLimit-Policy` and `RateLimit` in the structured form of draft-ietf-httpapi-ratelimit-headers-11 (§3, §4): a
/// member each, so that several limits make one list.
///
/// ```
/// use gambeson_core::RateLimitFields;
/// use std::time::Duration;
///
/// let fields = RateLimitFields::new("edge", 60, Duration::from_secs(3)).unwrap();
/// let mut headers = http::HeaderMap::new();
/// fields.write(&mut headers, 12, Duration::from_millis(1_500));
/// assert_eq!(headers["ratelimit-policy"], r#""edge";q=60;w=3"#);
/// assert_eq!(headers["ratelimit"], r#""edge";r=12;t=2"#);
/// ```
#[derive(Debug, Clone)]
pub struct RateLimitFields {
    name: Box<str>,
    policy: HeaderValue,
}

impl RateLimitFields {
    /// The fields of the policy `name` that grants `quota` units per `window`; `None` unless the name is a plain word.
    pub fn new(name: &str, quota: u32, window: Duration) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        let policy = format!("\"{name}\";q={quota};w={}", whole_seconds(window).max(1));
        Some(Self { name: name.into(), policy: HeaderValue::try_from(policy).ok()? })
    }

    /// Adds both fields: what is left now, and when more comes.
    pub fn write(&self, headers: &mut HeaderMap, remaining: u32, reset: Duration) {
        let mut text = String::with_capacity(self.name.len() + 24);
        let _ = write!(text, "\"{}\";r={remaining};t={}", self.name, whole_seconds(reset));
        headers.append("ratelimit-policy", self.policy.clone());
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.append("ratelimit", value);
        }
    }
}

/// Whole seconds, rounded up, as far as a structured field can say them (15 digits, RFC 9651 §3.3.1).
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0)).min(999_999_999_999_999)
}
