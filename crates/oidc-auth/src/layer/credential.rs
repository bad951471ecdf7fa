//! The credential of a request: one `Authorization: Bearer`, or none.

use http::{HeaderMap, HeaderValue, header};

/// What a request brings along.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// Nothing, or the credential of another scheme.
    None,
    /// One bearer token, in characters that can be one.
    Bearer(&'a str),
    /// A bearer token that can't be one.
    Malformed,
    /// More than one credential.
    Several,
}

/// Looks for the token (RFC 6750 §2.1). The scheme has no letter case (RFC 9110 §11.1). Tokens in query or body are not
/// looked for: they end in logs (RFC 9700 §4.3.2).
pub(super) fn credential(headers: &HeaderMap) -> Credential<'_> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Credential::None,
        (Some(value), None) => bearer(value),
        (Some(_), Some(_)) => Credential::Several,
    }
}

fn bearer(value: &HeaderValue) -> Credential<'_> {
    let bytes = value.as_bytes();
    let (scheme, rest) = match bytes.iter().position(|byte| *byte == b' ') {
        Some(space) => bytes.split_at(space),
        None => (bytes, &[][..]),
    };
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Credential::None;
    }
    match std::str::from_utf8(rest).map(|token| token.trim_matches(' ')) {
        Ok(token) if !token.is_empty() && token.bytes().all(is_token) => Credential::Bearer(token),
        _ => Credential::Malformed,
    }
}

/// `b64token` of RFC 6750 §2.1.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &'static str) -> (HeaderMap, &'static str) {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        (headers, value)
    }

    #[test]
    fn one_bearer_in_any_letter_case() {
        for value in ["Bearer abc.d-_~+/=", "bearer abc.d-_~+/=", "BEARER  abc.d-_~+/="] {
            assert_eq!(credential(&of(value).0), Credential::Bearer("abc.d-_~+/="), "{value}");
        }
        for value in ["Basic abc", "", "Bearerabc", "DPoP abc"] {
            assert_eq!(credential(&of(value).0), Credential::None, "{value}");
        }
        for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer a,Bearer b", "Bearer \u{7f}"] {
            if let Ok(value) = HeaderValue::from_str(value) {
                let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
                assert_eq!(credential(&headers), Credential::Malformed);
            }
        }
        let mut two = of("Bearer a").0;
        two.append(header::AUTHORIZATION, HeaderValue::from_static("Basic b"));
        assert_eq!(credential(&two), Credential::Several);
        assert_eq!(credential(&HeaderMap::new()), Credential::None);
    }
}
