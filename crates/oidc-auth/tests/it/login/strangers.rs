//! What strangers can take away from others by asking a lot.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{FixedEntropy, PeerInfo, RequestFacts};
use gambeson_oidc_auth::{Issuer, Login, LoginLayer};
use gambeson_testing::{Fault, eventually};
use http::{Method, Request, Response, header};

use super::browser::{App, Browser, ORIGIN, Scene, location, parameter, refusal};
use crate::fake_issuer::{House, ISSUER, Mood, poll_once, settle};

const HOUR: Duration = Duration::from_secs(3_600);

/// A provider that answers from memory, where it answers.
fn house() -> House {
    let house = House::with(&[]);
    house.issuer.edit(|state| {
        for (name, path) in [
            ("authorization_endpoint", "authorize"),
            ("token_endpoint", "token"),
            ("end_session_endpoint", "logout"),
        ] {
            state.metadata[name] = format!("{ISSUER}/{path}").into();
        }
    });
    house
}

fn app(house: &House) -> App {
    let login = Login::builder(Issuer::discover(ISSUER), "notes-web")
        .public_origin("https://notes.example.com")
        .clock(Arc::new(house.clock.clone()))
        .timer(Arc::new(house.clock.clone()))
        .entropy(Arc::new(FixedEntropy::starting_at(1)))
        .transport(Arc::new(house.issuer.clone()));
    App(LoginLayer::new(login.build().unwrap()))
}

fn asked(house: &House, end: &str) -> usize {
    house.issuer.edit(|state| state.seen.iter().filter(|(url, ..)| url.ends_with(end)).count())
}

const DOCUMENT: &str = "/.well-known/openid-configuration";

fn of_network(mut request: Request<()>, last: u8) -> Request<()> {
    let mut peer = PeerInfo::new();
    peer.address = Some([192, 0, 2, last].into());
    RequestFacts::ensure(&mut request).set_peer(peer);
    request
}

type Call<'a> = Pin<Box<dyn Future<Output = Response<Bytes>> + Send + 'a>>;

/// A request of this network, begun.
fn begun(app: &App, request: Request<()>, last: u8) -> (Call<'_>, Option<Response<Bytes>>) {
    let mut call: Call<'_> = Box::pin(app.ask(of_network(request, last)));
    match poll_once(call.as_mut()) {
        Poll::Ready(answer) => (call, Some(answer)),
        Poll::Pending => (call, None),
    }
}

/// A made-up answer to a log-in that was begun.
async fn made_up(app: &App) -> (Browser, Request<()>) {
    let mut browser = Browser::default();
    let url = browser.leave(app, "/login").await;
    let (state, issuer) = (parameter(&url, "state").unwrap(), url.split("/authorize?").next().unwrap());
    let back = format!("/login/callback?code=made-up&state={state}&iss={issuer}");
    let request = browser.request(Method::GET, &back);
    (browser, request)
}

#[tokio::test]
async fn who_makes_codes_up_takes_no_place_of_others() {
    let house = house();
    let app = app(&house);
    let (_, request) = made_up(&app).await;
    let mut many = Vec::new();
    for _ in 0..20 {
        many.push(made_up(&app).await.1);
    }
    house.issuer.mood(Mood::Hangs);
    let (first, mut calls) = (begun(&app, request.clone(), 1), Vec::new());
    assert!(first.1.is_none());
    let (_, again) = begun(&app, request.clone(), 2);
    let again = again.expect("one exchange of a log-in at a time, wherever it is asked for");
    assert_eq!(refusal(&again), (503, "login-unavailable".into()));
    assert!(!again.headers().contains_key(header::SET_COOKIE), "it was not used up");
    for request in many.drain(..19) {
        calls.push(begun(&app, request, 1));
    }
    assert_eq!(asked(&house, "/token"), 16, "a network's share");
    assert_eq!(calls.iter().filter(|(_, answer)| answer.is_some()).count(), 4);
    let honest = begun(&app, many.remove(0), 2);
    assert!(honest.1.is_none() && asked(&house, "/token") == 17, "others are not kept out");
    drop((first, calls, honest));
    let (_call, answer) = begun(&app, request, 1);
    assert!(answer.is_none(), "who goes away gives places back");
}

#[tokio::test]
async fn sessions_are_refreshed_whatever_goes_on_at_the_log_in() {
    let scene = Scene::new().await;
    let (app, mut alice) = (scene.app(), Browser::default());
    alice.sign_in(&scene, &app, "alice").await;
    scene.clock.advance(Duration::from_secs(240));
    let mut requests = Vec::new();
    for _ in 0..64 {
        requests.push(made_up(&app).await.1);
    }
    scene.idp.fault(Fault::TokenHang);
    let before = scene.idp.requests("/token");
    let mut calls = Vec::new();
    for (request, last) in requests.into_iter().zip(0_u8..) {
        let (call, answer) = begun(&app, of_network(request, last / 16), last / 16);
        assert!(answer.is_none(), "{last}");
        calls.push(call);
    }
    assert_eq!(alice.who(&app).await, "alice");
    for call in &mut calls {
        assert!(poll_once(call.as_mut()).is_pending());
    }
    let refreshed = || async { (scene.idp.requests("/token") > before).then_some(()) };
    eventually(Duration::from_secs(10), refreshed).await.expect("the refresh has a place");
}

#[tokio::test]
async fn what_was_found_serves_while_it_is_looked_for_again() {
    let house = house();
    let app = app(&house);
    let mut browser = Browser::default();
    browser.leave(&app, "/login").await;
    let found = asked(&house, DOCUMENT);
    house.issuer.mood(Mood::Hangs);
    house.pass(HOUR).await;
    for _ in 0..50 {
        let (_, answer) = begun(&app, browser.request(Method::GET, "/login"), 1);
        assert!(location(&answer.expect("nobody waits")).starts_with(ISSUER));
    }
    settle().await;
    assert_eq!(asked(&house, DOCUMENT), found + 2, "one for the keys, one for the log-in, behind them");
    house.pass(HOUR * 23).await;
    let (_, answer) = begun(&app, browser.request(Method::GET, "/login"), 1);
    assert!(answer.is_none(), "a day later it counts no more");
}

#[tokio::test]
async fn the_places_to_wait_at_a_cold_start_are_shared_out() {
    let house = house();
    house.issuer.mood(Mood::Hangs);
    let app = app(&house);
    let browser = Browser::default();
    let ask = |last| begun(&app, browser.request(Method::GET, "/login"), last);
    let calls: Vec<_> = (0..40).map(|_| ask(1)).collect();
    let refused: Vec<_> = calls.iter().filter_map(|(_, answer)| answer.as_ref()).collect();
    assert_eq!(refused.len(), 8);
    assert_eq!(refusal(refused[0]), (503, "login-unavailable".into()));
    assert!(ask(2).1.is_none(), "others may wait");
    settle().await;
    assert_eq!(asked(&house, DOCUMENT), 2, "one of the keys', one of the log-in's");
}

#[tokio::test]
async fn a_log_out_waits_for_nobody() {
    let scene = Scene::new().await;
    let mut alice = Browser::default();
    alice.sign_in(&scene, &scene.app(), "alice").await;
    scene.idp.fault(Fault::Slow);
    // Another instance, which has not looked at the provider yet.
    let app = scene.app();
    let (_, answer) = begun(&app, alice.request(Method::POST, "/logout"), 1);
    assert_eq!(location(&answer.expect("an answer at once")), format!("{ORIGIN}/"));
    assert_eq!(alice.who(&app).await, "nobody");
}

#[tokio::test]
async fn an_answer_that_could_not_be_taken_yet_may_come_again() {
    let scene = Scene::new().await;
    let (app, mut alice) = (scene.app(), Browser::default());
    let entropy = || Arc::new(FixedEntropy::starting_at(1));
    let key = || gambeson_core::SecretBytes::new(vec![7; 32]);
    let began = App(LoginLayer::new(scene.builder().cookie_key(key()).entropy(entropy()).build().unwrap()));
    let url = alice.leave(&began, "/login").await;
    let back = scene.idp.sign_in(&url, "alice").unwrap();
    scene.idp.fault(Fault::Down);
    // Another instance, which has not looked at the provider yet.
    let cold = App(LoginLayer::new(scene.builder().cookie_key(key()).build().unwrap()));
    let answer = alice.get(&cold, &back).await;
    assert_eq!(refusal(&answer), (503, "login-unavailable".into()));
    assert!(answer.headers().contains_key(header::RETRY_AFTER));
    scene.idp.fault(Fault::None);
    scene.clock.advance(Duration::from_secs(3));
    assert_eq!(location(&alice.get(&cold, &back).await), format!("{ORIGIN}/"), "the page, reloaded");
    assert_eq!(alice.who(&app).await, "alice");
}
