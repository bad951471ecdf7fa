//! Reading a live secret, the header it goes into, and a herd of first readers.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use gambeson_secrets::{MemoryStore, Secret, SecretHeaderLayer, SecretString, Secrets};
use http::{Request, Response};
use tokio::runtime::Runtime;
use tower::{Layer, Service, service_fn};

use crate::drive::now;
use crate::{Case, Figure, Kind, Run};

const CRATE: &str = "secrets";
const API: &str = "https://api.example.com";

pub(super) fn cases() -> Vec<Case> {
    let case = |name, kind, ours| Case::new(CRATE, name, kind).bare(|| sent(ask(), None)).gambeson(ours);
    vec![
        Case::new(CRATE, "live_read", Kind::Part).gambeson(|| {
            let (runtime, secrets, secret) = live();
            Box::new(move || {
                let _ = (&runtime, &secrets);
                black_box(&*black_box(&secret).load());
            })
        }),
        case("layer_pass", Kind::Pass, || sent(ask(), Some(API))),
        case("layer_reject", Kind::Reject, || sent(ask(), Some("https://other.example.com"))),
    ]
}

pub(super) fn figures() -> Vec<Figure> {
    let (case, metric) = ("cold_herd_64_upstream_calls", "count");
    vec![Figure { krate: CRATE, case, subject: "gambeson", metric, measure: herd }]
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn live() -> (Runtime, Secrets, Secret<SecretString>) {
    let runtime = runtime();
    let (secrets, secret) = runtime.block_on(async {
        let secrets = connected(MemoryStore::new().with("key", "t0k3n")).await;
        let secret = secrets.get("mem://key").await.expect("a secret");
        (secrets, secret)
    });
    (runtime, secrets, secret)
}

async fn connected(store: MemoryStore) -> Secrets {
    let secrets = Secrets::builder().store("mem", store).allow(["mem://*"]);
    secrets.connect(Duration::from_secs(5)).await.expect("valid settings")
}

fn ask() -> Request<Bytes> {
    Request::get("https://api.example.com/v1/models").body(Bytes::new()).expect("a request")
}

/// The request to the other side, through the layer when there is one for that origin.
fn sent(request: Request<Bytes>, origin: Option<&'static str>) -> Run {
    let api = service_fn(|request: Request<Bytes>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(request.headers().len())))
    });
    let Some(origin) = origin else {
        let mut api = api;
        return Box::new(move || {
            black_box(now(api.call(request.clone())).is_ok());
        });
    };
    let (runtime, secrets, secret) = live();
    let layer = SecretHeaderLayer::builder(origin).bearer(&secret).build().expect("valid settings");
    let mut api = layer.layer(api);
    let headers = *now(api.call(request.clone())).expect("an answer").body();
    assert_eq!(headers, usize::from(origin == API), "the secret goes to its origin only");
    Box::new(move || {
        let _ = (&runtime, &secrets);
        black_box(now(api.call(request.clone())).is_ok());
    })
}

/// How often a store is asked when 64 tasks want a secret that nobody read before.
fn herd() -> f64 {
    let runtime = runtime();
    let store = MemoryStore::new().with("key", "t0k3n");
    runtime.block_on(async {
        let secrets = connected(store.clone()).await;
        let one = || {
            let secrets = secrets.clone();
            async move { secrets.get::<SecretString>("mem://key").await.is_ok() }
        };
        let tasks: Vec<_> = (0..64).map(|_| tokio::spawn(one())).collect();
        for task in tasks {
            assert!(task.await.is_ok_and(|read| read), "each has its secret");
        }
    });
    store.reads() as f64
}
