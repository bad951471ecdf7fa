//! What a log-out here ends.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    BoxFuture, HttpTransport, PeerInfo, Profile, RequestFacts, TransportError, TransportLimits,
};
use gambeson_oidc_auth::login::{LoginBuilder, SessionlessTokens};
use gambeson_oidc_auth::{Denylist, Issuer, LoginLayer, Verifier};
use gambeson_testing::{Fault, eventually};
use http::{Method, Request, Response, header};

use super::browser::{App, Browser, Scene, location, refusal};
use super::sessions::{Remote, principal};
use crate::fake_issuer::settle;

const PATIENCE: Duration = Duration::from_secs(10);

/// An app and an API with one denylist.
async fn house(scene: &Scene, change: impl FnOnce(LoginBuilder) -> LoginBuilder) -> (App, Verifier) {
    let list = Denylist::builder().clock(Arc::new(scene.clock.clone())).build().unwrap();
    let login = scene.builder().denylist(list.clone()).timer(Arc::new(scene.clock.clone()));
    let api =
        Verifier::builder(Issuer::discover(scene.idp.issuer())).audience("api").run_in(Profile::Development);
    let api = api.clock(Arc::new(scene.clock.clone())).denylist(list).build().unwrap();
    api.ready().await.unwrap();
    (App(LoginLayer::new(change(login).build().unwrap())), api)
}

fn tokens(scene: &Scene, sid: &str) -> [String; 3] {
    let alice = || scene.idp.mint().user("alice");
    [alice().claim("sid", sid).token(), alice().token(), alice().claim("sid", "elsewhere").token()]
}

fn work(api: &Verifier, tokens: &[String; 3]) -> [bool; 3] {
    tokens.each_ref().map(|token| api.verify(token).is_ok())
}

#[tokio::test]
async fn a_log_out_ends_the_api_tokens_of_its_session() {
    for (sessionless, others) in [(SessionlessTokens::End, false), (SessionlessTokens::Keep, true)] {
        let scene = Scene::new().await;
        let (app, api) = house(&scene, |login| login.sessionless_tokens(sessionless)).await;
        let mut browser = Browser::default();
        browser.sign_in(&scene, &app, "alice").await;
        let sid = principal(&app, &browser).await.session_id().unwrap().to_owned();
        let before = tokens(&scene, &sid);
        assert_eq!(work(&api, &before), [true; 3]);
        location(&browser.post(&app, "/logout").await);
        assert_eq!(work(&api, &before), [false, others, true], "{sessionless:?}");
        // Who declines to sign out at the provider logs in again under the same name of the log-in.
        scene.clock.advance(Duration::from_secs(31));
        assert_eq!(work(&api, &tokens(&scene, &sid)), [true; 3]);
    }
}

#[tokio::test]
async fn ending_all_sessions_ends_all_api_tokens() {
    let scene = Scene::new().await;
    let (app, api) = house(&scene, |login| login).await;
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    let before = tokens(&scene, "x");
    let alice = principal(&app, &browser).await;
    let login = app.0.login().unwrap();
    assert_eq!(login.sessions().end_all(alice.full_subject()).await.unwrap(), 1);
    assert_eq!(work(&api, &before), [false; 3]);
    assert_eq!(login.sessions().end_all(alice.full_subject()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_refused_refresh_ends_the_tokens_of_its_session_and_of_no_other() {
    for fault in [Fault::WrongNonce, Fault::WrongAudience] {
        let scene = Scene::new().await;
        let (app, api) = house(&scene, |login| login).await;
        let mut browser = Browser::default();
        browser.sign_in(&scene, &app, "alice").await;
        let sid = principal(&app, &browser).await.session_id().unwrap().to_owned();
        let before = tokens(&scene, &sid);
        scene.idp.fault(fault);
        scene.clock.advance(Duration::from_secs(240));
        assert_eq!(browser.who(&app).await, "alice");
        let refused = || async { scene.events().contains(&"session.refresh denied".into()).then_some(()) };
        eventually(PATIENCE, refused).await.expect("an ID token of another log-in ends the session");
        assert_eq!(browser.who(&app).await, "nobody");
        assert_eq!(work(&api, &before), [false, true, true], "{fault:?}");
        let revoked = || async { (scene.idp.requests("/revoke") == 1).then_some(()) };
        eventually(PATIENCE, revoked).await.expect("the refresh token that came with it is revoked");
    }
}

#[tokio::test]
async fn a_log_out_revokes_the_refresh_token_and_waits_for_nobody() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    location(&browser.post(&app, "/logout").await);
    let revoked = || async { (scene.idp.requests("/revoke") == 1).then_some(()) };
    eventually(PATIENCE, revoked).await.expect("asked to revoke");
    browser.post(&app, "/logout").await;
    browser.sign_in(&scene, &app, "alice").await;
    scene.idp.fault(Fault::ServerError);
    location(&browser.post(&app, "/logout").await);
    let tried = || async { (scene.idp.requests("/revoke") == 2).then_some(()) };
    eventually(PATIENCE, tried).await.expect("once more, and once only");
    assert_eq!(scene.events().last().unwrap(), "logout success", "a provider that fails is no failure");
}

/// Asks the provider, but for revocations, which it counts and lets hang.
#[derive(Debug)]
struct Hanging {
    inner: gambeson_client::Client,
    revocations: AtomicUsize,
}

impl HttpTransport for Hanging {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        if request.uri().path() == "/revoke" {
            self.revocations.fetch_add(1, Ordering::SeqCst);
            return Box::pin(std::future::pending());
        }
        self.inner.send(request, limits)
    }
}

#[tokio::test]
async fn revocations_at_once_are_bounded() {
    let scene = Scene::new().await;
    let inner = gambeson_client::Client::builder().build().unwrap();
    let transport = Arc::new(Hanging { inner, revocations: AtomicUsize::new(0) });
    let app = App(LoginLayer::new(scene.builder().transport(transport.clone()).build().unwrap()));
    for _ in 0..66 {
        let mut browser = Browser::default();
        browser.sign_in(&scene, &app, "alice").await;
        location(&browser.post(&app, "/logout").await);
    }
    let count = || transport.revocations.load(Ordering::SeqCst);
    eventually(PATIENCE, || async { (count() >= 64).then_some(()) })
        .await
        .expect("as many as there are places");
    // Each has all that it needs, and sends its question as soon as it is let.
    settle().await;
    assert_eq!(count(), 64, "others wait");
}

#[tokio::test]
async fn a_log_out_while_the_store_is_down_is_made_good_when_it_is_back() {
    let scene = Scene::new().await;
    let store = Arc::new(Remote::default());
    let (app, api) = house(&scene, |login| login.store(store.clone())).await;
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    let (mut kept, sid) = (browser.clone(), principal(&app, &browser).await.session_id().unwrap().to_owned());
    let before = tokens(&scene, &sid);
    *store.broken.lock().unwrap() = true;
    let answer = browser.post(&app, "/logout").await;
    assert_eq!(refusal(&answer), (503, "sessions-unavailable".into()));
    assert!(answer.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(browser.who(&app).await, "nobody", "the browser has forgotten it at once");
    scene.clock.advance(Duration::from_secs(1));
    *store.broken.lock().unwrap() = false;
    assert_eq!(kept.who(&app).await, "alice");
    let ended = || async {
        scene.clock.advance(Duration::from_secs(2));
        scene.events().contains(&"logout success".into()).then_some(())
    };
    eventually(PATIENCE, ended).await.expect("tried again");
    assert_eq!(kept.who(&app).await, "nobody");
    assert!(api.verify(&before[0]).is_err());
}

#[tokio::test]
async fn a_log_out_whose_answer_was_lost_ends_tokens_all_the_same() {
    let scene = Scene::new().await;
    let store = Arc::new(Remote::default());
    let (app, api) = house(&scene, |login| login.store(store.clone())).await;
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    let alice = principal(&app, &browser).await;
    let before = tokens(&scene, alice.session_id().unwrap());
    *store.loses_removals.lock().unwrap() = true;
    assert_eq!(refusal(&browser.post(&app, "/logout").await), (503, "sessions-unavailable".into()));
    assert!(store.inner.is_empty() && api.verify(&before[0]).is_ok());
    *store.loses_removals.lock().unwrap() = false;
    let ended = || async {
        scene.clock.advance(Duration::from_secs(2));
        (scene.idp.requests("/revoke") == 1).then_some(())
    };
    eventually(PATIENCE, ended).await.expect("its refresh token is revoked");
    assert!(api.verify(&before[0]).is_err() && alice.end_signal().has_ended());
    assert_eq!(scene.events().last().unwrap(), "logout success");
}

#[tokio::test]
async fn strangers_take_no_more_than_their_share_of_the_retries() {
    let scene = Scene::new().await;
    let store = Arc::new(Remote::default());
    let (app, _) = house(&scene, |login| login.store(store.clone())).await;
    let (mut browser, mut stranger) = (Browser::default(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    stranger.sign_in(&scene, &app, "bob").await;
    *store.broken.lock().unwrap() = true;
    let log_out = |browser: &Browser, network: u8| {
        let mut request = browser.request(Method::POST, "/logout");
        let mut peer = PeerInfo::new();
        peer.address = Some(IpAddr::from([192, 0, network, 1]));
        RequestFacts::ensure(&mut request).set_peer(peer);
        let app = &app;
        async move { String::from_utf8_lossy(app.ask(request).await.body()).contains("is tried again") }
    };
    for number in 0..20 {
        assert_eq!(log_out(&stranger, 2).await, number < 16, "{number}");
    }
    assert!(log_out(&browser, 3).await, "a place is left for others");
}

#[tokio::test]
async fn a_log_out_that_is_dropped_is_carried_through() {
    let scene = Scene::new().await;
    let store = Arc::new(Remote::default());
    let (app, _) = house(&scene, |login| login.store(store.clone())).await;
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    {
        let mut begun = pin!(app.ask(browser.request(Method::POST, "/logout")));
        assert!(begun.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let ended = || async { scene.events().contains(&"logout success".into()).then_some(()) };
    eventually(PATIENCE, ended).await.expect("carried through");
    assert_eq!(browser.who(&app).await, "nobody");
}
