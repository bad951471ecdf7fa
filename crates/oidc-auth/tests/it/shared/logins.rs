//! Two instances of an app behind one address.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gambeson_core::{Principal, RequestFacts, SecretBytes};
use gambeson_oidc_auth::LoginLayer;
use gambeson_oidc_auth::redis::{RedisStores, RedisStoresBuilder};
use gambeson_testing::eventually;
use http::{Method, Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use super::server::Server;
use crate::fake_issuer::{poll_once, settle};
use crate::login::browser::{App, Browser, Scene, location, refusal};

const MINUTE: Duration = Duration::from_secs(60);

/// The app twice, over one server.
pub(crate) struct Instances {
    pub(crate) server: Server,
    pub(crate) scene: Scene,
    pub(crate) here: App,
    pub(crate) there: App,
}

impl Instances {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(change: impl Fn(RedisStoresBuilder) -> RedisStoresBuilder) -> Self {
        let (server, scene) = (Server::start().await, Scene::new().await);
        let instance = || change(server.builder().poll_every(Duration::from_millis(100))).build().unwrap();
        let (here, there) = (app(&scene, &instance()), app(&scene, &instance()));
        Self { server, scene, here, there }
    }

    /// A further instance.
    pub(crate) fn app(&self, shared: &RedisStores) -> App {
        app(&self.scene, shared)
    }

    pub(crate) async fn sign_in(&self, browser: &mut Browser, person: &str) {
        browser.sign_in(&self.scene, &self.here, person).await;
        assert_eq!(browser.who(&self.here).await, person);
    }

    /// Refreshes so far, as the audit trail tells.
    fn refreshes(&self) -> usize {
        self.scene.events().iter().filter(|event| *event == "session.refresh success").count()
    }
}

fn app(scene: &Scene, shared: &RedisStores) -> App {
    let login = scene.builder().cookie_key(SecretBytes::new(vec![5; 32]));
    App(LoginLayer::new(login.store(Arc::new(shared.sessions().unwrap())).build().unwrap()))
}

/// Who asks, as a handler knows them.
pub(super) async fn principal(app: &App, browser: &Browser) -> Principal {
    let seen = Arc::new(Mutex::new(None));
    let into = seen.clone();
    let inner = service_fn(move |request: Request<()>| {
        *into.lock().unwrap() = RequestFacts::of(request.extensions()).unwrap().principal().cloned();
        async { Ok::<_, std::convert::Infallible>(Response::new(bytes::Bytes::new())) }
    });
    app.0.layer(inner).oneshot(browser.request(Method::GET, "/")).await.unwrap();
    seen.lock().unwrap().take().unwrap()
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn who_logs_in_at_one_instance_is_known_at_the_other_until_they_log_out_at_either() {
    let instances = Instances::new().await;
    let Instances { scene, here, there, .. } = &instances;
    let mut alice = Browser::default();
    // Begun here, finished there.
    let url = alice.leave(here, "/login").await;
    let back = scene.idp.sign_in(&url, "alice").unwrap();
    location(&alice.get(there, &back).await);
    assert_eq!((alice.who(here).await, alice.who(there).await), ("alice".into(), "alice".into()));
    let (first, again) = (principal(here, &alice).await, principal(here, &alice).await);
    assert_eq!(first.id(), again.id(), "the same principal from request to request");

    let (long_answer, kept) = (first, alice.clone());
    location(&alice.post(there, "/logout").await);
    assert_eq!(kept.clone().who(here).await, "nobody", "at once");
    assert_eq!(kept.clone().who(there).await, "nobody");
    let ended = || async { long_answer.end_signal().has_ended().then_some(()) };
    eventually(Duration::from_secs(10), ended).await.expect("the long answer is told");
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_long_answer_ends_though_nobody_asks_at_its_instance() {
    let instances = Instances::new().await;
    let mut alice = Browser::default();
    instances.sign_in(&mut alice, "alice").await;
    let (here, there) = (principal(&instances.here, &alice).await, principal(&instances.there, &alice).await);
    location(&alice.post(&instances.there, "/logout").await);
    assert!(there.end_signal().has_ended(), "at once where it was ended");
    let ended = || async { here.end_signal().has_ended().then_some(()) };
    eventually(Duration::from_secs(10), ended).await.expect("and soon at the other");
    // Somebody else's goes on.
    let (mut bob, mut carol) = (Browser::default(), Browser::default());
    instances.sign_in(&mut bob, "bob").await;
    instances.sign_in(&mut carol, "carol").await;
    let of_bob = principal(&instances.here, &bob).await;
    let of_carol = principal(&instances.here, &carol).await;
    location(&carol.post(&instances.there, "/logout").await);
    let ended = || async { of_carol.end_signal().has_ended().then_some(()) };
    eventually(Duration::from_secs(10), ended).await.expect("carol's ends");
    assert!(!of_bob.end_signal().has_ended());
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn of_both_instances_one_refreshes() {
    let instances = Instances::new().await;
    let Instances { scene, here, there, .. } = &instances;
    let mut alice = Browser::default();
    instances.sign_in(&mut alice, "alice").await;
    let before = principal(there, &alice).await;
    let asked = scene.idp.requests("/token");
    for round in 1..=3 {
        scene.clock.advance(MINUTE * 4);
        for _ in 0..25 {
            let (mut one, mut other) = (alice.clone(), alice.clone());
            let (one, other) = tokio::join!(one.who(here), other.who(there));
            assert_eq!((one.as_str(), other.as_str()), ("alice", "alice"));
        }
        let refreshed = || async { (instances.refreshes() >= round).then_some(()) };
        eventually(Duration::from_secs(10), refreshed).await.expect("a refresh");
        assert_eq!(scene.idp.requests("/token") - asked, round);
    }
    assert!(scene.events().iter().all(|event| event.ends_with("success")), "{:?}", scene.events());
    let after = principal(there, &alice).await;
    assert_eq!(before.id(), after.id(), "a refresh that changes nothing leaves the person as it was");
    assert!(!before.end_signal().has_ended());
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn without_the_server_it_is_503_and_with_it_all_goes_on() {
    let mut instances = Instances::new().await;
    let mut alice = Browser::default();
    instances.sign_in(&mut alice, "alice").await;
    let long_answer = principal(&instances.here, &alice).await;
    instances.server.kill();
    let answer = alice.get(&instances.here, "/notes").await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(
        Browser::default().who(&instances.here).await,
        "nobody",
        "who has no cookie asks nothing of it"
    );
    // Somebody who logs in meanwhile is not signed in.
    let mut bob = Browser::default();
    let url = bob.leave(&instances.here, "/login").await;
    let back = instances.scene.idp.sign_in(&url, "bob").unwrap();
    assert_eq!(refusal(&bob.get(&instances.here, &back).await), (503, "sessions-unavailable".into()));
    instances.server.start_again().await;
    let answers = || async {
        let answer = alice.clone().get(&instances.here, "/notes").await;
        (answer.status() == 200).then_some(answer)
    };
    let answer = eventually(Duration::from_secs(10), answers).await.expect("the same stores recover");
    assert_eq!(answer.body(), "nobody", "what it held is gone");
    let ended = || async { long_answer.end_signal().has_ended().then_some(()) };
    eventually(Duration::from_secs(10), ended).await.expect("so long answers end");
    let mut again = Browser::default();
    instances.sign_in(&mut again, "alice").await;
    assert_eq!(again.who(&instances.there).await, "alice");
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn who_gives_up_gets_in_nobodys_way() {
    let instances = Instances::new().await;
    let (mut alice, mut bob) = (Browser::default(), Browser::default());
    instances.sign_in(&mut alice, "alice").await;
    instances.sign_in(&mut bob, "bob").await;
    for _ in 0..20 {
        let mut asked = pin!(instances.there.ask(alice.request(Method::GET, "/notes")));
        assert!(poll_once(asked.as_mut()).is_pending());
        settle().await;
    }
    for _ in 0..20 {
        assert_eq!(bob.who(&instances.there).await, "bob", "nobody gets another's answer");
        assert_eq!(alice.who(&instances.there).await, "alice");
    }
    // A log-out that is given up half-way ends the session or does not; it stays neither here nor there.
    let mut leaving = alice.clone();
    {
        let mut asked = pin!(leaving.post(&instances.there, "/logout"));
        assert!(poll_once(asked.as_mut()).is_pending());
    }
    settle().await;
    let (one, other) = (alice.clone().who(&instances.here).await, alice.clone().who(&instances.there).await);
    assert_eq!(one, other);
}
