//! Log-outs that the provider tells of (OpenID Connect Back-Channel Logout 1.0).

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Clock, ManualClock, RequestFacts};
use gambeson_oidc_auth::login::LoginPaths;
use gambeson_oidc_auth::{Denylist, Issuer, Login, LoginLayer, TokenProfile, Verifier};
use gambeson_testing::{DevClient, Fault, LogoutFault, Mint, SigningAlgorithm, eventually};
use http::{Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use serde_json::{Value, json};
use tower::{Service, ServiceExt};

use super::browser::{App, Browser, ORIGIN, Scene};
use super::sessions::{Remote, principal};
use super::told::Port;

/// A log-in whose log-outs end API tokens, and an API that asks the same list.
struct House {
    scene: Scene,
    login: Login,
    app: App,
    api: Verifier,
}

impl House {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let list = Denylist::builder().clock(Arc::new(scene.clock.clone())).build().unwrap();
        let login =
            scene.builder().denylist(list.clone()).timer(Arc::new(scene.clock.clone())).build().unwrap();
        let api = Verifier::builder(Issuer::discover(scene.idp.issuer())).audience("api");
        let api = api.clock(Arc::new(scene.clock.clone())).run_in(gambeson_core::Profile::Development);
        let api = api.profile(TokenProfile::AccessToken).denylist(list).build().unwrap();
        api.ready().await.unwrap();
        Self { app: App(LoginLayer::new(login.clone())), scene, login, api }
    }

    /// A browser of this person, and the provider's name of the log-in.
    async fn signed_in(&self, person: &str) -> (Browser, String) {
        let mut browser = Browser::default();
        browser.sign_in(&self.scene, &self.app, person).await;
        let sid = principal(&self.app, &browser).await.session_id().unwrap().to_owned();
        (browser, sid)
    }

    fn token(&self, person: &str, sid: Option<&str>) -> String {
        let mint = self.scene.idp.mint().user(person);
        sid.into_iter().fold(mint, |mint, sid| mint.claim("sid", sid)).token()
    }

    fn works(&self, token: &str) -> bool {
        self.api.verify(token).is_ok()
    }

    fn logout(&self) -> Mint {
        self.scene.idp.mint_logout("notes-web")
    }

    async fn tell(&self, token: &str) -> Response<Bytes> {
        ask(&self.login, form(&format!("logout_token={token}"))).await
    }
}

fn form(body: &str) -> Request<Full<Bytes>> {
    Request::post("/logout/backchannel")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

async fn ask<B: Body>(login: &Login, request: Request<B>) -> Response<Bytes> {
    login.backchannel_logout::<Bytes>().oneshot(request).await.unwrap()
}

#[track_caller]
fn told(answer: &Response<Bytes>) -> (u16, String) {
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let error = match answer.body().is_empty() {
        true => String::new(),
        false => {
            serde_json::from_slice::<Value>(answer.body()).unwrap()["error"].as_str().unwrap().to_owned()
        }
    };
    (answer.status().as_u16(), error)
}

fn good() -> (u16, String) {
    (200, String::new())
}

fn bad() -> (u16, String) {
    (400, "invalid_request".into())
}

#[tokio::test]
async fn a_log_out_elsewhere_ends_sessions_and_api_tokens() {
    let house = House::new().await;
    let port = Port::new().await;
    let client = DevClient::confidential("notes-web", "s e%cret")
        .redirect_uri(format!("{ORIGIN}/login/callback"))
        .backchannel_logout(port.uri());
    house.scene.idp.register(client).unwrap();
    port.serve(house.login.clone());
    let (mut desk, at_desk) = house.signed_in("alice").await;
    let (mut phone, on_phone) = house.signed_in("alice").await;
    let (mut bob, at_bobs) = house.signed_in("bob").await;
    let tokens = [
        house.token("alice", Some(&at_desk)),
        house.token("alice", Some(&on_phone)),
        house.token("alice", None),
        house.token("alice", Some("another-app")),
        house.token("bob", Some(&at_bobs)),
        house.token("bob", None),
    ];
    assert!(tokens.iter().all(|token| house.works(token)));
    let open = principal(&house.app, &desk).await;
    let ok = Some(StatusCode::OK);
    assert_eq!(house.scene.idp.sign_out("alice").await, [("notes-web".into(), ok), ("notes-web".into(), ok)]);
    assert!(open.end_signal().has_ended(), "long answers end, too");
    let who = [desk.who(&house.app).await, phone.who(&house.app).await, bob.who(&house.app).await];
    assert_eq!(who, ["nobody", "nobody", "bob"]);
    let work: Vec<bool> = tokens.iter().map(|token| house.works(token)).collect();
    assert_eq!(work, [false, false, false, true, true, true]);
    house.scene.clock.advance(Duration::from_secs(1));
    assert!(house.works(&house.token("alice", None)), "what is issued later is good");
    assert!(!house.works(&house.token("alice", Some(&at_desk))), "a log-in that has ended gives no more");
    assert_eq!(house.scene.events()[3..], ["logout.backchannel success", "logout.backchannel success"]);
}

#[tokio::test]
async fn no_faulty_logout_token_ends_anything() {
    let house = House::new().await;
    let (mut browser, sid) = house.signed_in("alice").await;
    let api = house.token("alice", Some(&sid));
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let whole = || house.logout().claim("sub", "alice").claim("sid", sid.as_str());
    let mut tokens: Vec<(String, String)> =
        LogoutFault::all().map(|fault| (format!("{fault:?}"), fault.spoil(whole()).token())).collect();
    tokens.extend([
        ("tampered".into(), whole().tampered().token()),
        ("an algorithm of other tokens".into(), whole().algorithm(SigningAlgorithm::Es256).token()),
        ("hmac".into(), whole().hmac_with_public_key().token()),
        ("two events".into(), whole().claim("events", json!({(event): {}, "b": {}})).token()),
        ("no event".into(), whole().claim("events", json!({})).token()),
        ("list of events".into(), whole().claim("events", json!([event])).token()),
        ("null nonce".into(), whole().claim("nonce", Value::Null).token()),
        ("empty sid".into(), whole().claim("sid", "").token()),
        ("sid is a number".into(), whole().claim("sid", 7).token()),
        ("empty sub".into(), whole().claim("sub", "").token()),
        ("empty jti".into(), whole().claim("jti", "").token()),
        ("long-lived".into(), whole().expires_in(Duration::from_secs(3_601)).token()),
        ("critical".into(), whole().header("crit", json!(["x"])).token()),
        ("an ID token".into(), house.scene.idp.mint().user("alice").audience("notes-web").typ("JWT").token()),
        ("an access token".into(), api.clone()),
        ("junk".into(), "junk".into()),
    ]);
    for (what, token) in tokens {
        assert_eq!(told(&house.tell(&token).await), bad(), "{what}");
    }
    assert_eq!(browser.who(&house.app).await, "alice");
    assert!(house.works(&api));
    let events = house.scene.events();
    assert!(events[1..].iter().all(|event| event == "logout.backchannel denied logout-token"), "{events:?}");
    for typ in ["JWT", "logout+jwt", "application/logout+jwt"] {
        assert_eq!(told(&house.tell(&whole().typ(typ).token()).await), good(), "{typ}");
    }
    assert_eq!(told(&house.tell(&whole().without("typ").token()).await), good());
    assert_eq!(browser.who(&house.app).await, "nobody");
}

#[tokio::test]
async fn it_ends_what_it_names_and_nothing_else() {
    let house = House::new().await;
    for (names_sid, names_sub, ended) in [(true, false, 1), (true, true, 1), (false, true, 2)] {
        let (mut first, sid) = house.signed_in("alice").await;
        let (mut second, _) = house.signed_in("alice").await;
        let (mut bob, _) = house.signed_in("bob").await;
        let sessionless = house.token("alice", None);
        let mut mint = house.logout();
        mint = if names_sid { mint.claim("sid", sid.as_str()) } else { mint };
        mint = if names_sub { mint.claim("sub", "alice") } else { mint };
        assert_eq!(told(&house.tell(&mint.token()).await), good());
        let who = [first.who(&house.app).await, second.who(&house.app).await, bob.who(&house.app).await];
        let second = if ended == 2 { "nobody" } else { "alice" };
        assert_eq!(who, ["nobody", second, "bob"]);
        assert_eq!(house.works(&sessionless), !names_sub, "whose tokens these are says sub");
        house.scene.clock.advance(Duration::from_secs(1));
        house.login.sessions().end_all(principal(&house.app, &bob).await.full_subject()).await.unwrap();
        house.scene.clock.advance(Duration::from_secs(1));
    }
    let unknown = house.logout().claim("sid", "unknown").token();
    assert_eq!(told(&house.tell(&unknown).await), good(), "who is not there is signed out already");
}

#[tokio::test]
async fn a_logout_token_counts_once_and_only_when_it_did_its_work() {
    let scene = Scene::new().await;
    let store = Arc::new(Remote::default());
    let login = scene.builder().store(store.clone()).build().unwrap();
    let app = App(LoginLayer::new(login.clone()));
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    let token = scene.idp.mint_logout("notes-web").claim("sub", "alice").token();
    let tell = || ask(&login, form(&format!("logout_token={token}")));
    *store.broken.lock().unwrap() = true;
    let answer = tell().await;
    assert_eq!(told(&answer), (503, "temporarily_unavailable".into()));
    assert!(answer.headers().contains_key(header::RETRY_AFTER));
    *store.broken.lock().unwrap() = false;
    assert_eq!(browser.who(&app).await, "alice");
    assert_eq!(told(&tell().await), good(), "the provider sends it again");
    assert_eq!(browser.who(&app).await, "nobody");
    browser.sign_in(&scene, &app, "alice").await;
    assert_eq!(told(&tell().await), bad(), "a replay ends nobody's new session");
    assert_eq!(browser.who(&app).await, "alice");
}

#[tokio::test]
async fn a_replay_at_another_instance_ends_nothing_newer() {
    let house = House::new().await;
    let scene = &house.scene;
    // Another process of the app: it has the same sessions and has not seen the logout token.
    let other = || scene.builder().build().unwrap();
    for names_sid in [true, false] {
        let (mut before, sid) = house.signed_in("alice").await;
        let mint = house.logout().claim("sub", "alice");
        let token = if names_sid { mint.claim("sid", sid.as_str()) } else { mint }.token();
        assert_eq!(told(&house.tell(&token).await), good());
        assert_eq!(before.who(&house.app).await, "nobody", "begun in the very second of the token");
        scene.clock.advance(Duration::from_secs(1));
        let (mut after, _) = house.signed_in("alice").await;
        assert_eq!(told(&ask(&other(), form(&format!("logout_token={token}"))).await), good());
        assert_eq!(after.who(&house.app).await, "alice", "names sid: {names_sid}");
    }
}

#[tokio::test]
async fn sessions_that_name_no_log_in_at_the_provider_end_with_their_person() {
    let house = House::new().await;
    let scene = &house.scene;
    scene.idp.fault(Fault::NoSid);
    let mut nameless = Browser::default();
    nameless.sign_in(scene, &house.app, "alice").await;
    assert_eq!(principal(&house.app, &nameless).await.session_id(), None);
    scene.idp.fault(Fault::None);
    let (mut named, sid) = house.signed_in("alice").await;
    let (mut other, _) = house.signed_in("alice").await;
    let token = house.logout().claim("sub", "alice").claim("sid", sid).token();
    assert_eq!(told(&house.tell(&token).await), good());
    let who = [nameless.who(&house.app).await, named.who(&house.app).await, other.who(&house.app).await];
    assert_eq!(who, ["nobody", "nobody", "alice"]);
    assert_eq!(house.scene.audit.events().last().unwrap().details, [("sessions", "2".to_owned())]);
}

#[tokio::test]
async fn a_log_out_ends_what_began_by_the_providers_clock_before_it() {
    let scene = Scene::new().await;
    // The app's clock is ahead by more than the leeway of anything.
    let ahead = ManualClock::at(scene.clock.now().plus(Duration::from_secs(100)));
    let login = scene.builder().clock(Arc::new(ahead)).leeway(Duration::from_secs(101)).build().unwrap();
    let app = App(LoginLayer::new(login.clone()));
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    assert_eq!(browser.who(&app).await, "alice");
    scene.clock.advance(Duration::from_secs(50));
    let token = scene.idp.mint_logout("notes-web").claim("sub", "alice").token();
    assert_eq!(told(&ask(&login, form(&format!("logout_token={token}"))).await), good());
    assert_eq!(browser.who(&app).await, "nobody");
}

#[tokio::test]
async fn keys_that_are_not_known_are_waited_for_and_an_outage_is_503() {
    let house = House::new().await;
    let (mut browser, _) = house.signed_in("alice").await;
    house.scene.idp.rotate(false).unwrap();
    house.scene.clock.advance(Duration::from_secs(3));
    let rotated = house.logout().claim("sub", "alice").token();
    assert_eq!(told(&house.tell(&rotated).await), good());
    assert_eq!(browser.who(&house.app).await, "nobody");
    house.scene.clock.advance(Duration::from_secs(3));
    house.scene.idp.rotate(false).unwrap();
    house.scene.idp.fault(Fault::ServerError);
    let token = house.logout().claim("sub", "alice").token();
    let answer = house.tell(&token).await;
    assert_eq!(told(&answer), (503, "temporarily_unavailable".into()));
    assert!(answer.headers().contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn what_strangers_post_fills_neither_log_nor_audit_trail() {
    let house = House::new().await;
    let junk = [form(""), form("logout_token=junk"), form("logout_token=a.b.c")];
    crate::log::listen();
    crate::log::lines();
    for _ in 0..50 {
        for request in &junk {
            assert_eq!(told(&ask(&house.login, request.clone()).await), bad());
        }
        let get = Request::get("/logout/backchannel").body(Full::<Bytes>::default()).unwrap();
        assert_eq!(ask(&house.login, get).await.status(), 405);
    }
    let told_of = || house.scene.audit.events().len();
    let lines = |lines: String| lines.lines().filter(|line| !line.starts_with("DEBUG")).count();
    // One of requests without a token, one of tokens that are none.
    assert_eq!((told_of(), lines(crate::log::lines())), (2, 2));
    house.scene.clock.advance(Duration::from_secs(60));
    assert_eq!(told(&house.tell("junk").await), bad());
    let last = house.scene.audit.events().pop().unwrap();
    assert_eq!((told_of(), last.details.last()), (3, Some(&("others", "99".to_owned()))));
    // A token that was heeded comes by again and again.
    let token = house.logout().claim("sub", "alice").token();
    assert_eq!(told(&house.tell(&token).await), good());
    for _ in 0..50 {
        assert_eq!(told(&house.tell(&token).await), bad());
    }
    assert_eq!(told_of(), 5);
}

#[tokio::test]
async fn each_log_out_of_the_provider_that_is_not_heeded_is_told() {
    let scene = Scene::new().await;
    let store = Arc::new(Remote::default());
    let login = scene.builder().store(store.clone()).build().unwrap();
    *store.broken.lock().unwrap() = true;
    let tell = async |token: &str| {
        let answer = ask(&login, form(&format!("logout_token={token}"))).await;
        assert_eq!(told(&answer), (503, "temporarily_unavailable".into()));
    };
    let tokens = ["alice", "bob", "carol"].map(|sub| {
        let mint = scene.idp.mint_logout("notes-web").claim("sub", sub).claim("jti", sub);
        mint.token()
    });
    for token in &tokens {
        tell(token).await;
    }
    assert_eq!(scene.events(), ["logout.backchannel failed sessions-unavailable"; 3]);
    // One of them comes by again and again.
    for _ in 0..50 {
        tell(&tokens[0]).await;
    }
    assert_eq!(scene.events().len(), 4);
    scene.clock.advance(Duration::from_secs(60));
    tell(&tokens[0]).await;
    let last = scene.audit.events().pop().unwrap();
    assert_eq!((scene.events().len(), last.details.last()), (5, Some(&("others", "49".to_owned()))));
}

#[tokio::test]
async fn its_route_is_its_configured_path() {
    let scene = Scene::new().await;
    let paths = LoginPaths::default().backchannel_logout("/hooks/sign-out");
    let login = scene.builder().paths(paths).build().unwrap();
    assert_eq!(login.backchannel_endpoint().template, "/hooks/sign-out");
    // Mounted below what a router takes off.
    let mut request = form("");
    *request.uri_mut() = "/sign-out?token=secret".parse().unwrap();
    let facts = RequestFacts::ensure(&mut request);
    assert_eq!(told(&ask(&login, request).await), bad());
    assert_eq!(facts.route().unwrap().as_str(), "/hooks/sign-out");
}

/// A body that comes in parts, or not at all.
struct Parts {
    left: usize,
    part: &'static [u8],
    end: Option<bool>,
}

impl Body for Parts {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.part)))));
        }
        match self.end {
            Some(true) => Poll::Ready(None),
            Some(false) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[tokio::test]
async fn junk_is_refused_before_it_is_read() {
    let house = House::new().await;
    let get =
        ask(&house.login, Request::get("/logout/backchannel").body(Full::<Bytes>::default()).unwrap()).await;
    assert_eq!(
        (told(&get), &get.headers()[header::ALLOW]),
        ((405, "invalid_request".into()), &"POST".parse().unwrap())
    );
    let good_token = house.logout().claim("sub", "alice").token();
    let mut json = form(&format!("logout_token={good_token}"));
    json.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    assert_eq!(told(&ask(&house.login, json).await), bad());
    for body in ["", "a=b", &format!("logout_token={good_token}&logout_token={good_token}")] {
        assert_eq!(told(&ask(&house.login, form(body)).await), bad());
    }
    let parts = |left, part, end| form("").map(|_| Parts { left, part, end });
    // The fifth kilobyte-sixteenth of endless ones is not asked for.
    assert_eq!(told(&ask(&house.login, parts(usize::MAX, &[b'a'; 4_096], None)).await), bad());
    assert_eq!(told(&ask(&house.login, parts(1, b"logout_token=x", Some(false))).await), bad());
    assert_eq!(told(&ask(&house.login, parts(3, b"a=b&", Some(true))).await), bad());

    let slow = ask(&house.login, parts(1, b"logout_token=x", None));
    let mut slow = pin!(slow);
    let mut context = Context::from_waker(Waker::noop());
    assert!(slow.as_mut().poll(&mut context).is_pending());
    house.scene.clock.advance(Duration::from_secs(9));
    assert!(slow.as_mut().poll(&mut context).is_pending());
    house.scene.clock.advance(Duration::from_secs(1));
    assert_eq!(told(&slow.await), bad(), "who sends slowly holds nothing for long");
}

#[tokio::test]
async fn a_request_that_is_dropped_has_ended_the_session_or_nothing() {
    let scene = Scene::new().await;
    let login = scene.builder().store(Arc::new(Remote::default())).build().unwrap();
    let app = App(LoginLayer::new(login.clone()));
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    let token = scene.idp.mint_logout("notes-web").claim("sub", "alice").token();
    let mut context = Context::from_waker(Waker::noop());
    let mut service = login.backchannel_logout::<Bytes>();
    let mut call = || {
        let ready: Poll<Result<(), Infallible>> =
            Service::<Request<Full<Bytes>>>::poll_ready(&mut service, &mut context);
        assert!(ready.is_ready());
        service.call(form(&format!("logout_token={token}")))
    };
    drop(call());
    assert_eq!(browser.who(&app).await, "alice", "not begun");
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut begun = pin!(call());
        assert!(begun.as_mut().poll(&mut context).is_pending());
    }
    let done = || async { scene.events().contains(&"logout.backchannel success".into()).then_some(()) };
    eventually(Duration::from_secs(10), done).await.expect("carried through");
    assert_eq!(browser.who(&app).await, "nobody");
}

#[test]
fn what_to_register_and_to_mount() {
    let login =
        Login::builder(Issuer::discover("https://id.example.com"), "web").public_origin("https://n.example");
    let login = login.build().unwrap();
    assert_eq!(login.backchannel_logout_uri(), "https://n.example/logout/backchannel");
    let endpoint = login.backchannel_endpoint();
    assert_eq!((endpoint.method, &*endpoint.template), (Method::POST, "/logout/backchannel"));
    assert!(endpoint.exempt.csrf && !endpoint.exempt.host_check && !endpoint.exempt.rate_limit);
}
