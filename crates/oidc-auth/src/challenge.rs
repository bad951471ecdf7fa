//! How the schemes Bearer and DPoP ask for credentials.

use std::fmt::Write;
use std::sync::Arc;

use gambeson_core::{Challenge, Challenger};
use http::HeaderValue;

/// Writes `WWW-Authenticate: Bearer …` (RFC 6750 §3, RFC 9470 §3, RFC 9728 §5.1).
#[derive(Debug, Clone, Default)]
pub(crate) struct Bearer {
    pub(crate) realm: Option<Box<str>>,
    pub(crate) resource_metadata: Option<Box<str>>,
}

impl Bearer {
    /// The value with these parameters after the scheme's own.
    fn value(&self, parameters: &[(&str, &str)]) -> Option<HeaderValue> {
        self.value_of("Bearer", parameters)
    }

    fn value_of(&self, scheme: &str, parameters: &[(&str, &str)]) -> Option<HeaderValue> {
        let own = [("realm", &self.realm), ("resource_metadata", &self.resource_metadata)];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let mut out = String::from(scheme);
        for (index, (name, value)) in own.chain(parameters.iter().copied()).enumerate() {
            let _ = write!(out, "{}{name}=\"", if index == 0 { " " } else { ", " });
            quote(&mut out, value);
            out.push('"');
        }
        HeaderValue::try_from(out).ok()
    }

    /// The value for a request with more than one credential (`invalid_request`, RFC 6750 §3.1).
    pub(crate) fn invalid_request(&self) -> Option<HeaderValue> {
        self.value(&[("error", "invalid_request")])
    }
}

impl Challenger for Bearer {
    fn challenge(&self, challenge: Challenge<'_>) -> Option<HeaderValue> {
        with_parameters(challenge, |parameters| self.value(parameters))
    }
}

/// Writes `WWW-Authenticate: DPoP …` (RFC 9449 §7.1).
#[derive(Debug, Clone)]
pub(crate) struct DpopScheme {
    /// Realm and metadata are the same as those of its sibling.
    pub(crate) bearer: Arc<Bearer>,
    /// Names with blanks between them.
    pub(crate) algorithms: Box<str>,
}

impl DpopScheme {
    fn value(&self, parameters: &[(&str, &str)]) -> Option<HeaderValue> {
        self.bearer.value_of("DPoP", &[parameters, &[("algs", &*self.algorithms)]].concat())
    }

    /// The value for a request whose proof is no good (`invalid_dpop_proof`, `use_dpop_nonce`), or with two credentials.
    pub(crate) fn error(&self, error: &str) -> Option<HeaderValue> {
        self.value(&[("error", error)])
    }
}

impl Challenger for DpopScheme {
    fn challenge(&self, challenge: Challenge<'_>) -> Option<HeaderValue> {
        with_parameters(challenge, |parameters| self.value(parameters))
    }
}

/// The parameters of a challenge, which both schemes share.
fn with_parameters(
    challenge: Challenge<'_>,
    value: impl FnOnce(&[(&str, &str)]) -> Option<HeaderValue>,
) -> Option<HeaderValue> {
    match challenge {
        Challenge::Credential => value(&[]),
        Challenge::InvalidToken => value(&[("error", "invalid_token")]),
        Challenge::Scope(scope) => value(&[("error", "insufficient_scope"), ("scope", scope)]),
        Challenge::StepUp { acr_values, max_age } => {
            let age = max_age.map(|age| age.as_secs().to_string());
            let mut parameters = vec![("error", "insufficient_user_authentication")];
            if !acr_values.is_empty() {
                parameters.push(("acr_values", acr_values));
            }
            if let Some(age) = &age {
                parameters.push(("max_age", age));
            }
            value(&parameters)
        }
        _ => None,
    }
}

/// A quoted-string's inside (RFC 9110 §5.6.4); what has no place in a header is left out.
fn quote(out: &mut String, value: &str) {
    for c in value.chars().filter(|c| matches!(c, ' '..='~')) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn challenges_are_as_the_standards_write_them() {
        let plain = Bearer::default();
        let value = |bearer: &Bearer, challenge| bearer.challenge(challenge).unwrap();
        assert_eq!(value(&plain, Challenge::Credential), "Bearer");
        assert_eq!(value(&plain, Challenge::InvalidToken), r#"Bearer error="invalid_token""#);
        assert_eq!(
            value(&plain, Challenge::Scope("a b")),
            r#"Bearer error="insufficient_scope", scope="a b""#
        );
        let step_up = Challenge::StepUp { acr_values: "gold", max_age: Some(Duration::from_secs(5)) };
        assert_eq!(
            value(&plain, step_up),
            r#"Bearer error="insufficient_user_authentication", acr_values="gold", max_age="5""#
        );
    }

    #[test]
    fn parameters_are_quoted() {
        let bearer = Bearer {
            realm: Some("a\"b\r\nc".into()),
            resource_metadata: Some("https://api.example/.well-known/oauth-protected-resource".into()),
        };
        assert_eq!(
            bearer.challenge(Challenge::Credential).unwrap(),
            "Bearer realm=\"a\\\"bc\", \
             resource_metadata=\"https://api.example/.well-known/oauth-protected-resource\""
        );
    }
}
