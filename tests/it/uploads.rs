//! Files that a stranger uploaded, and whether a script in one of them ran.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use gambeson::hardening_headers::{Csp, Hardening, Source};

use crate::site::{Site, Way, hardened};

const FILE: &str = "<!doctype html><title>a file</title><h1>a file</h1><script>fetch('/ran')</script>";
const DRAWING: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><text y=\"20\">a drawing</text><script>fetch('/ran')</script></svg>";

/// The files under the headers for them.
pub(crate) fn start(way: Way) -> Site {
    Site::start(way, |origin| app(Hardening::downloads().public_origin(origin)))
}

/// The same under headers that let scripts of theirs run.
pub(crate) fn start_open(way: Way) -> Site {
    let open = || [Source::SELF, Source::dangerously_unsafe_inline()];
    Site::start(way, |origin| app(Hardening::web().csp(Csp::web().script_src(open())).public_origin(origin)))
}

fn app(edge: Hardening) -> Router {
    let routes = Router::new()
        .route("/file.html", get(async || Html(FILE)))
        .route(
            "/named.html",
            get(async || ([("content-disposition", "inline; filename=\"letter.html\"")], Html(FILE))),
        )
        .route("/drawing.svg", get(async || ([("content-type", "image/svg+xml")], DRAWING)))
        .route("/ran", get(ran))
        .route(
            "/count",
            get(async |State(count): State<Arc<AtomicU64>>| count.load(Ordering::Relaxed).to_string()),
        )
        .with_state(Arc::new(AtomicU64::new(0)));
    hardened(routes, edge)
}

async fn ran(State(count): State<Arc<AtomicU64>>) {
    count.fetch_add(1, Ordering::Relaxed);
}
