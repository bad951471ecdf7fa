//! The smallest app under `Hardening::web()`: a page with a nonce that fails to escape what it is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use gambeson::hardening_headers::{Hardening, Nonce};
use http::{HeaderMap, StatusCode};

use crate::site::{Site, Way, hardened};

pub(crate) fn start(way: Way) -> Site {
    Site::start(way, app)
}

fn app(origin: &str) -> Router {
    let routes = Router::new()
        .route("/", get(page))
        .route("/kept", get(kept))
        .route("/kept-with-policy", get(kept_with_policy))
        .route("/changes", post(change).get(changes))
        .with_state(Arc::new(AtomicU64::new(0)));
    hardened(routes, Hardening::web().public_origin(origin))
}

async fn page(nonce: Nonce, Query(query): Query<Vec<(String, String)>>) -> Html<String> {
    let text: String = query.into_iter().filter(|(name, _)| name == "text").map(|(_, value)| value).collect();
    html(nonce, &text)
}

fn html(nonce: Nonce, text: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>A page with a nonce</title><body>\
         <h1>A page with a nonce</h1><p>{text}</p>\
         <form method=\"post\" action=\"/changes\"><button>change</button></form>\
         <script nonce=\"{nonce}\">document.body.dataset.own = 'ran'</script></body></html>"
    ))
}

/// A page that the browser keeps, and asks each time whether it is still the same.
async fn kept(nonce: Nonce, headers: HeaderMap) -> Response {
    let marks = [("etag", "\"v1\""), ("cache-control", "no-cache")];
    match headers.contains_key("if-none-match") {
        true => (StatusCode::NOT_MODIFIED, marks).into_response(),
        false => (marks, html(nonce, "kept")).into_response(),
    }
}

/// The same as other layers answer it: with the policy of the new nonce on the 304 too.
async fn kept_with_policy(nonce: Nonce, headers: HeaderMap) -> Response {
    let policy = [("content-security-policy", format!("script-src 'nonce-{nonce}'; frame-ancestors 'none'"))];
    (policy, kept(nonce, headers).await).into_response()
}

async fn change(State(count): State<Arc<AtomicU64>>) -> Redirect {
    count.fetch_add(1, Ordering::Relaxed);
    Redirect::to("/changes")
}

async fn changes(State(count): State<Arc<AtomicU64>>) -> String {
    count.load(Ordering::Relaxed).to_string()
}
