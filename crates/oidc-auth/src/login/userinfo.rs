//! What the provider's userinfo endpoint adds to an ID token (OpenID Connect Core 1.0 §5.3).

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use serde_json::{Map, Value};

use super::handle::Login;
use super::provider::Endpoints;
use crate::jwt::Claims;
use crate::keys::redirected;
use crate::policy::Policy;

/// Who somebody is, how they logged in, and what the app was granted is the ID token's and the token endpoint's to say.
const OF_THE_TOKEN: [&str; 22] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "client_id",
    "sid",
    "act",
    "may_act",
    "cnf",
    "at_hash",
    "c_hash",
    "s_hash",
    "events",
    "scope",
];

/// Why nothing is known of somebody, in words for operators.
#[derive(Debug)]
pub(super) enum UserinfoError {
    /// It speaks of somebody else, or of nobody (§5.3.2).
    Refused(String),
    /// Says nothing about the person.
    Unavailable(String),
}

/// The payload of a verified ID token with what userinfo adds, where that is to be asked; else as it is.
pub(super) async fn added(
    login: &Login,
    endpoints: &Endpoints,
    access_token: &str,
    payload: String,
) -> Result<String, UserinfoError> {
    let parts = login.parts();
    if !parts.userinfo {
        return Ok(payload);
    }
    let answered = parts.provider.userinfo(endpoints, access_token).await;
    let (url, answer) = answered.map_err(UserinfoError::Unavailable)?;
    let text = read(url, &answer).map_err(UserinfoError::Unavailable)?;
    merge(payload, text, parts.verifier.policy())
}

/// The text of a good answer. What is wrong with another never repeats a part of it: it is about a person.
fn read<'a>(url: &str, answer: &'a Response<Bytes>) -> Result<&'a str, String> {
    if let Some(text) = redirected(url, answer) {
        return Err(text);
    }
    if answer.status() != StatusCode::OK {
        return Err(format!("{url} answered {}", answer.status().as_u16()));
    }
    match media_type(answer.headers()).as_deref() {
        Some("application/json") => {}
        Some("application/jwt") => {
            let cure = "have the provider answer this client with plain JSON (userinfo_signed_response_alg)";
            return Err(format!("{url} answered with a signed or encrypted JWT, which is not read: {cure}"));
        }
        _ => return Err(format!("{url} answered with something else than application/json")),
    }
    std::str::from_utf8(answer.body()).map_err(|_| format!("{url} answered with no UTF-8"))
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// The token's own words stay, and win; what it does not say is added. Both were read by the reader that refuses names that stand twice.
fn merge(mut payload: String, text: &str, policy: &Policy) -> Result<String, UserinfoError> {
    let unread = |why: &str| UserinfoError::Unavailable(format!("userinfo can't be read: {why}"));
    check_subject(&payload, text, policy)?;
    let map = |text: &str| serde_json::from_str::<Map<String, Value>>(text);
    let token = map(&payload).map_err(|_| unread("the ID token has no claims"))?;
    let mut said = map(text).map_err(|_| unread("it is no JSON object of claims"))?;
    said.retain(|name, _| !token.contains_key(name) && !is_of_the_token(name, policy));
    let more = serde_json::to_string(&said).map_err(|_| unread("it can't be written"))?;
    let (Some(end), Some(more)) = (payload.rfind('}'), more.strip_prefix('{').filter(|_| !said.is_empty()))
    else {
        return Ok(payload);
    };
    payload.truncate(end);
    payload.push(',');
    payload.push_str(more);
    Ok(payload)
}

/// The same, to the letter (§5.3.2).
fn check_subject(payload: &str, text: &str, policy: &Policy) -> Result<(), UserinfoError> {
    let unread = |_| UserinfoError::Unavailable("userinfo is no JSON object of claims".into());
    let (token, said) =
        (Claims::read(payload, policy).map_err(unread)?, Claims::read(text, policy).map_err(unread)?);
    match (said.text("sub"), token.text("sub")) {
        (Ok(Some(said)), Ok(Some(token))) if said == token => Ok(()),
        _ => Err(UserinfoError::Refused("sub of userinfo is not that of the ID token".into())),
    }
}

fn is_of_the_token(name: &str, policy: &Policy) -> bool {
    let names = &policy.names;
    let mapped = [&names.scope, &names.client].into_iter().filter_map(|path| path.first());
    OF_THE_TOKEN.contains(&name) || mapped.into_iter().any(|first| **first == *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::Issuer;
    use crate::verifier::Verifier;

    fn merged(token: &str, said: &str) -> Result<String, UserinfoError> {
        let issuer = Issuer::static_keys("https://i", r#"{"keys":[]}"#);
        let verifier = Verifier::builder(issuer).audience("web").for_id_tokens().build().unwrap();
        merge(token.to_owned(), said, verifier.policy())
    }

    #[test]
    fn the_token_wins_and_the_rest_is_added() {
        let token = r#"{"iss":"i","sub":"a","roles":[] } "#;
        let said = r#"{"sub":"a","roles":["admin"],"groups":["staff"],"acr":"gold","sid":"s","auth_time":9,
            "aud":"x","scope":"all","azp":"other","amr":["otp"]}"#;
        assert_eq!(merged(token, said).unwrap(), r#"{"iss":"i","sub":"a","roles":[] ,"groups":["staff"]}"#);
        assert_eq!(merged(token, r#"{"sub":"a"}"#).unwrap(), token, "nothing to add");
    }

    #[test]
    fn of_the_same_person_or_of_nobody() {
        let token = r#"{"iss":"i","sub":"a"}"#;
        for said in [r#"{"sub":"b"}"#, r#"{"groups":["x"]}"#, r#"{"sub":1}"#, r#"{"sub":null}"#, "{}"] {
            assert!(matches!(merged(token, said), Err(UserinfoError::Refused(_))), "{said}");
        }
        for said in ["", "[]", r#"{"sub":"a","sub":"a"}"#, r#"{"sub":"a"} x"#, r#"{"sub":"b","sub":"a"}"#] {
            assert!(matches!(merged(token, said), Err(UserinfoError::Unavailable(_))), "{said}");
        }
    }

    #[test]
    fn only_plain_json_is_read() {
        let answered = |status: u16, kind: &str| {
            let answer = Response::builder().status(status).header(header::CONTENT_TYPE, kind);
            read("https://i/me", &answer.body(Bytes::from_static(b"{}")).unwrap()).map(str::to_owned)
        };
        assert_eq!(answered(200, "Application/JSON; charset=utf-8").unwrap(), "{}");
        assert!(answered(200, "application/jwt").unwrap_err().contains("userinfo_signed_response_alg"));
        for (status, kind) in
            [(200, "text/html"), (200, ""), (401, "application/json"), (302, "application/json")]
        {
            assert!(answered(status, kind).is_err(), "{status} {kind}");
        }
    }
}
