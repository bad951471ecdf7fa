//! The log-in at a real, certified provider: npm `oidc-provider`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Clock, ManualClock, Profile, SecretBytes, SystemClock};
use gambeson_oidc_auth::login::LoginBuilder;
use gambeson_oidc_auth::{AuthLayer, Denylist, Issuer, Login, LoginLayer, MemorySessions, Reason, Verifier};
use gambeson_testing::{RecordingAuditSink, eventually};
use http::{Method, Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use super::browser::{Browser, ORIGIN, location, parameter, refusal, who, with_parameter};
use super::real_provider::{Person, RealProvider, SECRET};
use super::told::Port;

/// A page for people who are signed in, and the provider that signs them in.
struct Room {
    provider: RealProvider,
    clock: ManualClock,
    audit: RecordingAuditSink,
    store: Arc<MemorySessions>,
    login: LoginLayer,
    tokens: AuthLayer,
}

impl Room {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(change: impl FnOnce(LoginBuilder) -> LoginBuilder) -> Self {
        Self::at(RealProvider::start(), change)
    }

    fn at(provider: RealProvider, change: impl FnOnce(LoginBuilder) -> LoginBuilder) -> Self {
        let clock = ManualClock::at(SystemClock::new().now());
        let (audit, store) = (RecordingAuditSink::new(), Arc::new(MemorySessions::new()));
        let issuer = Issuer::discover(provider.issuer.as_str());
        let tokens = Verifier::builder(issuer.clone()).audience("hardened-notes");
        let tokens = AuthLayer::required(tokens.run_in(Profile::Development).build().unwrap());
        let login = Login::builder(issuer, "notes-web")
            .client_secret(SecretBytes::new(SECRET.as_bytes()))
            .public_origin(ORIGIN)
            .scopes(["profile", "offline_access"])
            .run_in(Profile::Development)
            .clock(Arc::new(clock.clone()))
            .store(store.clone())
            .audit(Arc::new(audit.clone()));
        let login = LoginLayer::new(change(login).build().unwrap()).beside(&tokens);
        Self { provider, clock, audit, store, login, tokens }
    }

    async fn ask(&self, browser: &mut Browser, method: Method, url: &str) -> Response<Bytes> {
        let request: Request<()> = browser.request(method, url);
        let app = self.login.layer(self.tokens.layer(service_fn(who)));
        let answer = app.oneshot(request).await.unwrap();
        browser.keep(&answer);
        answer
    }

    async fn get(&self, browser: &mut Browser, url: &str) -> Response<Bytes> {
        self.ask(browser, Method::GET, url).await
    }

    /// Status and body of the page.
    async fn page(&self, browser: &mut Browser) -> (u16, String) {
        let answer = self.get(browser, "/notes").await;
        let body = if answer.status() == 200 { answer.body().to_vec() } else { Vec::new() };
        (answer.status().as_u16(), String::from_utf8(body).unwrap())
    }

    async fn leave(&self, browser: &mut Browser) -> String {
        location(&self.get(browser, "/login?return_to=/notes").await)
    }

    async fn sign_in(&self, browser: &mut Browser, person: &mut Person, name: &str) {
        let url = self.leave(browser).await;
        let (back, _) = person.sign_in(&self.provider, &url, name).await;
        assert_eq!(location(&self.get(browser, &back).await), format!("{ORIGIN}/notes"));
        assert_eq!(self.page(browser).await, (200, name.to_owned()));
    }

    fn events(&self, action: &str) -> Vec<&'static str> {
        let events = self.audit.events().into_iter().filter(|event| event.action == action);
        events.map(|event| event.outcome.as_str()).collect()
    }

    /// Four minutes on, many ask at once; then the grant has been refreshed.
    async fn refresh(&self, browser: &Browser, name: &str) {
        let before = self.events("session.refresh").len();
        self.clock.advance(Duration::from_secs(240));
        for _ in 0..50 {
            assert_eq!(self.page(&mut browser.clone()).await, (200, name.to_owned()), "nobody waits");
        }
        let done = || async { (self.events("session.refresh").len() > before).then_some(()) };
        eventually(Duration::from_secs(10), done).await.expect("a refresh");
    }
}

fn signed_out() -> (u16, String) {
    (401, String::new())
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn alice_signs_in_stays_and_signs_out() {
    let (room, mut browser, mut alice) = (Room::new(), Browser::default(), Person::default());
    assert_eq!(room.page(&mut browser).await, signed_out());
    room.sign_in(&mut browser, &mut alice, "alice").await;

    // The access token is about to end, twice; each refresh token works once.
    for round in 1..=2 {
        let before = room.provider.hits("/token").await;
        room.refresh(&browser, "alice").await;
        assert_eq!(room.provider.hits("/token").await - before, 1, "fifty requests, one refresh");
        assert_eq!(room.events("session.refresh"), vec!["success"; round]);
    }

    let kept = browser.clone();
    let out = location(&room.ask(&mut browser, Method::POST, "/logout").await);
    assert!(parameter(&out, "id_token_hint").is_some(), "{out}");
    assert_eq!(alice.sign_out(&room.provider, &out).await, format!("{ORIGIN}/"));
    assert_eq!(room.page(&mut browser).await, signed_out());
    assert_eq!(room.page(&mut kept.clone()).await, signed_out(), "the id of before is dead");
    assert!(room.store.is_empty());
    let url = room.leave(&mut browser).await;
    let (_, pages) = alice.sign_in(&room.provider, &url, "alice").await;
    assert_eq!(pages, 2, "signed out at the provider as well: password and consent are asked for again");
}

/// A token of its own for the API, as the person of this name.
async fn api_token(provider: &RealProvider, name: &str) -> String {
    let secret: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let form = format!(
        "grant_type=client_credentials&client_id={name}&client_secret={secret}&resource=urn:gambeson:peer:api"
    );
    let request = Request::post(format!("{}/token", provider.issuer))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form));
    let answer = provider.send(request.unwrap()).await;
    let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn a_log_out_at_the_provider_ends_every_session_of_it_and_api_tokens() {
    let port = Port::new().await;
    let provider = RealProvider::start_with(&[("BACKCHANNEL_URI", &port.uri())]);
    // A clock that is behind: what the log-out here denies was issued before all tokens of this test.
    let behind = ManualClock::at(SystemClock::new().now().minus(Duration::from_secs(60)));
    let list = Denylist::builder().clock(Arc::new(behind)).build().unwrap();
    let api = Verifier::builder(Issuer::discover(provider.issuer.as_str())).audience("hardened-notes");
    let api = api.run_in(Profile::Development).denylist(list.clone()).build().unwrap();
    api.ready().await.unwrap();
    let room = Room::at(provider, |login| login.denylist(list));
    port.serve(room.login.login().unwrap().clone());
    let [mut desk, mut phone, mut bobs] = std::array::from_fn(|_| Browser::default());
    let (mut alice, mut bob) = (Person::default(), Person::default());
    room.sign_in(&mut desk, &mut alice, "alice").await;
    room.sign_in(&mut phone, &mut alice, "alice").await;
    room.sign_in(&mut bobs, &mut bob, "bob").await;
    let (hers, his) = (api_token(&room.provider, "alice").await, api_token(&room.provider, "bob").await);
    assert!(api.verify(&hers).is_ok() && api.verify(&his).is_ok());

    // One browser signs out and goes on to the provider, which posts a logout token before it sends the browser back.
    let out = location(&room.ask(&mut desk, Method::POST, "/logout").await);
    assert_eq!(room.page(&mut phone).await, (200, "alice".to_owned()));
    assert!(api.verify(&hers).is_ok());
    alice.sign_out(&room.provider, &out).await;
    let told = || async { (!room.events("logout.backchannel").is_empty()).then_some(()) };
    eventually(Duration::from_secs(10), told).await.expect("told of the log-out");
    assert_eq!(room.events("logout.backchannel"), ["success"]);
    assert_eq!(room.page(&mut phone).await, signed_out());
    assert_eq!(room.page(&mut bobs).await, (200, "bob".to_owned()));
    // This provider's access tokens name no session: those of her `sub` that were issued until then end.
    assert_eq!(api.verify(&hers).unwrap_err().reason(), Reason::Revoked);
    assert!(api.verify(&his).is_ok());
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn a_log_out_here_revokes_the_refresh_token_there() {
    let (room, mut browser, mut alice) = (Room::new(), Browser::default(), Person::default());
    room.sign_in(&mut browser, &mut alice, "alice").await;
    room.ask(&mut browser, Method::POST, "/logout").await;
    let asked = || async { (room.provider.hits("/token/revocation").await == 1).then_some(()) };
    eventually(Duration::from_secs(10), asked).await.expect("asked to revoke");
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn forged_and_copied_answers_sign_nobody_in() {
    let (room, mut browser, mut alice) = (Room::new(), Browser::default(), Person::default());
    let url = room.leave(&mut browser).await;
    let (back, _) = alice.sign_in(&room.provider, &url, "alice").await;
    let (mut bob, mut mallory) = (Person::default(), Browser::default());
    let url = room.leave(&mut mallory).await;
    let (theirs, _) = bob.sign_in(&room.provider, &url, "bob").await;
    let code = |url| parameter(url, "code");
    for (url, slug) in [
        (with_parameter(&back, "state", Some(&"A".repeat(43))), "login-not-started"),
        (with_parameter(&back, "state", parameter(&theirs, "state").as_deref()), "login-not-started"),
        (theirs.clone(), "login-not-started"),
        (with_parameter(&back, "iss", None), "login-response"),
        (with_parameter(&back, "iss", Some("https://id.example")), "login-response"),
        (with_parameter(&back, "code", Some("made-up")), "login-failed"),
        (with_parameter(&back, "code", code(&theirs).as_deref()), "login-failed"),
    ] {
        let mut copy = browser.clone();
        assert_eq!(refusal(&room.get(&mut copy, &url).await), (400, slug.into()), "{url}");
        assert_eq!(room.page(&mut copy).await, signed_out());
    }
    assert!(room.store.is_empty());
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn a_code_that_comes_twice_ends_the_session_it_gave() {
    let (room, mut browser, mut alice) = (Room::new(), Browser::default(), Person::default());
    let url = room.leave(&mut browser).await;
    let (back, _) = alice.sign_in(&room.provider, &url, "alice").await;
    let mut thief = browser.clone();
    location(&room.get(&mut browser, &back).await);
    assert_eq!(refusal(&room.get(&mut browser, &back).await), (400, "login-not-started".into()), "replay");
    assert_eq!(refusal(&room.get(&mut thief, &back).await), (400, "login-failed".into()), "and by a thief");
    // The provider takes back what it gave for that code; the next refresh learns of it.
    room.refresh(&browser, "alice").await;
    assert_eq!(room.events("session.refresh"), ["denied"]);
    assert_eq!(room.page(&mut browser).await, signed_out());
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn who_gives_up_is_told_so_and_can_begin_again() {
    let (room, mut browser, mut alice) = (Room::new(), Browser::default(), Person::default());
    let url = room.leave(&mut browser).await;
    let back = alice.give_up(&room.provider, &url).await;
    assert_eq!(refusal(&room.get(&mut browser, &back).await), (403, "login-denied".into()));
    room.sign_in(&mut browser, &mut alice, "alice").await;
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn its_keys_rotate_and_it_goes_away_and_sessions_go_on() {
    let (room, mut browser, mut alice) = (Room::new(), Browser::default(), Person::default());
    room.sign_in(&mut browser, &mut alice, "alice").await;
    room.provider.rotate().await;
    // A rotated provider of this peer knows no grants of before: what is told is that its new keys are taken up.
    room.clock.advance(Duration::from_secs(3));
    let (mut other, mut bob) = (Browser::default(), Person::default());
    room.sign_in(&mut other, &mut bob, "bob").await;
    let Room { provider, clock, login, tokens, .. } = room;
    drop(provider);
    clock.advance(Duration::from_secs(300));
    for _ in 0..3 {
        let app = login.layer(tokens.layer(service_fn(who)));
        let answer = app.oneshot(browser.request(Method::GET, "/notes")).await.unwrap();
        assert_eq!(answer.status(), 200, "an outage of the provider is none of the app");
    }
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn a_wrong_secret_is_trouble_of_the_app_and_not_of_the_person() {
    let room = Room::with(|builder| builder.client_secret(SecretBytes::new(&b"another"[..])));
    let (mut browser, mut alice) = (Browser::default(), Person::default());
    let url = room.leave(&mut browser).await;
    let (back, _) = alice.sign_in(&room.provider, &url, "alice").await;
    assert_eq!(refusal(&room.get(&mut browser, &back).await), (503, "login-unavailable".into()));
    assert_eq!(room.page(&mut browser).await, signed_out());
}
