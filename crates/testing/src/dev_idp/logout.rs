//! The end session endpoint (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value};
use url::Url;

use super::Fault;
use super::answer::{Answer, page, see_other, text, with_cookie};
use super::form::Form;
use super::own_page::own_page;
use super::page::Page;
use super::session::{cookie, cookie_name};
use super::state::State;
use super::{backchannel, own_token};

/// `GET` or `POST /logout`. Whoever shows an ID token of the session is not asked; others are.
pub(super) fn logout(state: &Arc<State>, method: &Method, headers: &HeaderMap, form: &Form) -> Answer {
    let confirmed = form.has("confirm") && *method == Method::POST;
    if confirmed && !own_page(headers, &state.issuer) {
        return text(StatusCode::FORBIDDEN, "not for pages of another origin");
    }
    let carried = confirmed.then(|| Form::parse(form.get("request").unwrap_or_default().as_bytes()));
    let request = carried.as_ref().unwrap_or(form);
    let hint = match request.get("id_token_hint").map(|hint| own_token::id_token_claims(state, hint)) {
        Some(None) => return refused("id_token_hint is not of this provider"),
        Some(Some(claims)) => Some(claims),
        None => None,
    };
    let to = match place(state, request, hint.as_ref()) {
        Ok(to) => to,
        Err(why) => return refused(why),
    };
    let name = cookie_name(&state.issuer);
    let own = state.tables().sessions.find(cookie(headers, &name), state.now()).map(|session| session.sid);
    let hinted = hint.and_then(|claims| Some(claims.get("sid")?.as_str()?.to_owned()));
    if hinted.is_none() && own.is_some() && !confirmed {
        return page(StatusCode::OK, &Page::sign_out(&request.query()), to.as_ref());
    }
    let ended = hinted.or_else(|| own.clone());
    ended.iter().for_each(|sid| backchannel::tell_behind(state, &state.end_session(sid)));
    let answer = match to {
        Some(to) => see_other(&to),
        None => page(StatusCode::OK, &Page::signed_out(), None),
    };
    match own.is_some() && ended == own {
        true => with_cookie(answer, &name, ""),
        false => answer,
    }
}

/// Where the browser goes afterwards: nowhere, or a place that the client registered (§3).
fn place(
    state: &State,
    request: &Form,
    hint: Option<&Map<String, Value>>,
) -> Result<Option<Url>, &'static str> {
    if request.repeats() {
        return Err("a parameter comes more than once");
    }
    let hinted = hint.and_then(|claims| claims.get("aud")?.as_str());
    let named = request.get("client_id");
    if hinted.is_some() && named.is_some() && hinted != named {
        return Err("client_id is not the audience of id_token_hint");
    }
    let Some(uri) = request.get("post_logout_redirect_uri") else { return Ok(None) };
    let client = hinted.or(named).and_then(|id| state.client(id));
    if !client.is_some_and(|client| client.returns_to(uri)) {
        return Err("post_logout_redirect_uri is not one of the client; they are compared byte by byte");
    }
    let mut to = Url::parse(uri).map_err(|_| "post_logout_redirect_uri is not an address")?;
    let value = match state.fault() {
        Fault::WrongLogoutState => Some("another-state"),
        Fault::NoLogoutState => None,
        _ => request.get("state"),
    };
    if let Some(value) = value {
        to.query_pairs_mut().append_pair("state", value);
    }
    Ok(Some(to))
}

fn refused(why: &str) -> Answer {
    page(StatusCode::BAD_REQUEST, &Page::refusal(why), None)
}
