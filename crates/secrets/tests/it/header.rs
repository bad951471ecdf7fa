//! The layer for outgoing requests.

use std::sync::{Arc, Mutex};

use gambeson_core::{BoxError, Profile, Refused, SecretErrorKind};
use gambeson_secrets::{MemoryStore, SecretHeaderLayer, SecretString, Secrets};
use gambeson_testing::contract::{self, Cases};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{SECONDS, clock, over, pass};

const API: &str = "https://api.example.com";
const CHAT: &str = "https://api.example.com/v1/chat";
const ELSEWHERE: &str = "https://elsewhere.example.com/v1/chat";

async fn layer(secrets: &Secrets) -> SecretHeaderLayer {
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    SecretHeaderLayer::builder(API).bearer(&key).build().unwrap()
}

/// A client that answers so, and remembers the field of each request.
type Seen = Arc<Mutex<Vec<Option<HeaderValue>>>>;

fn client(
    status: StatusCode,
    seen: &Seen,
) -> impl Service<Request<()>, Response = Response<()>, Error = BoxError, Future: Send> + Clone + use<> {
    let seen = Arc::clone(seen);
    service_fn(move |request: Request<()>| {
        seen.lock().unwrap().push(request.headers().get(header::AUTHORIZATION).cloned());
        let mut response = Response::new(());
        *response.status_mut() = status;
        std::future::ready(Ok::<_, BoxError>(response))
    })
}

fn ask(uri: &str) -> Request<()> {
    Request::post(uri).body(()).unwrap()
}

#[tokio::test]
async fn the_live_value_goes_to_its_origin_and_nowhere_else() {
    let (store, clock) = (MemoryStore::new().with("key", "first"), clock());
    let secrets = over(&store, &clock).await;
    let (layer, seen) = (layer(&secrets).await, Seen::default());
    let service = layer.layer(client(StatusCode::OK, &seen));
    let mut replaced = ask(CHAT);
    replaced.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer stale"));
    service.clone().oneshot(replaced).await.unwrap();
    service.clone().oneshot(ask(ELSEWHERE)).await.unwrap();
    store.put("key", "second");
    crate::support::settle().await;
    service.clone().oneshot(ask(CHAT)).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].as_ref().unwrap(), "Bearer first");
    assert!(seen[0].as_ref().unwrap().is_sensitive());
    assert_eq!((seen[1].as_ref(), seen[2].as_ref().unwrap().as_bytes()), (None, &b"Bearer second"[..]));
}

#[tokio::test]
async fn a_401_has_the_secret_read_again_once() {
    let (store, clock) = (MemoryStore::new().with("key", "first"), clock());
    let secrets = over(&store, &clock).await;
    let (layer, seen) = (layer(&secrets).await, Seen::default());
    let service = layer.layer(client(StatusCode::UNAUTHORIZED, &seen));
    for _ in 0..8 {
        assert_eq!(service.clone().oneshot(ask(CHAT)).await.unwrap().status(), 401);
        service.clone().oneshot(ask(ELSEWHERE)).await.unwrap();
    }
    pass(&clock, 1).await;
    assert_eq!(store.reads(), 2);
}

#[tokio::test]
async fn a_value_that_is_too_old_is_not_sent() {
    let (store, clock) = (MemoryStore::new(), clock());
    store.put_for("key", "value", SECONDS(5));
    let secrets = over(&store, &clock).await;
    let (layer, seen) = (layer(&secrets).await, Seen::default());
    clock.advance(SECONDS(5));
    let error = layer.layer(client(StatusCode::OK, &seen)).oneshot(ask(CHAT)).await.unwrap_err();
    let Refused(rejection) = *error.downcast::<Refused>().unwrap();
    assert_eq!(
        (rejection.slug(), rejection.status()),
        ("secret-unavailable", StatusCode::SERVICE_UNAVAILABLE)
    );
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn another_field_carries_the_secret_as_it_is() {
    let (store, clock) = (MemoryStore::new().with("key", "k-1"), clock());
    let key = over(&store, &clock).await.get::<SecretString>("mem://key").await.unwrap();
    let builder = SecretHeaderLayer::builder("http://127.0.0.1:3002").run_in(Profile::Development);
    let layer = builder.header(HeaderName::from_static("x-api-key"), &key).build().unwrap();
    let echo = service_fn(async |request: Request<()>| {
        Ok::<_, BoxError>(Response::new(request.headers()["x-api-key"].clone()))
    });
    let answer = layer.layer(echo).oneshot(ask("http://127.0.0.1:3002/v1")).await.unwrap();
    assert_eq!(answer.body(), "k-1");
}

#[tokio::test]
async fn a_layer_lists_all_that_is_wrong() {
    let (store, clock) = (MemoryStore::new().with("key", "two\nlines"), clock());
    let key = over(&store, &clock).await.get::<SecretString>("mem://key").await.unwrap();
    let error = SecretHeaderLayer::builder("http://api.example.com").bearer(&key).build().unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
    assert!(!error.to_string().contains("two"), "{error}");
    let error = SecretHeaderLayer::builder(API).build().unwrap_err();
    assert_eq!(error.problems()[0].field, "secrets.header.field");
}

#[tokio::test]
async fn the_layer_keeps_the_laws() {
    let (store, clock) = (MemoryStore::new().with("key", "value"), clock());
    let live = layer(&over(&store, &clock).await).await;
    assert!(!live.is_off());
    contract::check_outbound(move || live.clone(), Cases::passing(|| ask(CHAT))).await;

    store.put_for("key", "value", SECONDS(5));
    let ended = layer(&over(&store, &clock).await).await;
    // While the probes wait, its refresher runs: it must not find a new value.
    store.fail_with(Some(SecretErrorKind::Unavailable));
    clock.advance(SECONDS(5));
    let cases = Cases::passing(|| ask(ELSEWHERE)).refusing(|| ask(CHAT));
    contract::check_outbound(move || ended.clone(), cases).await;
    assert!(SecretHeaderLayer::off().is_off());
    contract::check_outbound(SecretHeaderLayer::off, Cases::passing(|| ask(CHAT))).await;
}
