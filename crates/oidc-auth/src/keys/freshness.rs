//! How long a fetched set counts as fresh.

use std::time::Duration;

use http::{HeaderMap, header};

/// The shortest and the longest time between two refreshes that an issuer's caching fields can ask for.
pub(crate) const SHORTEST: Duration = Duration::from_secs(60);
pub(crate) const LONGEST: Duration = Duration::from_secs(3_600);
/// When the issuer says nothing.
const DEFAULT: Duration = Duration::from_secs(600);

/// `max-age` less `Age` (RFC 9111 §4.2), clamped; `no-store` and `no-cache` mean the shortest.
pub(crate) fn freshness(headers: &HeaderMap) -> Duration {
    let mut found = None;
    for value in headers.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or_default().split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return SHORTEST,
                "max-age" => found = value.trim().trim_matches('"').parse().ok(),
                _ => {}
            }
        }
    }
    let age = age(headers);
    found
        .map_or(DEFAULT, |seconds: u64| Duration::from_secs(seconds).saturating_sub(age))
        .clamp(SHORTEST, LONGEST)
}

/// For how long a cache has had what it answers (RFC 9111 §5.1); zero where the issuer itself answers.
pub(crate) fn age(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(header::AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(control: &str, age: &str) -> u64 {
        let mut headers = HeaderMap::new();
        if !control.is_empty() {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_str(control).unwrap());
        }
        if !age.is_empty() {
            headers.insert(header::AGE, HeaderValue::from_str(age).unwrap());
        }
        freshness(&headers).as_secs()
    }

    #[test]
    fn clamped_and_aged() {
        assert_eq!(of("", ""), 600);
        assert_eq!(of("max-age=5", ""), 60);
        assert_eq!(of("public, Max-Age=900", ""), 900);
        assert_eq!(of("max-age=900", "300"), 600);
        assert_eq!(of("max-age=999999", ""), 3_600);
        assert_eq!(of("max-age=900, no-cache", ""), 60);
        assert_eq!(of("max-age=x", ""), 600);
        assert_eq!(of("max-age=60", "99999"), 60);
    }
}
