//! Which request is answered by whom, and what goes wrong on the way.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;

use super::Fault;
use super::answer::{Answer, json_answer, set, text};
use super::authorize::{authorize, sign_in};
use super::control::{control, sign_out};
#[cfg(feature = "rp")]
use super::exchange::Exchange;
use super::form::Form;
use super::logout::logout;
use super::metadata::{jwks, jwks_path, metadata};
use super::state::State;
use super::token::{revoke, token};
use super::userinfo::userinfo;
use crate::dev_server::{Down, loopback_only, own_origin};

/// The largest form that is read, in bytes.
const LARGEST_FORM: usize = 16 * 1024;

/// How late a slow answer is.
const SLOW: Duration = Duration::from_secs(10);

/// How much longer a huge answer is, in bytes.
const HUGE: usize = 8 << 20;

pub(super) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Answer, Down> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    state.count(path);
    if !loopback_only(&parts) {
        return Ok(text(StatusCode::MISDIRECTED_REQUEST, "only for loopback hosts"));
    }
    let dev = path.starts_with("/dev/");
    if dev && !own_origin(&parts.headers, &state.issuer) {
        return Ok(text(StatusCode::FORBIDDEN, "not for pages of another origin"));
    }
    let fault = if dev { Fault::None } else { state.fault() };
    if let Some(answer) = instead(fault, path, &state).await? {
        return Ok(answer);
    }
    let Ok(body) = Limited::new(body, LARGEST_FORM).collect().await else {
        return Ok(text(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large"));
    };
    let (query, body) = (parts.uri.query().unwrap_or_default(), body.to_bytes());
    let form = match parts.method {
        Method::GET => Form::parse(query.as_bytes()),
        _ => Form::parse(&body),
    };
    let (method, headers) = (&parts.method, &parts.headers);
    let answer = match (method, path) {
        (&Method::GET, "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server") => {
            metadata(&state, fault)
        }
        (&Method::GET, path) if path == jwks_path(&state, fault) => jwks(&state, fault),
        (&Method::GET | &Method::POST, "/authorize") => authorize(&state, headers, &form),
        (&Method::POST, "/sign-in") => sign_in(&state, headers, &form),
        (&Method::POST, "/token") => token(&state, headers, &form),
        (&Method::POST, "/revoke") => revoke(&state, headers, &form),
        (&Method::GET | &Method::POST, "/userinfo") => userinfo(&state, headers, fault),
        (&Method::GET | &Method::POST, "/logout") => logout(&state, method, headers, &form),
        (&Method::GET, "/dev/requests") => json_answer(StatusCode::OK, &state.all_requests()),
        (&Method::POST, "/dev/sign-out") => sign_out(&state, &form).await,
        (&Method::POST, _) if dev => control(&state, path, headers, &form),
        _ => text(StatusCode::NOT_FOUND, "no such endpoint"),
    };
    #[cfg(feature = "rp")]
    if !dev {
        state.note(Exchange::new(&parts, &body, answer.status()));
    }
    Ok(match fault {
        Fault::Huge => padded(answer).await,
        _ => answer,
    })
}

/// What a fault answers in place of everything.
async fn instead(fault: Fault, path: &str, state: &State) -> Result<Option<Answer>, Down> {
    match fault {
        Fault::Down => return Err(Down),
        Fault::Slow => state.wait(SLOW).await,
        Fault::TokenHang if path == "/token" => std::future::pending().await,
        Fault::TokenError if path == "/token" => return Ok(Some(failed())),
        Fault::ServerError => return Ok(Some(failed())),
        Fault::Html => {
            let mut page = text(StatusCode::OK, "<!doctype html><title>Sign in</title>");
            set(&mut page, CONTENT_TYPE, "text/html");
            return Ok(Some(page));
        }
        Fault::Redirect => {
            let mut elsewhere = text(StatusCode::FOUND, "elsewhere");
            set(&mut elsewhere, LOCATION, "http://127.0.0.1:1/elsewhere");
            return Ok(Some(elsewhere));
        }
        _ => {}
    }
    Ok(None)
}

fn failed() -> Answer {
    text(StatusCode::INTERNAL_SERVER_ERROR, "told to fail")
}

async fn padded(answer: Answer) -> Answer {
    let (parts, body) = answer.into_parts();
    let mut long = body.collect().await.map(|whole| whole.to_bytes().to_vec()).unwrap_or_default();
    // Blanks after it leave JSON what it is: only a limit on the size refuses it.
    long.resize(long.len() + HUGE, b' ');
    Response::from_parts(parts, Full::from(long))
}
