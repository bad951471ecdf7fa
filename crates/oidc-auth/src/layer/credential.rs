//! The credential of a request: one `Authorization: Bearer` or `Authorization: DPoP`, or none.

use http::{HeaderMap, HeaderValue, header};

/// What a request brings along.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// Nothing, or the credential of another scheme.
    None,
    /// One token. That it is text, and base64url, is seen when it is decoded: a token that is remembered was, and to look at
    /// each of its characters again costs as much as its digest.
    Token(Presented<'a>),
    /// One of the schemes for tokens, and no token: a request that lacks what it needs (RFC 6750 §3.1), of which nobody can say that
    /// its token is bad.
    Empty,
    /// More than one credential.
    Several,
}

/// The scheme of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Whoever has the token may use it (RFC 6750 §2.1), or shows a certificate with it (RFC 8705 §3).
    Bearer,
    /// With a proof that goes with the token (RFC 9449 §7.1).
    Dpop,
}

/// A token as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Presented<'a> {
    pub(super) scheme: Scheme,
    pub(super) token: &'a [u8],
}

/// Whether the request says that it has a token, be it a good one or none at all: who reads tokens takes it or refuses it.
pub(crate) fn claims_a_token(headers: &HeaderMap) -> bool {
    credential(headers) != Credential::None
}

/// Looks for the token (RFC 6750 §2.1). The scheme has no letter case (RFC 9110 §11.1). Tokens in query or body are not
/// looked for: they end in logs (RFC 9700 §4.3.2).
pub(super) fn credential(headers: &HeaderMap) -> Credential<'_> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Credential::None,
        (Some(value), None) => token(value),
        (Some(_), Some(_)) => Credential::Several,
    }
}

fn token(value: &HeaderValue) -> Credential<'_> {
    let bytes = value.as_bytes();
    let (scheme, rest) = match bytes.iter().position(|byte| *byte == b' ') {
        Some(space) => bytes.split_at(space),
        None => (bytes, &[][..]),
    };
    let scheme = match scheme {
        _ if scheme.eq_ignore_ascii_case(b"bearer") => Scheme::Bearer,
        _ if scheme.eq_ignore_ascii_case(b"dpop") => Scheme::Dpop,
        _ => return Credential::None,
    };
    match trimmed(rest) {
        [] => Credential::Empty,
        token => Credential::Token(Presented { scheme, token }),
    }
}

fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = bytes {
        bytes = rest;
    }
    bytes
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
            let token = Presented { scheme: Scheme::Bearer, token: b"abc.d-_~+/=" };
            assert_eq!(credential(&of(value).0), Credential::Token(token), "{value}");
        }
        for value in ["Basic abc", "", "Bearerabc", "DPoPabc"] {
            assert_eq!(credential(&of(value).0), Credential::None, "{value}");
        }
        for value in ["Bearer", "Bearer ", "Bearer    ", "dpop"] {
            assert_eq!(credential(&of(value).0), Credential::Empty, "{value}");
        }
        let value = HeaderValue::from_bytes(b"Bearer \xff").unwrap();
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        let token = Presented { scheme: Scheme::Bearer, token: b"\xff" };
        assert_eq!(credential(&headers), Credential::Token(token), "refused when it is decoded");
        let token = Presented { scheme: Scheme::Dpop, token: b"abc" };
        assert_eq!(credential(&of("dpop abc").0), Credential::Token(token));
        let mut two = of("Bearer a").0;
        two.append(header::AUTHORIZATION, HeaderValue::from_static("Basic b"));
        assert_eq!(credential(&two), Credential::Several);
        assert_eq!(credential(&HeaderMap::new()), Credential::None);
    }
}
