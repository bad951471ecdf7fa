//! How long sessions live, how they are kept fresh, how they end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Answer, BoxFuture, HttpTransport, Timestamp, TransportError, TransportLimits};
use gambeson_oidc_auth::login::{
    Session, SessionKey, SessionStore, SessionStoreError, SessionStoreErrorKind, SessionsOf, StoredSession,
};
use gambeson_oidc_auth::{LoginLayer, MemorySessions};
use gambeson_testing::{Fault, eventually};
use http::{Method, Request, Response, header};

use super::browser::{App, Browser, Scene, refusal};
use crate::fake_issuer::settle;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_log_in_takes_ten_minutes_at_most() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    let url = browser.leave(&app, "/login").await;
    scene.clock.advance(MINUTE * 10);
    let back = scene.idp.sign_in(&url, "alice").unwrap();
    assert_eq!(refusal(&browser.get(&app, &back).await), (400, "login-not-started".into()));
}

#[tokio::test]
async fn idle_sessions_end_and_used_ones_go_on_to_their_end() {
    let scene = Scene::new().await;
    scene.idp.fault(Fault::None);
    let app = scene.app();
    let (mut idle, mut busy) = (Browser::default(), Browser::default());
    idle.sign_in(&scene, &app, "alice").await;
    busy.sign_in(&scene, &app, "bob").await;
    scene.idp.fault(Fault::TokenError);
    for _ in 0..23 {
        scene.clock.advance(MINUTE * 20);
        assert_eq!(busy.who(&app).await, "bob", "also while the provider is down");
    }
    assert_eq!(idle.who(&app).await, "nobody");
    assert_eq!(idle.who(&app).await, "nobody");
    scene.clock.advance(MINUTE * 20);
    assert_eq!(busy.who(&app).await, "nobody", "eight hours are over");
    assert!(scene.store.is_empty());
    let expired = scene.events().into_iter().filter(|event| event == "session.expired success").count();
    assert_eq!(expired, 2, "each is told once");
}

async fn refreshes(scene: &Scene, count: usize) {
    let done = || {
        let refreshed = scene.events().iter().filter(|event| event.starts_with("session.refresh")).count();
        async move { (refreshed >= count).then_some(()) }
    };
    eventually(Duration::from_secs(10), done).await;
}

#[tokio::test]
async fn many_requests_refresh_once() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    let asked = scene.idp.requests("/token");
    for round in 1..=3 {
        scene.clock.advance(MINUTE * 4);
        for _ in 0..50 {
            assert_eq!(browser.who(&app).await, "alice");
        }
        refreshes(&scene, round).await;
        assert_eq!(scene.idp.requests("/token") - asked, round);
    }
    assert!(scene.events().iter().all(|event| event.ends_with("success")), "{:?}", scene.events());
}

#[tokio::test]
async fn a_refused_refresh_ends_the_session_and_an_outage_does_not() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    scene.idp.fault(Fault::TokenError);
    let asked = scene.idp.requests("/token");
    for _ in 0..5 {
        scene.clock.advance(MINUTE * 4);
        assert_eq!(browser.who(&app).await, "alice");
        let tried = || async { (scene.idp.requests("/token") > asked).then_some(()) };
        eventually(Duration::from_secs(10), tried).await;
    }
    scene.idp.fault(Fault::WrongAudience);
    let principal = principal(&app, &browser).await;
    scene.clock.advance(MINUTE * 4);
    assert_eq!(browser.who(&app).await, "alice");
    refreshes(&scene, 1).await;
    assert_eq!(browser.who(&app).await, "nobody");
    assert!(principal.end_signal().has_ended(), "long answers end, too");
    assert_eq!(scene.events().last().unwrap(), "session.refresh denied");
}

pub(super) async fn principal(app: &App, browser: &Browser) -> gambeson_core::Principal {
    use tower::{Layer, ServiceExt};
    let seen = Arc::new(Mutex::new(None));
    let into = seen.clone();
    let inner = tower::service_fn(move |request: Request<()>| {
        let facts = gambeson_core::RequestFacts::of(request.extensions()).unwrap().clone();
        *into.lock().unwrap() = facts.principal().cloned();
        async { Ok::<_, std::convert::Infallible>(Response::new(Bytes::new())) }
    });
    app.0.layer(inner).oneshot(browser.request(Method::GET, "/")).await.unwrap();
    seen.lock().unwrap().take().unwrap()
}

#[tokio::test]
async fn all_sessions_of_a_person_end_at_once() {
    let scene = Scene::new().await;
    let login = scene.builder().build().unwrap();
    let app = App(LoginLayer::new(login.clone()));
    let mut browsers = [Browser::default(), Browser::default(), Browser::default()];
    for (browser, person) in browsers.iter_mut().zip(["alice", "alice", "bob"]) {
        browser.sign_in(&scene, &app, person).await;
    }
    let alice = principal(&app, &browsers[0]).await;
    assert_eq!(login.sessions().end_all(alice.full_subject()).await.unwrap(), 2);
    assert!(alice.end_signal().has_ended());
    let mut who = Vec::new();
    for browser in &mut browsers {
        who.push(browser.who(&app).await);
    }
    assert_eq!(who, ["nobody", "nobody", "bob"]);
}

#[tokio::test]
async fn a_full_store_refuses_and_takes_from_nobody() {
    let scene = Scene::with_sessions(MemorySessions::new().capacity(1)).await;
    let (app, mut alice, mut bob) = (scene.app(), Browser::default(), Browser::default());
    alice.sign_in(&scene, &app, "alice").await;
    let answer = bob.sign_in(&scene, &app, "bob").await;
    assert_eq!(refusal(&answer), (503, "sessions-unavailable".into()));
    assert!(!answer.headers().contains_key(header::RETRY_AFTER), "the log-in has to begin again");
    assert_eq!(alice.who(&app).await, "alice");
}

/// A store over a network: every answer comes later, and none while it is broken.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    pub(crate) inner: Arc<MemorySessions>,
    pub(crate) broken: Mutex<bool>,
    /// What is to be removed goes, and nobody hears of it.
    pub(crate) loses_removals: Mutex<bool>,
}

impl Remote {
    /// What is asked is done when the store is reached, and not while it is broken.
    fn later<T: Send + 'static>(
        &self,
        act: impl FnOnce(&MemorySessions) -> Answer<Result<T, SessionStoreError>> + Send + 'static,
    ) -> Answer<Result<T, SessionStoreError>> {
        let (broken, inner) = (*self.broken.lock().unwrap(), Arc::clone(&self.inner));
        Answer::pending(async move {
            tokio::task::yield_now().await;
            match broken {
                true => Err(SessionStoreError::new(SessionStoreErrorKind::Unavailable)),
                false => act(&inner).wait().await,
            }
        })
    }
}

impl SessionStore for Remote {
    fn create(
        &self,
        key: SessionKey,
        session: Session,
        now: Timestamp,
    ) -> Answer<Result<(), SessionStoreError>> {
        self.later(move |inner| inner.create(key, session, now))
    }

    fn load(&self, key: &SessionKey) -> Answer<Result<Option<StoredSession>, SessionStoreError>> {
        let key = *key;
        self.later(move |inner| inner.load(&key))
    }

    fn replace(
        &self,
        key: &SessionKey,
        version: u64,
        session: Session,
    ) -> Answer<Result<Option<u64>, SessionStoreError>> {
        let key = *key;
        self.later(move |inner| inner.replace(&key, version, session))
    }

    fn touch(&self, key: &SessionKey, now: Timestamp) -> Answer<Result<(), SessionStoreError>> {
        let key = *key;
        self.later(move |inner| inner.touch(&key, now))
    }

    fn remove(
        &self,
        key: &SessionKey,
        version: Option<u64>,
    ) -> Answer<Result<Option<Session>, SessionStoreError>> {
        let key = *key;
        let is_lost = *self.loses_removals.lock().unwrap();
        self.later(move |inner| {
            let removed = inner.remove(&key, version);
            let lost = || Answer::Ready(Err(SessionStoreError::new(SessionStoreErrorKind::Unavailable)));
            if is_lost { lost() } else { removed }
        })
    }

    fn end_all(&self, of: &SessionsOf, until: Option<Timestamp>) -> Answer<Result<u64, SessionStoreError>> {
        let of = of.clone();
        self.later(move |inner| inner.end_all(&of, until))
    }
}

#[tokio::test]
async fn a_store_over_a_network_is_awaited_and_its_outage_is_503() {
    let scene = Scene::new().await;
    let store = Arc::new(Remote::default());
    let app = App(LoginLayer::new(scene.builder().store(store.clone()).build().unwrap()));
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    assert_eq!(browser.who(&app).await, "alice");
    *store.broken.lock().unwrap() = true;
    assert_eq!(refusal(&browser.get(&app, "/notes").await), (503, "sessions-unavailable".into()));
    assert_eq!(Browser::default().who(&app).await, "nobody", "who has no cookie needs no store");
    *store.broken.lock().unwrap() = false;
    scene.clock.advance(MINUTE * 31);
    assert_eq!(browser.who(&app).await, "nobody");
}

/// A store in which another instance takes over each lease at once, and which notes what it was asked.
#[derive(Debug, Default)]
struct Raced {
    inner: MemorySessions,
    loads: AtomicUsize,
    removals: AtomicUsize,
}

impl SessionStore for Raced {
    fn create(
        &self,
        key: SessionKey,
        session: Session,
        now: Timestamp,
    ) -> Answer<Result<(), SessionStoreError>> {
        self.inner.create(key, session, now)
    }

    fn load(&self, key: &SessionKey) -> Answer<Result<Option<StoredSession>, SessionStoreError>> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.inner.load(key)
    }

    fn replace(
        &self,
        key: &SessionKey,
        version: u64,
        session: Session,
    ) -> Answer<Result<Option<u64>, SessionStoreError>> {
        let leased = self.inner.replace(key, version, session.clone());
        let _ = self.inner.replace(key, version + 1, session);
        leased
    }

    fn touch(&self, key: &SessionKey, now: Timestamp) -> Answer<Result<(), SessionStoreError>> {
        self.inner.touch(key, now)
    }

    fn remove(
        &self,
        key: &SessionKey,
        version: Option<u64>,
    ) -> Answer<Result<Option<Session>, SessionStoreError>> {
        self.removals.fetch_add(1, Ordering::SeqCst);
        self.inner.remove(key, version)
    }

    fn end_all(&self, of: &SessionsOf, until: Option<Timestamp>) -> Answer<Result<u64, SessionStoreError>> {
        self.inner.end_all(of, until)
    }
}

/// Asks the provider, unless it is to say that refresh tokens are no good any more. Knows what was asked before it is under way.
#[derive(Debug)]
struct Refusing {
    inner: gambeson_client::Client,
    refuses: Mutex<bool>,
    paths: Mutex<Vec<String>>,
}

impl Refusing {
    fn new() -> Arc<Self> {
        let inner = gambeson_client::Client::builder().build().unwrap();
        Arc::new(Self { inner, refuses: Mutex::default(), paths: Mutex::default() })
    }

    fn asked(&self, path: &str) -> usize {
        self.paths.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }
}

impl HttpTransport for Refusing {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        self.paths.lock().unwrap().push(request.uri().path().to_owned());
        if request.uri().path() == "/token" && *self.refuses.lock().unwrap() {
            let answer = Response::builder().status(400).body(r#"{"error":"invalid_grant"}"#.into());
            return Box::pin(async { Ok(answer.unwrap()) });
        }
        self.inner.send(request, limits)
    }
}

#[tokio::test]
async fn who_loses_the_race_for_a_refresh_token_ends_nothing() {
    let scene = Scene::new().await;
    let store = Arc::new(Raced::default());
    let transport = Refusing::new();
    let builder = scene.builder().store(store.clone()).transport(transport.clone());
    let app = App(LoginLayer::new(builder.build().unwrap()));
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    for refuses in [true, false] {
        *transport.refuses.lock().unwrap() = refuses;
        scene.clock.advance(MINUTE * 4);
        let (loads, asked) = (store.loads.load(Ordering::SeqCst), scene.idp.requests("/token"));
        // A refused refresh ends the session that it knew; the one that is there has another version.
        let removals = store.removals.load(Ordering::SeqCst) + usize::from(refuses);
        assert_eq!(browser.who(&app).await, "alice");
        let done = || async {
            // The request's, the refresh's, and whether the session is gone of who has a new token left over.
            let wanted = if refuses { 2 } else { 3 };
            let loaded = store.loads.load(Ordering::SeqCst) >= loads + wanted;
            let removed = store.removals.load(Ordering::SeqCst) >= removals;
            (loaded && removed && (refuses || scene.idp.requests("/token") > asked)).then_some(())
        };
        eventually(Duration::from_secs(10), done).await.expect("a refresh that ends by version");
        assert_eq!(browser.who(&app).await, "alice");
    }
    assert_eq!(scene.events(), ["login success"]);
    settle().await;
    assert_eq!(transport.asked("/revoke"), 0, "the winner's grant goes on");
}

/// Asks the provider; what it gives comes when the session has been ended.
#[derive(Debug)]
struct Late {
    inner: gambeson_client::Client,
    store: Arc<MemorySessions>,
    ends: Mutex<Option<SessionsOf>>,
}

impl HttpTransport for Late {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let ends = (request.uri().path() == "/token").then(|| self.ends.lock().unwrap().take()).flatten();
        let (sent, store) = (self.inner.send(request, limits), Arc::clone(&self.store));
        Box::pin(async move {
            let answer = sent.await;
            if let Some(of) = ends {
                assert_eq!(store.end_all(&of, None).wait().await.unwrap(), 1);
            }
            answer
        })
    }
}

#[tokio::test]
async fn a_new_refresh_token_of_a_session_that_is_gone_is_revoked() {
    let scene = Scene::new().await;
    let inner = gambeson_client::Client::builder().build().unwrap();
    let transport = Arc::new(Late { inner, store: scene.store.clone(), ends: Mutex::default() });
    let app = App(LoginLayer::new(scene.builder().transport(transport.clone()).build().unwrap()));
    let mut browser = Browser::default();
    browser.sign_in(&scene, &app, "alice").await;
    let alice = principal(&app, &browser).await.full_subject().clone();
    *transport.ends.lock().unwrap() = Some(SessionsOf::Subject(alice));
    scene.clock.advance(MINUTE * 4);
    assert_eq!(browser.who(&app).await, "alice");
    let revoked = || async { (scene.idp.requests("/revoke") == 1).then_some(()) };
    eventually(Duration::from_secs(10), revoked).await.expect("nobody else knows of it");
}

#[tokio::test]
async fn a_rotated_refresh_token_is_kept_though_nobody_can_verify_what_came_with_it() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    let asked = scene.idp.requests("/token");
    // The provider signs with a key that nobody finds, and takes each refresh token once.
    scene.idp.fault(Fault::WrongKid);
    scene.clock.advance(MINUTE * 4);
    assert_eq!(browser.who(&app).await, "alice");
    let tried = || async { (scene.idp.requests("/token") > asked).then_some(()) };
    eventually(Duration::from_secs(10), tried).await.expect("a refresh");
    scene.idp.fault(Fault::None);
    let refreshed = || {
        // The lease and the look for the key are over at some moment.
        scene.clock.advance(Duration::from_secs(5));
        let (mut browser, scene, app) = (browser.clone(), &scene, &app);
        async move {
            assert_eq!(browser.who(app).await, "alice", "{:?}", scene.events());
            let events = scene.events();
            events.iter().any(|event| event == "session.refresh success").then_some(())
        }
    };
    eventually(Duration::from_secs(10), refreshed).await.expect("a refresh by the new token");
    assert_eq!(scene.events(), ["login success", "session.refresh success"]);
}

#[tokio::test]
async fn no_other_instance_uses_a_refresh_token_while_its_exchange_may_still_run() {
    let scene = Scene::new().await;
    let app = |transport: &Arc<Refusing>| {
        let builder = scene.builder().deadline(Duration::from_secs(30)).transport(transport.clone());
        App(LoginLayer::new(builder.build().unwrap()))
    };
    let (here, there) = (Refusing::new(), Refusing::new());
    let (one, other, mut browser) = (app(&here), app(&there), Browser::default());
    browser.sign_in(&scene, &one, "alice").await;
    Browser::default().leave(&other, "/login").await;
    scene.idp.fault(Fault::TokenHang);
    scene.clock.advance(MINUTE * 4);
    let asked = here.asked("/token");
    assert_eq!(browser.who(&one).await, "alice");
    settle().await;
    assert_eq!(here.asked("/token"), asked + 1, "the first one's exchange");
    // 30 s for the exchange, 5 s for a key, 5 s for the store.
    for (seconds, exchanges) in [(0, 0), (39, 0), (1, 1)] {
        scene.clock.advance(Duration::from_secs(seconds));
        assert_eq!(browser.who(&other).await, "alice");
        settle().await;
        assert_eq!(there.asked("/token"), exchanges, "the lease holds, and no longer");
    }
}
