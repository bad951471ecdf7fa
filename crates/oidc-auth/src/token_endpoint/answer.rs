//! What the token endpoint answers.

use std::fmt;

use bytes::Bytes;
use gambeson_core::escape_controls;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::keys::{is_page, redirected};

/// What the token endpoint gives (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3, RFC 8693 §2.2.1).
#[derive(Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) token_type: Option<String>,
    pub(crate) id_token: Option<String>,
    pub(crate) refresh_token: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    pub(crate) expires_in: Option<u64>,
    pub(crate) scope: Option<String>,
    pub(crate) issued_token_type: Option<String>,
}

/// Why an exchange gave no tokens, in words for operators.
#[derive(Debug, Clone)]
pub(crate) enum ExchangeError {
    /// What was to be exchanged is no good (`invalid_grant`, RFC 6749 §5.2).
    Refused(String),
    /// The request is no good (`invalid_request`). Where tokens are exchanged it says that one of them isn't (RFC 8693 §2.2.2).
    Malformed(String),
    /// The provider does not give this app what it asks for: its proof, its scope, its grant.
    ClientRefused(String),
    /// Says nothing about either.
    Unavailable(String),
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text)
            | Self::Malformed(text)
            | Self::ClientRefused(text)
            | Self::Unavailable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ExchangeError {}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

/// Reads the answer of this endpoint. A text about it never repeats a part of a good answer: that might be a token.
pub(super) fn read(url: &str, answer: &Response<Bytes>) -> Result<Tokens, ExchangeError> {
    if let Some(text) = redirected(url, answer) {
        return Err(ExchangeError::Unavailable(text));
    }
    if answer.status() != StatusCode::OK {
        return Err(refusal(url, answer.status(), answer.body()));
    }
    serde_json::from_slice(answer.body()).map_err(|error| {
        let what = match error.classify() {
            _ if is_page(answer.body()) => "it is a page for people, does a proxy answer in its place?",
            serde_json::error::Category::Data => "a member is missing or of another type",
            _ => "it is no JSON",
        };
        let (line, column) = (error.line(), error.column());
        ExchangeError::Unavailable(format!(
            "{url} gave no tokens that can be read: {what} (line {line}, column {column})"
        ))
    })
}

fn refusal(url: &str, status: StatusCode, body: &[u8]) -> ExchangeError {
    let error =
        serde_json::from_slice(body).map_or_else(|_| String::new(), |answer: ErrorAnswer| answer.error);
    let cut: String = error.chars().take(100).collect();
    let text = format!("{url} answered {} {}", status.as_u16(), escape_controls(&cut));
    match (status.as_u16(), &*error) {
        (400..=499, "invalid_grant") => ExchangeError::Refused(text),
        (400..=499, "invalid_request") => ExchangeError::Malformed(text),
        (400..=499, "temporarily_unavailable" | "server_error" | "slow_down" | "") => {
            ExchangeError::Unavailable(text)
        }
        (400..=499, _) => ExchangeError::ClientRefused(text),
        _ => ExchangeError::Unavailable(text),
    }
}

/// A number of seconds; some providers write it as a string.
fn seconds<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u64>, D::Error> {
    struct Seconds;

    impl Visitor<'_> for Seconds {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of seconds")
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Option<u64>, E> {
            Ok(Some(value))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Option<u64>, E> {
            Ok(Some(u64::try_from(value).unwrap_or(0)))
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<Option<u64>, E> {
            // Saturates, and what is no number is 0.
            Ok(Some(value as u64))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Option<u64>, E> {
            value.trim().parse().map(Some).map_err(|_| E::custom("not a number of seconds"))
        }

        fn visit_unit<E: Error>(self) -> Result<Option<u64>, E> {
            Ok(None)
        }
    }

    input.deserialize_any(Seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Result<Tokens, ExchangeError> {
        let answer = Response::builder().status(status).body(body.to_owned().into()).unwrap();
        read("https://id.example/token", &answer)
    }

    #[test]
    fn lifetimes_are_read_however_they_are_written() {
        for (written, read) in [
            ("300", Some(300)),
            ("\"300\"", Some(300)),
            ("300.0", Some(300)),
            ("-1", Some(0)),
            ("null", None),
            ("18446744073709551615", Some(u64::MAX)),
            ("1e300", Some(u64::MAX)),
        ] {
            let tokens = of(200, &format!(r#"{{"access_token":"t","expires_in":{written}}}"#))
                .unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(tokens.expires_in, read, "{written}");
        }
        assert_eq!(of(200, r#"{"access_token":"t"}"#).ok().unwrap().expires_in, None);
    }

    #[test]
    fn no_part_of_a_good_answer_is_repeated() {
        for body in [
            r#""eyJhidden""#,
            r#"{"access_token":["eyJhidden"]}"#,
            r#"{"access_token":"t","expires_in":"eyJhidden"}"#,
            r#"{"access_token":"eyJhidden"#,
            "<html>eyJhidden</html>",
        ] {
            let error = of(200, body).err().unwrap();
            assert!(matches!(error, ExchangeError::Unavailable(_)));
            assert!(!error.to_string().contains("eyJhidden"), "{error}");
        }
    }

    #[test]
    fn whose_fault_it_is() {
        let kind = |status, body| match of(status, body).err().unwrap() {
            ExchangeError::Refused(_) => "grant",
            ExchangeError::Malformed(_) => "request",
            ExchangeError::ClientRefused(_) => "client",
            ExchangeError::Unavailable(_) => "unavailable",
        };
        assert_eq!(kind(400, r#"{"error":"invalid_grant"}"#), "grant");
        assert_eq!(kind(400, r#"{"error":"invalid_request"}"#), "request");
        assert_eq!(kind(401, r#"{"error":"invalid_client"}"#), "client");
        assert_eq!(kind(400, r#"{"error":"invalid_target"}"#), "client");
        for (status, body) in [(500, r#"{"error":"invalid_client"}"#), (404, "<html>"), (302, ""), (429, "")]
        {
            assert_eq!(kind(status, body), "unavailable", "{status}");
        }
    }
}
