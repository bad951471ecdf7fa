//! What the userinfo endpoint adds to the ID token.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gambeson_client::Client;
use gambeson_core::{BoxFuture, HttpTransport, Principal, TransportError, TransportLimits};
use gambeson_oidc_auth::LoginLayer;
use gambeson_testing::eventually;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, Response};

use super::browser::{App, Browser, Scene, location, refusal};
use super::sessions::principal;

/// What the provider says, at its userinfo and of ID tokens.
#[derive(Debug, Clone)]
struct Said {
    status: u16,
    kind: &'static str,
    text: String,
    gives_id_tokens: bool,
}

/// Asks the provider, which then says something else.
#[derive(Debug)]
struct Says {
    inner: Client,
    said: Arc<Mutex<Said>>,
}

fn without_id_token(body: &[u8]) -> Bytes {
    let mut answer: serde_json::Value = serde_json::from_slice(body).unwrap();
    answer.as_object_mut().unwrap().remove("id_token");
    answer.to_string().into()
}

impl HttpTransport for Says {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let path = request.uri().path();
        let (userinfo, tokens) = (path == "/userinfo", path == "/token");
        // As much as an ID token may have.
        assert!(!userinfo || limits.max_body == 64 << 10, "{limits:?}");
        assert!(!userinfo || request.headers()[AUTHORIZATION].is_sensitive());
        let (sent, said) = (self.inner.send(request, limits), self.said.lock().unwrap().clone());
        Box::pin(async move {
            let mut answer = sent.await?;
            if userinfo && answer.status() == 200 {
                answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(said.kind));
                *answer.body_mut() = said.text.into();
                *answer.status_mut() = said.status.try_into().unwrap();
            }
            if tokens && !said.gives_id_tokens {
                answer = answer.map(|body| without_id_token(&body));
            }
            Ok(answer)
        })
    }
}

/// An app that asks for userinfo, and what is said there.
struct House {
    scene: Scene,
    app: App,
    said: Arc<Mutex<Said>>,
}

impl House {
    async fn new(text: &str) -> Self {
        let scene = Scene::new().await;
        let (kind, text) = ("application/json", text.to_owned());
        let said = Arc::new(Mutex::new(Said { status: 200, kind, text, gives_id_tokens: true }));
        let transport = Says { inner: Client::builder().build().unwrap(), said: said.clone() };
        let login = scene.builder().transport(Arc::new(transport)).userinfo().build().unwrap();
        Self { scene, app: App(LoginLayer::new(login)), said }
    }

    fn edit(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().unwrap());
    }

    fn says(&self, kind: &'static str, text: &str) {
        self.edit(|said| (said.kind, said.text) = (kind, text.to_owned()));
    }

    fn asked(&self) -> usize {
        self.scene.idp.requests("/userinfo")
    }

    async fn sign_in(&self) -> (Browser, Response<Bytes>) {
        let mut browser = Browser::default();
        let answer = browser.sign_in(&self.scene, &self.app, "alice").await;
        (browser, answer)
    }
}

fn groups(principal: &Principal) -> Vec<&str> {
    principal.groups().collect()
}

#[tokio::test]
async fn what_it_says_is_added_and_the_token_wins() {
    let said =
        r#"{"sub":"alice","groups":["staff"],"roles":["root"],"acr":"gold","sid":"other","scope":"all"}"#;
    let house = House::new(said).await;
    let (browser, answer) = house.sign_in().await;
    location(&answer);
    assert_eq!(house.asked(), 1);
    let with = principal(&house.app, &browser).await;
    assert_eq!(groups(&with), ["staff"]);
    let app = house.scene.app();
    let mut browser = Browser::default();
    browser.sign_in(&house.scene, &app, "alice").await;
    assert_eq!(house.asked(), 1, "only who wants it");
    let without = principal(&app, &browser).await;
    assert_eq!(groups(&without), [""; 0]);
    assert!(with.roles().eq(without.roles()) && with.scopes().eq(without.scopes()));
    assert_eq!(with.acr(), without.acr());
    assert_ne!(with.session_id(), Some("other"));
}

#[tokio::test]
async fn no_other_answer_signs_anybody_in() {
    let house = House::new("").await;
    let good = r#"{"sub":"alice"}"#;
    for (kind, text, status, slug) in [
        ("application/json", r#"{"sub":"bob","groups":["staff"]}"#, 400, "login-failed"),
        ("application/json", r#"{"groups":["staff"]}"#, 400, "login-failed"),
        ("application/json", r#"{"sub":"bob","sub":"alice"}"#, 503, "login-unavailable"),
        ("application/json", "<html>", 503, "login-unavailable"),
        ("application/jwt", "e30.e30.AA", 503, "login-unavailable"),
        ("text/html", good, 503, "login-unavailable"),
    ] {
        house.says(kind, text);
        let (mut browser, answer) = house.sign_in().await;
        assert_eq!(refusal(&answer), (status, slug.into()), "{kind} {text}");
        assert_eq!(browser.who(&house.app).await, "nobody", "{kind} {text}");
    }
    assert_eq!(house.asked(), 6);
    house.says("application/json; charset=UTF-8", good);
    house.edit(|said| said.status = 403);
    let answer = house.sign_in().await.1;
    assert_eq!(refusal(&answer), (503, "login-unavailable".into()), "what comes with an error");
    house.edit(|said| said.status = 200);
    location(&house.sign_in().await.1);
}

#[tokio::test]
async fn each_refresh_asks_again() {
    let house = House::new(r#"{"sub":"alice","groups":["staff"]}"#).await;
    let (mut browser, _) = house.sign_in().await;
    let four_minutes = Duration::from_secs(240);
    house.says("application/json", r#"{"sub":"alice","groups":["board"]}"#);
    house.scene.clock.advance(four_minutes);
    let app = &house.app;
    assert_eq!(browser.who(app).await, "alice", "behind the request");
    let moved = || async { (groups(&principal(app, &browser).await) == ["board"]).then_some(()) };
    eventually(Duration::from_secs(10), moved).await.expect("the groups of now");
    house.says("text/html", "busy");
    house.scene.clock.advance(four_minutes);
    let asked = house.asked();
    assert_eq!(browser.who(app).await, "alice");
    eventually(Duration::from_secs(10), || async { (house.asked() > asked).then_some(()) }).await.unwrap();
    assert_eq!(groups(&principal(app, &browser).await), ["board"], "nobody knows: it goes on");
    house.says("application/json", r#"{"sub":"bob"}"#);
    house.scene.clock.advance(four_minutes);
    let before = principal(app, &browser).await;
    let ended = || async {
        // The refresh before may be at work still, and then the first request begins none.
        browser.clone().who(app).await;
        before.end_signal().has_ended().then_some(())
    };
    eventually(Duration::from_secs(10), ended).await.expect("of somebody else");
    assert_eq!(browser.who(app).await, "nobody");
    assert_eq!(house.scene.events().last().unwrap(), "session.refresh denied");
}

#[tokio::test]
async fn a_refresh_that_brings_no_id_token_asks_too() {
    let house = House::new(r#"{"sub":"alice","groups":["staff"]}"#).await;
    let (mut browser, _) = house.sign_in().await;
    house.edit(|said| said.gives_id_tokens = false);
    house.says("application/json", r#"{"sub":"alice","groups":["board"]}"#);
    house.scene.clock.advance(Duration::from_secs(240));
    let app = &house.app;
    assert_eq!(browser.who(app).await, "alice", "behind the request");
    let moved = || async { (groups(&principal(app, &browser).await) == ["board"]).then_some(()) };
    eventually(Duration::from_secs(10), moved).await.expect("the groups of now");
}
