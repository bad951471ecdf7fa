//! A browser as far as cookies and redirects go, an app behind a log-in, and the provider.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{ManualClock, Profile, RequestFacts, SecretBytes, Timestamp};
use gambeson_oidc_auth::login::LoginBuilder;
use gambeson_oidc_auth::{Issuer, Login, LoginLayer, MemorySessions};
use gambeson_testing::{DevClient, DevIdp, RecordingAuditSink};
use http::{Method, Request, Response, header};
use tower::{Layer, ServiceExt, service_fn};

use crate::fake_issuer::START;

pub(crate) const ORIGIN: &str = "http://127.0.0.1:3000";

/// The provider, the clock of both sides, and what the log-in is made of.
pub(crate) struct Scene {
    pub(crate) idp: DevIdp,
    pub(crate) clock: ManualClock,
    pub(crate) audit: RecordingAuditSink,
    pub(crate) store: Arc<MemorySessions>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with_sessions(MemorySessions::new()).await
    }

    pub(crate) async fn with_sessions(store: MemorySessions) -> Self {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(START));
        let client = DevClient::confidential("notes-web", "s e%cret")
            .redirect_uri(format!("{ORIGIN}/login/callback"))
            .post_logout_redirect_uri(format!("{ORIGIN}/"));
        let idp =
            DevIdp::builder().audience("api").client(client).clock(clock.clone()).start().await.unwrap();
        Self { idp, clock, audit: RecordingAuditSink::new(), store: Arc::new(store) }
    }

    pub(crate) fn builder(&self) -> LoginBuilder {
        Login::builder(Issuer::discover(self.idp.issuer()), "notes-web")
            .client_secret(SecretBytes::new(&b"s e%cret"[..]))
            .public_origin(ORIGIN)
            .run_in(Profile::Development)
            .clock(Arc::new(self.clock.clone()))
            .store(self.store.clone())
            .audit(Arc::new(self.audit.clone()))
    }

    pub(crate) fn app(&self) -> App {
        App(LoginLayer::new(self.builder().build().unwrap()))
    }

    /// Action, outcome and reason of the audit events so far.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = self.audit.events().into_iter();
        events
            .map(|event| {
                let reason = event.reason.as_deref().map(|reason| format!(" {reason}")).unwrap_or_default();
                format!("{} {}{reason}", event.action, event.outcome.as_str())
            })
            .collect()
    }
}

/// Says who it is: a subject, `nobody`, or `nothing` where no layer ran.
#[derive(Clone)]
pub(crate) struct App(pub(crate) LoginLayer);

pub(crate) async fn who(request: Request<()>) -> Result<Response<Bytes>, Infallible> {
    let facts = RequestFacts::of(request.extensions()).cloned().unwrap_or_default();
    let who = match facts.authentication() {
        None => "nothing".to_owned(),
        Some(found) => found.principal().map_or("nobody".to_owned(), |found| found.subject().to_owned()),
    };
    Ok(Response::new(who.into()))
}

impl App {
    pub(crate) async fn ask(&self, request: Request<()>) -> Response<Bytes> {
        self.0.layer(service_fn(who)).oneshot(request).await.unwrap()
    }
}

/// Keeps cookies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn request(&self, method: Method, url: &str) -> Request<()> {
        let path = url.strip_prefix(ORIGIN).unwrap_or(url);
        let path = if path.is_empty() { "/" } else { path };
        let mut request = Request::builder().method(method).uri(path);
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        request.body(()).unwrap()
    }

    pub(crate) async fn send(&mut self, app: &App, request: Request<()>) -> Response<Bytes> {
        let answer = app.ask(request).await;
        self.keep(&answer);
        answer
    }

    pub(crate) async fn get(&mut self, app: &App, url: &str) -> Response<Bytes> {
        let request = self.request(Method::GET, url);
        self.send(app, request).await
    }

    pub(crate) async fn post(&mut self, app: &App, url: &str) -> Response<Bytes> {
        let request = self.request(Method::POST, url);
        self.send(app, request).await
    }

    pub(crate) fn keep(&mut self, answer: &Response<Bytes>) {
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Opens the log-in: the address at the provider.
    pub(crate) async fn leave(&mut self, app: &App, login: &str) -> String {
        location(&self.get(app, login).await)
    }

    /// The whole way: the last answer of the app.
    pub(crate) async fn sign_in(&mut self, scene: &Scene, app: &App, person: &str) -> Response<Bytes> {
        let url = self.leave(app, "/login").await;
        let back = scene.idp.sign_in(&url, person).unwrap();
        self.get(app, &back).await
    }

    /// Who the app says it is.
    pub(crate) async fn who(&mut self, app: &App) -> String {
        let answer = self.get(app, "/notes").await;
        assert_eq!(answer.status(), 200);
        String::from_utf8(answer.body().to_vec()).unwrap()
    }
}

#[track_caller]
pub(crate) fn location(answer: &Response<Bytes>) -> String {
    assert_eq!(answer.status(), 303, "{answer:?}");
    answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

/// Status and slug of a refusal.
#[track_caller]
pub(crate) fn refusal(answer: &Response<Bytes>) -> (u16, String) {
    let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    (answer.status().as_u16(), problem["code"].as_str().unwrap().to_owned())
}

/// A parameter of an address, decoded.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    form_urlencoded::parse(query.as_bytes())
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

/// The address with another value of a parameter; `None` takes it away.
pub(crate) fn with_parameter(url: &str, name: &str, value: Option<&str>) -> String {
    let (path, query) = url.split_once('?').unwrap();
    let mut out = form_urlencoded::Serializer::new(String::new());
    let others = form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found != name);
    out.extend_pairs(others);
    out.extend_pairs(value.map(|value| (name, value)));
    format!("{path}?{}", out.finish())
}
