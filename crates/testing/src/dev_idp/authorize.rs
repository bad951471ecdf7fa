//! The authorization endpoint (OpenID Connect Core §3.1.2, RFC 6749 §4.1.1).

use http::{HeaderMap, StatusCode};
use url::Url;

use super::Fault;
use super::answer::{Answer, page, see_other, text, with_cookie};
use super::authorization_request::{AuthorizationRequest, Refused};
use super::form::Form;
use super::grant::{Binding, Grant};
use super::own_page::own_page;
use super::page::Page;
use super::session::{Session, cookie, cookie_name};
use super::state::State;

/// `GET` or `POST /authorize`: a code for who is signed in already, else the page that asks.
pub(super) fn authorize(state: &State, headers: &HeaderMap, form: &Form) -> Answer {
    let request = match AuthorizationRequest::parse(state, form) {
        Ok(request) => request,
        Err(refused) => return refusal(state, refused),
    };
    let session = state.tables().sessions.find(cookie(headers, &cookie_name(&state.issuer)), state.now());
    match session.filter(|session| request.is_content_with(session, state.now())) {
        Some(session) => granted(state, &request, session),
        None if request.silent() => refusal(state, request.refused("login_required", "nobody is signed in")),
        None => {
            let sign_in = Page::sign_in(&request.client.id, &form.query(), &state.people, request.hint());
            page(StatusCode::OK, &sign_in, Some(&request.redirect_uri))
        }
    }
}

/// `POST /sign-in`: what the page's buttons send.
pub(super) fn sign_in(state: &State, headers: &HeaderMap, form: &Form) -> Answer {
    if !own_page(headers, &state.issuer) {
        return text(StatusCode::FORBIDDEN, "not for pages of another origin");
    }
    let request = Form::parse(form.get("request").unwrap_or_default().as_bytes());
    let request = match AuthorizationRequest::parse(state, &request) {
        Ok(request) => request,
        Err(refused) => return refusal(state, refused),
    };
    let Some(person) = form.get("user").and_then(|name| state.person(name)) else {
        return page(StatusCode::BAD_REQUEST, &Page::refusal("the provider knows nobody of that name"), None);
    };
    let name = cookie_name(&state.issuer);
    let signed_in = state.tables().sessions.sign_in(cookie(headers, &name), &person.name, state.now());
    match signed_in {
        Ok((cookie, session)) => with_cookie(granted(state, &request, session), &name, &cookie),
        Err(_) => refusal(state, request.refused("server_error", "the system has no randomness")),
    }
}

fn granted(state: &State, request: &AuthorizationRequest, session: Session) -> Answer {
    let grant = Grant {
        client: request.client.id.clone(),
        person: session.person,
        scope: request.scope.clone(),
        nonce: request.nonce.clone(),
        auth_time: session.auth_time,
        sid: session.sid,
    };
    let binding =
        Binding { redirect_uri: request.exact_redirect_uri.clone(), challenge: request.challenge.clone() };
    let code = state.tables().grants.code(grant, binding, state.now());
    match code {
        Ok(code) => back(state, &request.redirect_uri, request.state.as_deref(), &[("code", &code)]),
        Err(_) => refusal(state, request.refused("server_error", "the system has no randomness")),
    }
}

fn refusal(state: &State, refused: Refused) -> Answer {
    match refused {
        Refused::Page(why) => page(StatusCode::BAD_REQUEST, &Page::refusal(&why), None),
        Refused::Redirect { redirect_uri, state: value, error, description } => {
            let fields = [("error", error), ("error_description", description)];
            back(state, &redirect_uri, value.as_deref(), &fields)
        }
    }
}

/// Back to the client, with its state and the issuer's name (RFC 9207).
fn back(state: &State, redirect_uri: &Url, value: Option<&str>, fields: &[(&str, &str)]) -> Answer {
    let mut to = redirect_uri.clone();
    let fault = state.fault();
    {
        let mut query = to.query_pairs_mut();
        query.extend_pairs(fields);
        match fault {
            Fault::WrongState => query.extend_pairs([("state", "another-state")]),
            _ => query.extend_pairs(value.map(|value| ("state", value))),
        };
        match fault {
            Fault::NoResponseIssuer => &mut query,
            Fault::WrongResponseIssuer => query.append_pair("iss", "http://127.0.0.1:1"),
            _ => query.append_pair("iss", &state.issuer),
        };
    }
    see_other(&to)
}
