//! What the provider answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION, ORIGIN, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::mint::{LIFETIME, Mint};
use super::state::State;
use super::{Fault, SigningAlgorithm};

type Answer = Response<Full<Bytes>>;
type Form = HashMap<String, String>;

/// The largest form that is read, in bytes.
const LARGEST_FORM: usize = 16 * 1024;

/// How late a slow answer is.
const SLOW: Duration = Duration::from_secs(10);

/// How much longer a huge answer is, in bytes.
const HUGE: usize = 8 << 20;

/// The provider is down: the connection is closed without an answer.
#[derive(Debug)]
pub(super) struct Down;

impl std::fmt::Display for Down {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the provider was told to be down")
    }
}

impl std::error::Error for Down {}

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
    if let Some(answer) = instead(fault, &state).await? {
        return Ok(answer);
    }
    let Ok(body) = Limited::new(body, LARGEST_FORM).collect().await else {
        return Ok(text(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large"));
    };
    let form: Form = url::form_urlencoded::parse(&body.to_bytes()).into_owned().collect();
    let answer = match (&parts.method, path) {
        (&Method::GET, "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server") => {
            metadata(&state.issuer, fault)
        }
        (&Method::GET, "/jwks") => jwks(&state, fault),
        (&Method::POST, "/token") => client_credentials(&state, &parts.headers, &form),
        (&Method::POST, _) if dev => control(&state, path, &parts.headers, &form),
        _ => text(StatusCode::NOT_FOUND, "no such endpoint"),
    };
    Ok(match fault {
        Fault::Huge => padded(answer).await,
        _ => answer,
    })
}

/// What a fault answers in place of everything.
async fn instead(fault: Fault, state: &State) -> Result<Option<Answer>, Down> {
    match fault {
        Fault::Down => return Err(Down),
        Fault::Slow => state.wait(SLOW).await,
        Fault::ServerError => return Ok(Some(text(StatusCode::INTERNAL_SERVER_ERROR, "told to fail"))),
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

async fn padded(answer: Answer) -> Answer {
    let (parts, body) = answer.into_parts();
    let mut long = body.collect().await.map(|whole| whole.to_bytes().to_vec()).unwrap_or_default();
    // Blanks after it leave JSON what it is: only a limit on the size refuses it.
    long.resize(long.len() + HUGE, b' ');
    Response::from_parts(parts, Full::from(long))
}

fn metadata(issuer: &str, fault: Fault) -> Answer {
    let named = if fault == Fault::WrongIssuer { "http://127.0.0.1:1" } else { issuer };
    json_answer(
        StatusCode::OK,
        &json!({
            "issuer": named,
            "jwks_uri": format!("{issuer}/jwks"),
            "token_endpoint": format!("{issuer}/token"),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "gambeson_dev_idp": true,
        }),
    )
}

fn jwks(state: &State, fault: Fault) -> Answer {
    match fault {
        Fault::EmptyJwks => json_answer(StatusCode::OK, &json!({ "keys": [] })),
        Fault::TruncatedJwks => {
            let whole = state.jwks().to_string();
            let half = whole.get(..whole.len() / 2).unwrap_or_default().to_owned();
            let mut answer = text(StatusCode::OK, half);
            set(&mut answer, CONTENT_TYPE, "application/json");
            answer
        }
        _ => json_answer(StatusCode::OK, &state.jwks()),
    }
}

/// RFC 6749 §4.4; errors as §5.2 has them.
fn client_credentials(state: &Arc<State>, headers: &HeaderMap, form: &Form) -> Answer {
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        Some(_) => return oauth_error(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        None => return oauth_error(StatusCode::BAD_REQUEST, "invalid_request"),
    }
    let posted = || Some((form.get("client_id")?.clone(), form.get("client_secret")?.clone()));
    let Some((id, secret)) = basic(headers).or_else(posted) else {
        return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    let same =
        |known: &str| aws_lc_rs::constant_time::verify_slices_are_equal(known.as_bytes(), secret.as_bytes());
    if !state.clients.iter().any(|(known, wanted)| *known == id && same(wanted).is_ok()) {
        return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    token_answer(Mint::new(Arc::clone(state)).service(&id), headers, form, false)
}

/// `client_secret_basic`: both parts are form-encoded within (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let plain = |part: &str| {
        // One value, not a form: what would end a name or a pair is part of it.
        let whole = part.replace('&', "%26").replace('=', "%3D");
        let decoded = url::form_urlencoded::parse(whole.as_bytes()).next();
        decoded.map(|(text, _)| text.into_owned()).unwrap_or_default()
    };
    Some((plain(id), plain(secret)))
}

fn control(state: &Arc<State>, path: &str, headers: &HeaderMap, form: &Form) -> Answer {
    let field = |name: &str| form.get(name).map(String::as_str);
    match path {
        "/dev/token" => match field("user").and_then(|name| state.person(name)) {
            Some(person) => {
                token_answer(Mint::new(Arc::clone(state)).user(&person.name), headers, form, true)
            }
            None => {
                let known: Vec<&str> = state.people.iter().map(|person| person.name.as_str()).collect();
                text(StatusCode::BAD_REQUEST, format!("user must be one of: {}", known.join(", ")))
            }
        },
        "/dev/rotate" => match state.rotate(field("keep_old") == Some("true")) {
            Ok(()) => json_answer(StatusCode::OK, &state.jwks()),
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "no new keys could be made"),
        },
        "/dev/fault" => match field("mode").and_then(Fault::from_name) {
            Some(fault) => {
                state.set_fault(fault);
                no_content()
            }
            None => text(
                StatusCode::BAD_REQUEST,
                "mode must be none, down, slow, 500, html, truncated_jwks, \
                empty_jwks, huge, redirect, wrong_issuer or wrong_kid",
            ),
        },
        "/dev/clock" => match field("advance").and_then(|seconds| seconds.parse().ok()) {
            Some(seconds) => {
                state.advance(Duration::from_secs(seconds));
                no_content()
            }
            None => text(StatusCode::BAD_REQUEST, "advance must be a number of seconds"),
        },
        _ => text(StatusCode::NOT_FOUND, "no such endpoint"),
    }
}

/// RFC 6749 §5.1, or the bare token for who asks for plain text and may.
fn token_answer(mint: Mint, headers: &HeaderMap, form: &Form, bare: bool) -> Answer {
    let Some(algorithm) =
        form.get("alg").map_or(Some(SigningAlgorithm::Rs256), |name| SigningAlgorithm::from_name(name))
    else {
        return text(StatusCode::BAD_REQUEST, "alg must be RS256 or ES256");
    };
    let Some(lifetime) = form
        .get("expires_in")
        .map_or(Some(LIFETIME), |seconds| seconds.parse().ok().map(Duration::from_secs))
    else {
        return text(StatusCode::BAD_REQUEST, "expires_in must be a number of seconds");
    };
    let scope = form.get("scope").map_or("openid", String::as_str);
    let mut mint = mint.algorithm(algorithm).expires_in(lifetime).scope(scope);
    if let Some(audience) = form.get("audience").or_else(|| form.get("resource")) {
        mint = mint.audience(audience.as_str());
    }
    let token = mint.token();
    let wants_text = headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain"));
    if bare && wants_text {
        return text(StatusCode::OK, token);
    }
    let body = json!({
        "access_token": token, "token_type": "Bearer", "expires_in": lifetime.as_secs(), "scope": scope,
    });
    json_answer(StatusCode::OK, &body)
}

/// Whether the request names this machine, once in `Host` and, if it has one, in its target (RFC 9112 §3.2.2); other
/// names may be rebound to it by a page's own name server. The port does not matter: it may be forwarded.
fn loopback_only(parts: &http::request::Parts) -> bool {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).and_then(|host| host.parse().ok());
    let one = hosts.next().is_none() && host.as_ref().is_some_and(loopback_name);
    one && parts.uri.authority().is_none_or(loopback_name)
}

fn loopback_name(authority: &http::uri::Authority) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host().trim_matches(['[', ']']);
    let loopback = name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || name.eq_ignore_ascii_case("localhost")
}

/// Whether no page of another origin sends it (Fetch Metadata; `Origin` for those without).
fn own_origin(headers: &HeaderMap, issuer: &str) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    let same_origin = sites.all(|site| site == "same-origin" || site == "none");
    same_origin && headers.get_all(ORIGIN).iter().all(|origin| origin == issuer)
}

fn oauth_error(status: StatusCode, code: &str) -> Answer {
    let mut answer = json_answer(status, &json!({ "error": code }));
    if status == StatusCode::UNAUTHORIZED {
        set(&mut answer, WWW_AUTHENTICATE, "Basic realm=\"dev\"");
    }
    answer
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    let mut answer = text(status, body.to_string());
    set(&mut answer, CONTENT_TYPE, "application/json");
    answer
}

fn no_content() -> Answer {
    text(StatusCode::NO_CONTENT, "")
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    set(&mut answer, CONTENT_TYPE, "text/plain; charset=utf-8");
    set(&mut answer, CACHE_CONTROL, "no-store");
    set(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer
}

fn set(answer: &mut Answer, name: http::HeaderName, value: &'static str) {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}
