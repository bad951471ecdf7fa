//! The userinfo endpoint (OpenID Connect Core §5.3).

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::Fault;
use super::answer::{Answer, json_answer, set, text};
use super::own_token;
use super::state::State;

/// `GET` or `POST /userinfo`, with an access token of this provider (RFC 6750 §2.1).
pub(super) fn userinfo(state: &State, headers: &HeaderMap, fault: Fault) -> Answer {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credential = header.and_then(|text| text.split_once(' '));
    let Some((_, token)) = credential.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return challenge("Bearer realm=\"dev\"");
    };
    let claims = own_token::access_token_claims(state, token);
    let subject = claims.as_ref().and_then(|claims| claims.get("sub")?.as_str());
    let meant = subject.and_then(|name| state.person(name));
    let other = || meant.and_then(|meant| state.people.iter().find(|person| person.name != meant.name));
    match if fault == Fault::WrongUserinfoSubject { other() } else { meant } {
        Some(person) => json_answer(StatusCode::OK, &Value::Object(person.claims())),
        None => challenge("Bearer realm=\"dev\", error=\"invalid_token\""),
    }
}

fn challenge(words: &'static str) -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, "");
    set(&mut answer, WWW_AUTHENTICATE, words);
    answer
}
