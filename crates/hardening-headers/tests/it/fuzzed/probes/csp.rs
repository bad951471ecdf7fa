//! A policy as text: what is taken reads back as itself, and can be sent.

use gambeson_hardening_headers::Csp;
use http::HeaderValue;

pub(crate) fn probe(bytes: &[u8]) -> bool {
    let Some(policy) = std::str::from_utf8(bytes).ok().and_then(|text| Csp::parse(text).ok()) else {
        return false;
    };
    let text = policy.to_string();
    assert!(HeaderValue::from_str(&text).is_ok() && text.is_ascii(), "it can't be sent: {text:?}");
    assert!(!text.contains(','), "two policies in one: {text:?}");
    assert_eq!(Csp::parse(&text).as_ref(), Ok(&policy), "it does not read back: {text:?}");
    true
}
