//! What the app did, against what it must do.

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{Response, StatusCode};

use super::report::Outcome;
use super::visit::{PERSON, Place, SOMEBODY_ELSE, Visit};
use crate::dev_idp::DevIdp;

/// How a test ended, and what was seen.
pub(super) type Verdict = (Outcome, String);

/// The longest nonce that every provider takes, in characters.
const LONGEST_NONCE: usize = 43;

pub(super) fn passed(seen: impl Into<String>) -> Verdict {
    (Outcome::Passed, seen.into())
}

pub(super) fn warned(seen: impl Into<String>) -> Verdict {
    (Outcome::Warned, seen.into())
}

pub(super) fn failed(seen: impl Into<String>) -> Verdict {
    (Outcome::Failed, seen.into())
}

pub(super) fn not_applicable(seen: impl Into<String>) -> Verdict {
    (Outcome::NotApplicable, seen.into())
}

/// The person is signed in.
pub(super) fn accepted(visit: &Visit) -> Verdict {
    match visit.is_signed_in() {
        true => passed(visit.end()),
        false => failed(format!("{PERSON} should be signed in: {}", visit.end())),
    }
}

/// What the ID token said was not believed: nobody is signed in, and nothing was done with the access token.
pub(super) fn refused(visit: &Visit) -> Verdict {
    if visit.tokens().is_none() {
        return failed(format!("the app exchanged no code, so it saw no ID token: {}", visit.end()));
    }
    if visit.who.is_some() {
        return failed(format!("the ID token was believed: {}", visit.end()));
    }
    if visit.asked("/userinfo").next().is_some() {
        return failed("the app asked for userinfo after an ID token that it should have refused");
    }
    match &visit.landed {
        Err(why) => failed(format!("the app broke instead of refusing: {why}")),
        Ok(page) if page.status().is_server_error() => {
            warned(format!("refused as if the server were at fault: {}", visit.end()))
        }
        Ok(_) => passed(visit.end()),
    }
}

/// As [`refused`], but to believe it is a weakness only.
pub(super) fn better_refused(visit: &Visit, why: &str) -> Verdict {
    match visit.is_signed_in() && visit.tokens().is_some() {
        true => warned(format!("accepted; {why}")),
        false => refused(visit),
    }
}

/// To try all keys is right, and to refuse is.
pub(super) fn several_keys(visit: &Visit) -> Verdict {
    match visit.is_signed_in() {
        true => passed(format!("a key that fits was found: {}", visit.end())),
        false => match refused(visit) {
            // A verifier may wait for a key set with fewer keys, and say so.
            (Outcome::Warned, seen) => passed(seen),
            other => other,
        },
    }
}

/// The requests of a whole log-in (Core §3.1.2.1, §3.1.3.1, §5.3.1).
pub(super) fn whole_way(visit: &Visit) -> Verdict {
    let Some(asked) = visit.authorization() else {
        return failed(format!("the browser never came to the authorization endpoint: {}", visit.end()));
    };
    let is = |name: &str, wanted: &str| asked.parameter(name) == Some(wanted);
    if !is("response_type", "code") {
        return failed("the authorization request has no response_type=code");
    }
    if visit.asked("/userinfo").any(|asked| asked.in_query("access_token").is_some()) {
        return failed("an access token stands in an address (RFC 6750 §2.3)");
    }
    if visit.tokens().is_none() {
        return failed(format!("no code was exchanged for tokens: {}", visit.end()));
    }
    match accepted(visit) {
        (Outcome::Passed, seen) => match weakness(visit) {
            Some(weak) => warned(weak),
            None => passed(seen),
        },
        other => other,
    }
}

fn weakness(visit: &Visit) -> Option<String> {
    let asked = visit.authorization()?;
    let nonce = asked.parameter("nonce");
    let has = |name: &str| asked.parameter(name).is_some();
    if !has("state") && !has("code_challenge") && nonce.is_none() {
        return Some("neither state nor nonce nor PKCE: nothing binds the answer to the browser".to_owned());
    }
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "-._~".contains(c));
    if nonce.is_some_and(|nonce| nonce.contains(odd)) {
        return Some("the nonce has characters that have to be escaped in an address".to_owned());
    }
    let long = nonce.map(str::len).filter(|length| *length > LONGEST_NONCE)?;
    Some(format!("the nonce has {long} characters; providers expect up to {LONGEST_NONCE}"))
}

/// Claims are asked for by scope, and userinfo gives them (Core §5.4).
pub(super) fn scopes(visit: &Visit) -> Verdict {
    let scope = visit.authorization().and_then(|asked| asked.parameter("scope")).unwrap_or_default();
    let asks = scope.split(' ').any(|word| ["profile", "email", "phone", "address"].contains(&word));
    if !asks {
        return failed(format!("scope={scope:?} has none of profile, email, phone and address"));
    }
    match visit.asked("/userinfo").next() {
        None => without_userinfo(visit),
        Some(_) => accepted(visit),
    }
}

/// A log-in works without; where it does not, that is the finding.
fn without_userinfo(visit: &Visit) -> Verdict {
    match accepted(visit) {
        (Outcome::Passed, _) => not_applicable("the app asks for no userinfo"),
        other => other,
    }
}

/// The client proves itself in the header (RFC 6749 §2.3.1).
pub(super) fn secret_basic(visit: &Visit) -> Verdict {
    let Some(tokens) = visit.tokens() else {
        return failed(format!("no code was exchanged for tokens: {}", visit.end()));
    };
    match tokens.scheme.as_deref() {
        Some("basic") => accepted(visit),
        _ => failed("the token request has no Authorization: Basic"),
    }
}

/// The access token goes in the header (RFC 6750 §2.1).
pub(super) fn bearer_header(visit: &Visit) -> Verdict {
    let mut asked = visit.asked("/userinfo").peekable();
    if asked.peek().is_none() {
        return without_userinfo(visit);
    }
    match asked.all(|asked| asked.scheme.as_deref() == Some("bearer") && asked.status == 200) {
        true => accepted(visit),
        false => failed("a userinfo request has no Authorization: Bearer, or was refused"),
    }
}

/// Whom userinfo speaks of must be whom the ID token names (Core §5.3.2).
pub(super) fn userinfo_subject(visit: &Visit) -> Verdict {
    if visit.asked("/userinfo").next().is_none() {
        return without_userinfo(visit);
    }
    let believed = visit.page.to_ascii_lowercase().contains(SOMEBODY_ELSE);
    match believed || visit.who.as_deref() == Some(SOMEBODY_ELSE) {
        true => failed(format!("what userinfo says of {SOMEBODY_ELSE} was believed: {}", visit.end())),
        false => match &visit.landed {
            Ok(_) => passed(visit.end()),
            Err(why) => failed(format!("the app broke instead of refusing: {why}")),
        },
    }
}

/// The metadata was looked at since the provider started.
pub(super) fn metadata(idp: &DevIdp, visit: &Visit) -> Verdict {
    match metadata_was_asked_for(idp) {
        true => accepted(visit),
        false => failed("the app never asked for the metadata"),
    }
}

pub(super) fn metadata_was_asked_for(idp: &DevIdp) -> bool {
    let mut places = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"].iter();
    places.any(|path| idp.requests(path) > 0)
}

/// The key set is where the metadata says, and nowhere else.
pub(super) fn moved_keys(idp: &DevIdp, visit: &Visit) -> Verdict {
    if !metadata_was_asked_for(idp) {
        return failed("the app never asked for the metadata");
    }
    if idp.requests(idp.moved_jwks()) == 0 {
        return failed(format!("the app never asked for the keys where jwks_uri says: {}", visit.end()));
    }
    accepted(visit)
}

/// Metadata that names another issuer than it was asked of is not used (Discovery §4.3).
pub(super) fn issuer_mismatch(idp: &DevIdp, visit: &Visit) -> Verdict {
    if !metadata_was_asked_for(idp) {
        return failed("the app never asked for the metadata");
    }
    match visit.authorization().is_some() || visit.who.is_some() {
        true => failed(format!("the metadata of another issuer was used: {}", visit.end())),
        false => passed(visit.end()),
    }
}

/// The browser was sent to the provider and came back, and the app ended its own session (RP-Initiated Logout §2).
pub(super) fn signed_out(place: &Place<'_>, visit: &Visit, with_state: bool) -> Verdict {
    let Some(asked) = visit.asked("/logout").next() else {
        return failed(format!("the browser was not sent to the end session endpoint: {}", visit.end()));
    };
    match asked.parameter("id_token_hint") {
        None => return failed("the log-out has no id_token_hint"),
        Some(hint) if !place.idp.knows_id_token(hint, place.client_id) => {
            return failed("id_token_hint is no ID token of this provider for this client");
        }
        Some(_) => {}
    }
    if asked.parameter("post_logout_redirect_uri").is_none() || asked.status != 303 {
        return failed(format!(
            "post_logout_redirect_uri is missing or not the registered one: the provider answered {}",
            asked.status.as_u16()
        ));
    }
    if with_state && asked.parameter("state").is_none() {
        return not_applicable("the log-out sends no state, which is optional");
    }
    if visit.who.is_some() {
        return failed(format!("the app's own session did not end: {}", visit.end()));
    }
    match &visit.landed {
        Err(why) => failed(format!("the app broke when the browser came back: {why}")),
        Ok(page) if page.status().is_server_error() => {
            failed(format!("the app broke when the browser came back: {}", visit.end()))
        }
        Ok(page) if page.url.origin() != place.origin.origin() => {
            failed(format!("the browser did not come back to the app: {}", page.url.path()))
        }
        Ok(_) => passed(visit.end()),
    }
}

/// What the app made of a logout token (Back-Channel Logout §2.6, §2.8).
pub(super) fn told(bad: bool, answer: &Response<Bytes>, visit: &Visit) -> Verdict {
    let (status, kept) = (answer.status(), visit.who.is_some());
    let wanted = if bad { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let seen = format!("answered {} to the logout token; {}", status.as_u16(), visit.end());
    if kept != bad {
        return failed(seen);
    }
    match status == wanted {
        true if !unstored(answer) => warned("the answer has no Cache-Control: no-store (§2.8)"),
        true => passed(seen),
        false if !bad && status == StatusCode::NO_CONTENT => warned(seen),
        false => failed(format!("{seen}; wanted {}", wanted.as_u16())),
    }
}

fn unstored(answer: &Response<Bytes>) -> bool {
    let fields = answer.headers().get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    fields.into_iter().any(|field| field.contains("no-store"))
}
