//! The way back: the provider's answer becomes a session.

use std::borrow::Cow;
use std::time::Duration;

use gambeson_core::{Principal, Rejection, RequestFacts, RequestHead, SecretBytes, Timestamp};
use http::{HeaderMap, HeaderValue, Method, header};

use super::attempt::Attempt;
use super::begin;
use super::handle::Login;
use super::id_token;
use super::provider::Endpoints;
use super::random::Random;
use super::refusal;
use super::session::{Grant, Session, SessionKey};
use super::step::{Outcome, Reply, Step};
use super::telemetry;
use super::userinfo::{self, UserinfoError};
use crate::error::{TokenError, TokenErrorKind};
use crate::identity;
use crate::jwt::Claims;
use crate::token_endpoint::{ExchangeError, Tokens};

/// The authorization response (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Debug, Default)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

impl Answer {
    /// `None` when a parameter stands twice (RFC 6749 §3.1).
    fn read(query: Option<&str>) -> Option<Self> {
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let slot = match &*name {
                "code" => &mut answer.code,
                "state" => &mut answer.state,
                "iss" => &mut answer.iss,
                "error" => &mut answer.error,
                _ => continue,
            };
            if slot.replace(Cow::into_owned(value)).is_some() {
                return None;
            }
        }
        Some(answer)
    }
}

/// GET only. What comes back without the browser's own cookie to it is refused before anybody is asked.
pub(super) fn callback(login: &Login, head: &RequestHead<'_>, facts: &RequestFacts) -> Step {
    if *head.method != Method::GET {
        return Step::Done(Err(refusal::method("GET")));
    }
    let Some(answer) = Answer::read(head.uri.query()) else {
        return Step::Done(Err(refusal::response("a parameter stands twice")));
    };
    let attempt = match attempt(login, head.headers, answer.state.as_deref()) {
        Ok(attempt) => attempt,
        Err(why) => return Step::Done(Err(refusal::not_started(why))),
    };
    let old = login.session_key(head.headers);
    let (login, facts) = (login.clone(), facts.clone());
    Step::Later(Box::pin(async move {
        // Until the code goes out, the same answer may come again; then it is used up, whatever becomes of it.
        let provider = &login.parts().provider;
        let network = begin::network(&facts);
        let endpoints = provider.endpoints(network).await.map_err(refusal::unavailable)?;
        let _turn = provider.finishing.turn(network, &attempt.state).map_err(refusal::unavailable)?;
        let state = attempt.state.text();
        let cookies = &login.parts().cookies;
        let used = cookies.clear(&cookies.attempt_name(Attempt::mark(&state)));
        match finish(&login, &endpoints, &attempt, &answer, old, &facts).await {
            Ok(reply) => Ok(reply.cookie(used)),
            Err(rejection) => Err(with_cookie(rejection, used)),
        }
    }))
}

fn with_cookie(rejection: Rejection, cookie: Option<HeaderValue>) -> Rejection {
    match cookie {
        Some(cookie) => rejection.header(header::SET_COOKIE, cookie),
        None => rejection,
    }
}

/// The attempt that this browser keeps under this state.
fn attempt(login: &Login, headers: &HeaderMap, state: Option<&str>) -> Result<Attempt, &'static str> {
    let text = state.ok_or("no state")?;
    let state = Random::read(text).ok_or("not a state of this app")?;
    let mark = Attempt::mark(text);
    let mut kept = login.parts().cookies.attempts(headers).filter(|(name, _)| *name == mark);
    let (_, sealed) = kept.next().ok_or("the browser keeps no log-in of this state")?;
    if kept.next().is_some() {
        return Err("the browser keeps two log-ins of this state");
    }
    let attempt = begin::open(login, mark, sealed).ok_or("the kept log-in is not of this app")?;
    if !attempt.state.same(&state) {
        return Err("the kept log-in has another state");
    }
    if !attempt.is_fresh(login.now(), login.leeway()) {
        return Err("the log-in took too long");
    }
    Ok(attempt)
}

async fn finish(
    login: &Login,
    endpoints: &Endpoints,
    attempt: &Attempt,
    answer: &Answer,
    old: Option<SessionKey>,
    facts: &RequestFacts,
) -> Outcome {
    let parts = login.parts();
    check_issuer(parts.provider.issuer(), endpoints.names_itself, answer.iss.as_deref())?;
    if let Some(error) = &answer.error {
        return Err(told(error));
    }
    let code = answer.code.as_deref().ok_or_else(|| refusal::response("neither code nor error"))?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &login.redirect_uri()),
        ("code_verifier", &attempt.code_verifier()),
    ];
    let tokens = parts.provider.exchange(endpoints, &parts.client, &form).await.map_err(no_tokens)?;
    let now = login.now();
    let (principal, grant) = identify(login, endpoints, tokens, &attempt.nonce, now, facts).await?;
    if !attempt.step_up.met_by(&principal, attempt.begun, now) {
        // To send the browser back would go round for ever: the provider was asked and did not do it.
        return Err(refusal::failed("the ID token has not the acr or auth_time that was asked for"));
    }
    let begun = now.min(issued_at(login, &principal).unwrap_or(now));
    let session = Session::new(principal.clone(), now, parts.lifetime, grant).begun(begun);
    let cookie = open_session(login, session, old, now).await?;
    telemetry::logged_in(login, &principal, facts);
    let reply = Reply::see_other(&parts.origin.url(&attempt.return_to));
    let reply = reply.ok_or_else(|| refusal::unfinished("the way back can't stand in a header"))?;
    Ok(reply.cookie(cookie))
}

/// The answer must come from the provider that the browser was sent to (RFC 9207 §2.4): mix-up.
fn check_issuer(wanted: &str, names_itself: bool, got: Option<&str>) -> Result<(), Rejection> {
    match got {
        Some(got) if got == wanted => Ok(()),
        None if !names_itself => Ok(()),
        Some(_) => Err(refusal::response("iss is another issuer")),
        None => Err(refusal::response("iss is missing")),
    }
}

/// The provider's own refusal (RFC 6749 §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6).
fn told(error: &str) -> Rejection {
    let cut: String = error.chars().take(100).collect();
    let cause = format!("the provider answered {}", gambeson_core::escape_controls(&cut));
    match error {
        "access_denied" | "login_required" | "interaction_required" | "consent_required" => {
            refusal::denied().cause(cause)
        }
        "server_error" | "temporarily_unavailable" => refusal::unfinished(cause),
        _ => refusal::failed(cause),
    }
}

fn no_tokens(error: ExchangeError) -> Rejection {
    match error {
        ExchangeError::Refused(_) => refusal::failed(error),
        ExchangeError::Malformed(_) | ExchangeError::ClientRefused(_) | ExchangeError::Unavailable(_) => {
            refusal::unfinished(error)
        }
    }
}

pub(super) fn no_identity(error: TokenError) -> Rejection {
    match error.kind() {
        TokenErrorKind::KeysUnavailable => refusal::unfinished(error),
        _ => refusal::failed(error),
    }
}

fn no_userinfo(error: UserinfoError) -> Rejection {
    match error {
        UserinfoError::Refused(why) => refusal::failed(why),
        UserinfoError::Unavailable(why) => refusal::unfinished(why),
    }
}

/// Who the tokens say it is.
async fn identify(
    login: &Login,
    endpoints: &Endpoints,
    tokens: Tokens,
    nonce: &Random,
    now: Timestamp,
    facts: &RequestFacts,
) -> Result<(Principal, Grant), Rejection> {
    let parts = login.parts();
    let id_token =
        tokens.id_token.as_deref().ok_or_else(|| refusal::failed("the provider gave no ID token"))?;
    let expected = login.expected(Some(nonce), &tokens.access_token, endpoints);
    let address = facts.peer().and_then(|peer| peer.address);
    let verified =
        id_token::verify(&parts.verifier, id_token, expected, address).await.map_err(no_identity)?;
    let ends_at = now.plus(parts.lifetime.absolute);
    let scope = tokens.scope.as_deref().unwrap_or(&parts.scope);
    let payload = verified.claims().unwrap_or_default().to_owned();
    let payload = userinfo::added(login, endpoints, &tokens.access_token, payload).await;
    let payload = payload.map_err(no_userinfo)?;
    let principal =
        identity::person(&payload, parts.verifier.policy(), ends_at, scope, None).map_err(no_identity)?;
    let grant = Grant {
        refresh_at: refresh_at(now, tokens.expires_in),
        scope: scope.into(),
        id_token: id_token.into(),
        refresh_token: tokens.refresh_token.map(SecretBytes::new),
    };
    Ok((principal, grant))
}

/// When the provider gave the ID token, by its own clock.
fn issued_at(login: &Login, principal: &Principal) -> Option<Timestamp> {
    let claims = Claims::read(principal.claims()?, login.parts().verifier.policy()).ok()?;
    claims.seconds("iat").map(Timestamp::from_unix_seconds)
}

/// A fifth of its life before its end, at least a minute; half of it where that is all there is.
pub(super) fn refresh_at(now: Timestamp, expires_in: Option<u64>) -> Option<Timestamp> {
    let life = Duration::from_secs(expires_in?);
    let ahead = (life / 5).max(Duration::from_secs(60)).min(life / 2);
    Some(now.plus(life.saturating_sub(ahead)))
}

/// A new id always, and the old session ends: nobody's planted cookie becomes a signed-in one.
async fn open_session(
    login: &Login,
    session: Session,
    old: Option<SessionKey>,
    now: Timestamp,
) -> Result<Option<HeaderValue>, Rejection> {
    let parts = login.parts();
    let id = Random::new(&*parts.entropy).map_err(refusal::unfinished)?;
    if let Some(old) = old {
        parts.store.remove(&old, None).wait().await.map_err(refusal::not_kept)?;
    }
    let created = parts.store.create(SessionKey::of(&id), session, now).wait().await;
    created.map_err(refusal::not_kept)?;
    Ok(parts.cookies.set(&parts.cookies.session, &id.text(), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_stands_once() {
        let answer = Answer::read(Some("code=a%20b&state=s&iss=https%3A%2F%2Fi&x=1&x=2")).unwrap();
        assert_eq!((answer.code.as_deref(), answer.iss.as_deref()), (Some("a b"), Some("https://i")));
        for twice in ["code=a&code=b", "state=a&state=a", "iss=&iss=", "error=a&error=b", "c%6fde=a&code=b"] {
            assert!(Answer::read(Some(twice)).is_none(), "{twice}");
        }
    }

    #[test]
    fn refreshed_before_the_end() {
        let at = |life| refresh_at(Timestamp::default(), Some(life)).unwrap().unix_seconds();
        assert_eq!((at(3_600), at(300), at(100), at(0)), (2_880, 240, 50, 0));
    }
}
