//! The way out: a browser is sent to the provider.

use form_urlencoded::Serializer;
use gambeson_core::{RequestFacts, RequestHead};
use http::{HeaderMap, HeaderValue, Method};

use super::attempt::{Attempt, MOST};
use super::handle::Login;
use super::provider::Endpoints;
use super::refusal;
use super::step::{Outcome, Reply, Step};
use crate::keys::Network;
use crate::step_up::StepUp;

/// More cookies than this are not looked at.
const MOST_COOKIES: usize = 32;

/// GET, as a navigation of the whole page: not of a frame, a script or a prefetch.
pub(super) fn begin(login: &Login, head: &RequestHead<'_>, facts: &RequestFacts) -> Step {
    if *head.method != Method::GET {
        return Step::Done(Err(refusal::method("GET")));
    }
    if !is_navigation(head.headers) {
        return Step::Done(Err(refusal::navigation_only()));
    }
    let asked = return_to(head.uri.query());
    let return_to = login.parts().paths.after(asked.as_deref()).to_owned();
    let step_up = StepUp::read(head.uri.query());
    if let Err(context) = login.may_ask_for(&step_up) {
        return Step::Done(Err(refusal::unlisted(context)));
    }
    let stale = stale_attempts(login, head.headers);
    match login.parts().provider.warm() {
        Some(endpoints) => Step::Done(redirect(login, &endpoints, &return_to, step_up, stale)),
        None => {
            let (login, network) = (login.clone(), network(facts));
            Step::Later(Box::pin(async move {
                let endpoints = login.parts().provider.endpoints(network).await;
                let endpoints = endpoints.map_err(refusal::unavailable)?;
                redirect(&login, &endpoints, &return_to, step_up, stale)
            }))
        }
    }
}

/// With whom the browser shares places.
pub(super) fn network(facts: &RequestFacts) -> Network {
    Network::of(facts.peer().and_then(|peer| peer.address))
}

/// Browsers without Fetch Metadata are let pass: what comes of it is a redirect and a cookie.
fn is_navigation(headers: &HeaderMap) -> bool {
    let is =
        |name, wanted: &[u8]| headers.get(name).is_none_or(|value: &HeaderValue| value.as_bytes() == wanted);
    is("sec-fetch-mode", b"navigate")
        && is("sec-fetch-dest", b"document")
        && !headers.contains_key("sec-purpose")
}

/// The last one counts for nothing if there are two.
fn return_to(query: Option<&str>) -> Option<String> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut found = pairs.filter(|(name, _)| name == "return_to").map(|(_, value)| value.into_owned());
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

/// `Set-Cookie` values that clear what is over, junk, or too many: the oldest go.
fn stale_attempts(login: &Login, headers: &HeaderMap) -> Vec<HeaderValue> {
    let now = login.now();
    let mut live = Vec::new();
    let mut gone = Vec::new();
    for (mark, sealed) in login.parts().cookies.attempts(headers).take(MOST_COOKIES) {
        match open(login, mark, sealed).filter(|attempt| attempt.is_fresh(now, login.leeway())) {
            Some(attempt) => live.push((attempt.begun, mark)),
            None => gone.push(mark),
        }
    }
    live.sort_unstable();
    let too_many = (live.len() + 1).saturating_sub(MOST);
    gone.extend(live.into_iter().take(too_many).map(|(_, mark)| mark));
    let cookies = &login.parts().cookies;
    gone.into_iter().filter_map(|mark| cookies.clear(&cookies.attempt_name(mark))).collect()
}

/// What a sealed attempt is bound to: its cookie, this client and this way back.
fn bound(login: &Login, mark: &str) -> String {
    format!("{mark} {} {}", login.parts().client.id(), login.redirect_uri())
}

pub(super) fn open(login: &Login, mark: &str, sealed: &str) -> Option<Attempt> {
    let plain = login.parts().sealer.open(sealed, &bound(login, mark))?;
    Attempt::from_bytes(&plain)
}

fn redirect(
    login: &Login,
    endpoints: &Endpoints,
    return_to: &str,
    step_up: StepUp,
    stale: Vec<HeaderValue>,
) -> Outcome {
    let parts = login.parts();
    let attempt = Attempt::begin(return_to, step_up, login.now(), &*parts.entropy);
    let attempt = attempt.map_err(refusal::unavailable)?;
    let state = attempt.state.text();
    let mark = Attempt::mark(&state);
    let sealed = parts
        .sealer
        .seal(attempt.to_bytes(), &bound(login, mark), &*parts.entropy)
        .map_err(refusal::unavailable)?;
    let cookie = parts.cookies.set(&parts.cookies.attempt_name(mark), &sealed, Some(super::attempt::LIFE));
    let reply = Reply::see_other(&authorize(login, endpoints, &attempt, &state))
        .ok_or_else(|| refusal::unavailable("the authorization endpoint can't stand in a header"))?;
    Ok(stale.into_iter().fold(reply.cookie(cookie), |reply, stale| reply.cookie(Some(stale))))
}

/// The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core 1.0 §3.1.2.1). A refresh token that
/// outlives the visit is given by consent only (§11): without `prompt` providers leave `offline_access` out silently.
fn authorize(login: &Login, endpoints: &Endpoints, attempt: &Attempt, state: &str) -> String {
    let parts = login.parts();
    let (back, nonce, challenge) = (login.redirect_uri(), attempt.nonce.text(), attempt.code_challenge());
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", parts.client.id()),
        ("redirect_uri", &back),
        ("scope", &parts.scope),
        ("state", state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    if parts.scope.split(' ').any(|scope| scope == "offline_access") {
        pairs.push(("prompt", "consent"));
    }
    pairs.extend(parts.parameters.iter().map(|(name, value)| (&**name, &**value)));
    let step_up = attempt.step_up.parameters();
    pairs.extend(step_up.iter().map(|(name, value)| (*name, &**value)));
    with_query(&endpoints.authorize, &pairs)
}

/// The address with these parameters behind those it has (RFC 6749 §3.1).
pub(super) fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let mut out = url.to_owned();
    out.push(if url.contains('?') { '&' } else { '?' });
    let start = out.len();
    Serializer::for_suffix(out, start).extend_pairs(pairs).finish()
}
