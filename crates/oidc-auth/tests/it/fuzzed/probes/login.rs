//! A browser's requests to a log-in: nobody is signed in by cookies alone, and nobody is sent elsewhere.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use gambeson_core::{FixedEntropy, RequestFacts, SecretBytes};
use gambeson_oidc_auth::{Issuer, Login, LoginLayer, MemorySessions};
use http::{HeaderValue, Request, Response, Uri, header};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, ServiceExt, service_fn};
use url::Url;

use super::key::{ISSUER, clock, encode, line};
use super::provider::{AUTHORIZE, Provider};
use super::sealed::{MARK, SECRET, open, seal};

const ORIGIN: &str = "https://app.example.com";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());
static PROVIDER: LazyLock<Provider> = LazyLock::new(Provider::default);

/// The app, whose store forgets all but alice's last few sessions.
static LAYER: LazyLock<LoginLayer> = LazyLock::new(|| {
    let login = Login::builder(Issuer::discover(ISSUER), "web")
        .client_secret(SecretBytes::new(&b"secret"[..]))
        .public_origin(ORIGIN)
        .cookie_key(SecretBytes::new(&SECRET[..]))
        .clock(Arc::new(clock()))
        .timer(Arc::new(clock()))
        .entropy(Arc::new(FixedEntropy::starting_at(1)))
        .store(Arc::new(MemorySessions::new()))
        .transport(Arc::new(PROVIDER.clone()));
    LoginLayer::new(login.build().unwrap())
});

pub(super) fn wait_for<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// A first line that is no path is where a log-in is to end.
pub(crate) fn probe(bytes: &[u8]) -> bool {
    let (target, rest) = line(bytes);
    let (cookie, plain) = line(rest);
    let target = match target.first() {
        Some(b'/') => target.to_vec(),
        _ => format!("/login?return_to={}", escaped(target)).into_bytes(),
    };
    let Ok(uri) = Uri::try_from(target) else { return false };
    if plain.len() > 2_048 {
        return false;
    }
    PROVIDER.expect(encode(plain.get(41..73).unwrap_or_default()));
    let mut request = Request::get(uri).body(()).unwrap();
    if let Some(cookie) = filled(cookie, plain) {
        request.headers_mut().insert(header::COOKIE, cookie);
    }
    let answer = ask(request);
    check(&answer);
    answer.headers().get(header::LOCATION).is_some_and(|to| to.as_bytes().starts_with(ORIGIN.as_bytes()))
}

fn escaped(text: &[u8]) -> String {
    text.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "%{byte:02X}");
        out
    })
}

/// The cookies, with the sealed one put in where it was asked for.
fn filled(cookie: &[u8], plain: &[u8]) -> Option<HeaderValue> {
    let cookie = match std::str::from_utf8(cookie) {
        Ok(text) if text.contains("@sealed@") => {
            let sealed = format!("__Host-session-login-{MARK}={}", seal(plain));
            text.replace("@sealed@", &sealed).into_bytes()
        }
        _ => cookie.to_vec(),
    };
    HeaderValue::from_bytes(&cookie).ok().filter(|cookie| !cookie.is_empty())
}

fn ask(request: Request<()>) -> Response<Bytes> {
    let app = service_fn(async |request: Request<()>| {
        let facts = RequestFacts::of(request.extensions()).cloned().unwrap_or_default();
        let who = facts.principal().map_or("nobody".to_owned(), |who| who.subject().to_owned());
        Ok::<_, Infallible>(Response::new(Bytes::from(who)))
    });
    wait_for(LAYER.layer(app).oneshot(request)).unwrap()
}

fn check(answer: &Response<Bytes>) {
    match answer.status().as_u16() {
        200 => assert_eq!(answer.body(), "nobody", "signed in by nothing"),
        303 => check_redirect(answer),
        status => assert!(matches!(status, 400 | 403 | 405), "{status}"),
    }
    for cookie in answer.headers().get_all(header::SET_COOKIE) {
        let cookie = cookie.to_str().expect("ASCII");
        let (pair, marks) = cookie.split_once("; ").expect("marks");
        let (name, value) = pair.split_once('=').expect("name and value");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        assert!(name.starts_with("__Host-session") && value.bytes().all(plain), "{cookie}");
        assert!(marks.starts_with("Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
        if value.is_empty() {
            assert!(marks.ends_with("; Max-Age=0"), "{cookie}");
        } else if let Some(mark) = name.strip_prefix("__Host-session-login-") {
            check_attempt(value, mark);
        }
    }
}

/// To the provider, or back into the app as any browser reads it.
fn check_redirect(answer: &Response<Bytes>) {
    let location = answer.headers()[header::LOCATION].to_str().expect("ASCII");
    if !location.starts_with(&format!("{AUTHORIZE}?")) {
        assert!(location.starts_with(&format!("{ORIGIN}/")), "{location}");
        check_way_back(location);
    }
}

/// What a log-in that begins keeps as its end.
fn check_attempt(sealed: &str, mark: &str) {
    let plain = open(sealed, mark).expect("sealed as the probe seals");
    let way_back = std::str::from_utf8(&plain[105..]).expect("text");
    check_way_back(way_back);
}

fn check_way_back(way_back: &str) {
    let base = Url::parse(&format!("{ORIGIN}/login/callback")).unwrap();
    let url = base.join(way_back).expect("an address");
    assert_eq!(url.origin(), base.origin(), "{way_back}");
    assert!(!url.path().starts_with("//") && url.fragment().is_none(), "{way_back}");
    let (path, _) = way_back.split_once('?').unwrap_or((way_back, ""));
    let path = path.strip_prefix(ORIGIN).unwrap_or(path);
    assert_eq!(url.path().split('/').count(), path.split('/').count(), "segments are lost: {way_back}");
}
