//! An app whose library says nothing of its cookies, and that tells which ones came.

use axum::Router;
use axum::response::{AppendHeaders, Html, IntoResponse};
use axum::routing::{get, post};
use gambeson::hardening_headers::{Cookie, Cookies, Csrf, Hardening};
use http::HeaderMap;

use crate::site::{Site, Way, hardened};

/// The app; without the cross-site check, so that requests of other sites get as far as their cookies.
pub(crate) fn start(way: Way, cookies: Cookies) -> Site {
    Site::start(way, |origin| {
        let routes = Router::new()
            .route("/set", get(set))
            .route("/kept", get(async |headers: HeaderMap| Html(names(&headers))))
            .route("/post", post(async |headers: HeaderMap| names(&headers)));
        hardened(
            routes,
            Hardening::web().public_origin(origin).csrf(Csrf::dangerously_off()).cookies(cookies),
        )
    })
}

async fn set() -> impl IntoResponse {
    let mut typed = HeaderMap::new();
    Cookie::new("__Host-Http-typed", "1").unwrap().append_to(&mut typed);
    let bare = ["plain=1", "__Host-Http-bare=1; Secure; Path=/"].map(|line| ("set-cookie", line));
    (typed, AppendHeaders(bare), "set")
}

/// The names of all cookies that came, in order.
fn names(headers: &HeaderMap) -> String {
    let lines = headers.get_all("cookie").iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split("; "));
    let mut names: Vec<&str> = pairs.filter_map(|pair| pair.split('=').next()).collect();
    names.sort_unstable();
    names.join(" ")
}
