//! The smallest app under `Hardening::web()`: a page with a nonce that fails to escape what it is given.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use gambeson::hardening_headers::{Hardening, Nonce, PeerLayer, TrustedProxies};
use tokio::runtime::Runtime;

/// The running app; it ends when dropped.
pub(crate) struct NoncePage {
    pub(crate) origin: String,
    _runtime: Runtime,
}

impl NoncePage {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(any)).unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let app = app(&origin);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { origin, _runtime: runtime }
    }
}

fn app(origin: &str) -> Router {
    let edge = Hardening::web().public_origin(origin).build().unwrap();
    Router::new()
        .route("/", get(page))
        .route("/changes", post(change).get(changes))
        .with_state(Arc::new(AtomicU64::new(0)))
        .layer(edge.layer())
        .layer(PeerLayer::new(TrustedProxies::none()))
}

async fn page(nonce: Nonce, Query(query): Query<Vec<(String, String)>>) -> Html<String> {
    let text: String = query.into_iter().filter(|(name, _)| name == "text").map(|(_, value)| value).collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>A page with a nonce</title><body>\
         <h1>A page with a nonce</h1><p>{text}</p>\
         <form method=\"post\" action=\"/changes\"><button>change</button></form>\
         <script nonce=\"{nonce}\">document.body.dataset.own = 'ran'</script></body></html>"
    ))
}

async fn change(State(count): State<Arc<AtomicU64>>) -> Redirect {
    count.fetch_add(1, Ordering::Relaxed);
    Redirect::to("/changes")
}

async fn changes(State(count): State<Arc<AtomicU64>>) -> String {
    count.load(Ordering::Relaxed).to_string()
}
