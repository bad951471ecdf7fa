//! Whatever a provider does, over real HTTP, to a log-in, to introspection and to tokens for other services: the answer, what
//! the log tells whoever has to mend it, and how much is read. What it does to verification is in `misbehaviour.rs`.

use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Profile, SecretBytes};
use gambeson_oidc_auth::outgoing::TokenSource;
use gambeson_oidc_auth::{
    AuthLayer, CacheConfig, ClientAuth, Introspection, Issuer, Login, LoginLayer, Verifier,
};
use gambeson_testing::eventually;
use http::{Response, header};
use serde_json::{Value, json};

use crate::bound::sender::{request, send};
use crate::log;
use crate::login::browser::{App, Browser, ORIGIN, parameter};
use crate::misbehaving_server::{Misbehaviour, Server};
use crate::outgoing::api::{Api, UNAVAILABLE, to_api};
use crate::signer::Signer;

const DEADLINE: Duration = Duration::from_millis(400);

/// At most 256 KiB of an answer are read; the rest of this is what the kernel holds on both sides of a connection.
const MOST_SENT: usize = 16 << 20;

/// What each way of misbehaving at an endpoint puts into the log, in the words of all three.
const AT_AN_ENDPOINT: [(Misbehaviour, &str); 6] = [
    (Misbehaviour::Hangs, "deadline passed"),
    (Misbehaviour::Error500, "answered 500"),
    (Misbehaviour::Flood, "larger than allowed"),
    (Misbehaviour::Endless, "larger than allowed"),
    (Misbehaviour::Redirect, r#"answered 302, to "https://moved.example/""#),
    (Misbehaviour::Html, "page for people"),
];

/// The same for the discovery document, which may name another issuer too.
const AT_THE_DOCUMENT: [(Misbehaviour, &str); 7] = {
    let [a, b, c, d, e, f] = AT_AN_ENDPOINT;
    [a, b, c, d, e, f, (Misbehaviour::OtherIssuer, "https://other.example")]
};

struct Scene {
    server: Server,
    signer: Signer,
}

impl Scene {
    async fn new() -> Self {
        log::listen();
        let signer = Signer::es256("k");
        let server = Server::start(vec![signer.jwk()]).await;
        Self { server, signer }
    }

    fn issuer(&self) -> Issuer {
        Issuer::discover(self.server.issuer())
    }

    /// The server misbehaves in this way from now on, and nothing was told of it yet.
    fn begin(&self, path: &'static str, way: Misbehaviour) {
        self.server.behave_at(path, way);
        let _ = (log::lines(), self.server.sent(), self.server.forms());
    }

    /// All of these stand in the log, which does not grow, and no more was read than is allowed.
    #[track_caller]
    fn told(&self, way: Misbehaviour, wanted: &[&str]) {
        // Some fields stand in quotes, some don't.
        let (lines, sent) = (log::lines().replace('\\', ""), self.server.sent());
        let missing = wanted.iter().find(|part| !lines.contains(**part));
        assert!(missing.is_none(), "{way:?}: no {missing:?} in\n{lines}");
        assert!(lines.contains("WARN "), "{way:?}: nobody is woken by\n{lines}");
        assert!(lines.lines().count() < 20 && lines.len() < 20_000, "{way:?}: a log that grows\n{lines}");
        assert!(sent < MOST_SENT, "{way:?}: {sent} bytes were taken");
    }

    fn login(&self) -> App {
        let login = Login::builder(self.issuer(), "web")
            .client_secret(SecretBytes::new(&b"secret"[..]))
            .public_origin(ORIGIN)
            .run_in(Profile::Development)
            .deadline(DEADLINE);
        App(LoginLayer::new(login.build().unwrap()))
    }

    /// Where the browser comes back to, with the token endpoint ready for it.
    async fn return_to(&self, app: &App, browser: &mut Browser) -> String {
        let url = browser.leave(app, "/login").await;
        let now = self.server.now();
        let claims = json!({
            "iss": self.server.issuer(), "aud": "web", "sub": "alice", "iat": now, "exp": now + 300,
            "nonce": parameter(&url, "nonce"),
        });
        let header = json!({"alg": self.signer.alg, "kid": "k", "typ": "JWT"});
        let id_token = self.signer.token_of(&header.to_string(), &claims.to_string());
        self.server.answers(
            "/token",
            json!({"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": id_token}),
        );
        format!("{ORIGIN}/login/callback?code=c&state={}", parameter(&url, "state").unwrap())
    }

    /// A log-in during which the server misbehaves.
    async fn sign_in(&self, app: &App, path: &'static str, way: Misbehaviour) -> Response<Bytes> {
        let mut browser = Browser::default();
        self.server.behave_at(path, Misbehaviour::None);
        let early = self.return_to(app, &mut browser).await;
        self.begin(path, way);
        // The provider's own clock makes its tokens.
        let back = match way {
            Misbehaviour::Clock(_) => self.return_to(app, &mut browser).await,
            _ => early,
        };
        let answer = browser.get(app, &back).await;
        let who = browser.who(app).await;
        assert_eq!(who, if answer.status() == 303 { "alice" } else { "nobody" }, "{way:?}");
        answer
    }

    fn opaque(&self) -> AuthLayer {
        let client = ClientAuth::secret("api", SecretBytes::new(&b"secret"[..]));
        let url = format!("{}/introspect", self.server.issuer());
        let opaque = Introspection::builder(self.issuer(), url, client)
            .audience("api")
            .run_in(Profile::Development)
            .deadline(DEADLINE)
            .cache(CacheConfig::off());
        let verifier = Verifier::builder(self.issuer()).audience("api").run_in(Profile::Development);
        AuthLayer::required(verifier.build().unwrap()).introspect(opaque.build().unwrap())
    }

    /// What the server says of tokens, and what becomes of one.
    async fn introspect(&self, layer: &AuthLayer, token: &str, more: (&str, Value)) -> u16 {
        let now = self.server.now();
        let mut answer = json!({
            "active": true, "sub": "alice", "aud": "api", "client_id": "web", "iat": now, "exp": now + 300,
        });
        answer[more.0] = more.1;
        self.server.answers("/introspect", answer);
        let answer = send(layer, request(&format!("Bearer {token}"), &[])).await;
        let status = answer.status().as_u16();
        assert_eq!(status == 503, answer.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(status == 401, answer.headers().contains_key(header::WWW_AUTHENTICATE));
        status
    }

    fn source(&self) -> TokenSource {
        self.server
            .answers("/token", json!({"access_token": "t", "token_type": "Bearer", "expires_in": 300}));
        let client = ClientAuth::secret("billing", SecretBytes::new(&b"secret"[..]));
        let builder = TokenSource::client_credentials(self.issuer(), client);
        builder.run_in(Profile::Development).deadline(DEADLINE).build().unwrap()
    }
}

const PLAIN: (&str, Value) = ("active", Value::Bool(true));

#[tokio::test]
async fn a_log_in_whose_token_endpoint_misbehaves_is_put_off_and_can_begin_again() {
    for (way, words) in AT_AN_ENDPOINT {
        let scene = Scene::new().await;
        let app = scene.login();
        let answer = scene.sign_in(&app, "/token", way).await;
        assert_eq!(answer.status(), 503, "{way:?}");
        assert!(!answer.headers().contains_key(header::RETRY_AFTER), "{way:?}: its answer counts once");
        scene.told(way, &["login-unavailable", "/token", words]);
        assert_eq!(scene.server.forms(), 1, "{way:?}: a code is sent once");
        assert_eq!(scene.sign_in(&app, "", Misbehaviour::None).await.status(), 303, "{way:?}");
    }
}

#[tokio::test]
async fn a_log_in_whose_keys_or_clock_are_wrong_signs_nobody_in() {
    for (path, way, status, words) in [
        ("/jwks", Misbehaviour::Hangs, 503, &["login-unavailable", "deadline passed"][..]),
        ("/jwks", Misbehaviour::Endless, 503, &["login-unavailable", "larger than allowed"]),
        ("/jwks", Misbehaviour::EmptySet, 503, &["login-unavailable", "publishes no key"]),
        ("/jwks", Misbehaviour::HalfBroken, 303, &["keys skipped", "member of a wrong type"]),
        ("", Misbehaviour::Clock(3_600), 400, &["login-failed", "in the future", "synchronise"]),
        ("", Misbehaviour::Clock(-3_600), 400, &["login-failed", "expired 33", "synchronise"]),
    ] {
        let scene = Scene::new().await;
        let app = scene.login();
        assert_eq!(scene.sign_in(&app, path, way).await.status(), status, "{path} {way:?}");
        scene.told(way, words);
        let recovered = eventually(Duration::from_secs(10), || async {
            (scene.sign_in(&app, "", Misbehaviour::None).await.status() == 303).then_some(())
        });
        assert!(recovered.await.is_some(), "{path} {way:?}: it does not recover");
    }
}

#[tokio::test]
async fn a_log_in_can_not_begin_while_the_document_is_wrong() {
    for (way, words) in AT_THE_DOCUMENT {
        let scene = Scene::new().await;
        let app = scene.login();
        scene.begin("/.well-known", way);
        let answer = Browser::default().get(&app, "/login").await;
        assert_eq!(answer.status(), 503, "{way:?}");
        assert!(answer.headers().contains_key(header::RETRY_AFTER), "{way:?}");
        scene.told(way, &["login-unavailable", words]);
        scene.server.behave(Misbehaviour::None);
        let recovered = eventually(Duration::from_secs(10), || async {
            (Browser::default().get(&app, "/login").await.status() == 303).then_some(())
        });
        assert!(recovered.await.is_some(), "{way:?}: it does not recover");
    }
}

#[tokio::test]
async fn an_opaque_token_is_never_refused_for_a_fault_of_its_issuer() {
    for (way, words) in AT_AN_ENDPOINT {
        let scene = Scene::new().await;
        let layer = scene.opaque();
        scene.begin("/introspect", way);
        assert_eq!(scene.introspect(&layer, "opaque", PLAIN).await, 503, "{way:?}");
        scene.told(way, &["introspection-unavailable", "/introspect", words]);
        scene.server.behave(Misbehaviour::None);
        assert_eq!(scene.introspect(&layer, "opaque", PLAIN).await, 200, "{way:?}: at once, the same token");
    }
}

#[tokio::test]
async fn what_an_issuer_says_of_an_opaque_token_must_fit() {
    let scene = Scene::new().await;
    let layer = scene.opaque();
    for (token, more, reason) in [
        ("a", ("iss", json!("https://other.example")), r#"reason="issuer""#),
        ("b", ("aud", json!("another")), r#"reason="audience""#),
    ] {
        scene.begin("", Misbehaviour::None);
        assert_eq!(scene.introspect(&layer, token, more).await, 401);
        scene.told(Misbehaviour::None, &[reason]);
    }
    for (token, ahead, words) in [("c", 3_600, "in the future"), ("d", -3_600, "expired 33")] {
        scene.begin("", Misbehaviour::Clock(ahead));
        assert_eq!(scene.introspect(&layer, token, PLAIN).await, 401);
        let lines = log::lines();
        assert!(lines.contains(words), "{lines}");
    }
}

#[tokio::test]
async fn a_request_without_its_token_is_not_sent_and_is_once_the_provider_is_well() {
    let at = |path| move |(way, words)| (path, way, words);
    let rows = AT_AN_ENDPOINT.map(at("/token")).into_iter().chain(AT_THE_DOCUMENT.map(at("/.well-known")));
    for (path, way, words) in rows {
        let scene = Scene::new().await;
        let (source, api) = (scene.source(), Api::default());
        let layer = to_api(&source);
        scene.begin(path, way);
        assert_eq!(api.get(&layer).await, UNAVAILABLE, "{path} {way:?}");
        // Which of its two deadlines passes first, the exchange's or the source's, is chance.
        let issuer = scene.server.issuer();
        let words = if way == Misbehaviour::Hangs { &issuer } else { words };
        scene.told(way, &["outgoing token could not be renewed", words]);
        assert!(api.seen().is_empty(), "{path} {way:?}: nothing went out");
        scene.server.behave(Misbehaviour::None);
        let recovered = eventually(Duration::from_secs(10), || async {
            (api.get(&layer).await == Ok(200)).then_some(())
        });
        assert!(recovered.await.is_some(), "{path} {way:?}: it does not recover");
    }
}

#[tokio::test]
async fn an_hour_of_skew_is_nothing_to_tokens_for_other_services() {
    for ahead in [3_600, -3_600] {
        let scene = Scene::new().await;
        let (source, api) = (scene.source(), Api::default());
        scene.begin("", Misbehaviour::Clock(ahead));
        assert_eq!(api.get(&to_api(&source)).await, Ok(200), "their life is told in seconds from now");
    }
}
