//! A page with htmx, whose server sends markup of strangers with its parts.

use std::path::Path;

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use gambeson::hardening_headers::{Csp, Hardening};

use crate::site::{Site, Way, hardened};

const PAGE: &str = "<!doctype html><html lang=\"en\"><title>htmx</title><script src=\"/htmx.js\"></script><body>\
    <button id=\"get\" hx-get=\"/part\" hx-target=\"#there\">get</button>\
    <form hx-post=\"/part\" hx-target=\"#there\"><input name=\"text\" value=\"hello\"><button id=\"post\">post</button></form>\
    <span id=\"wait\" class=\"htmx-indicator\">wait</span><div id=\"there\"></div></body></html>";

const PART: &str = "<p id=\"part\">a part</p><script>document.body.dataset.injected = 'script'</script>\
    <img src=\"/none.png\" onerror=\"document.body.dataset.injected = 'handler'\">\
    <b id=\"bold\" hx-on:click=\"document.body.dataset.injected = 'hx-on'\">bold</b>";

/// The page under this policy.
pub(crate) fn start(way: Way, policy: Csp) -> Site {
    Site::start(way, |origin| {
        let routes = Router::new()
            .route("/", get(async || Html(PAGE)))
            .route("/part", get(async || Html(PART)))
            .route("/part", post(async |text: String| Html(format!("<p id=\"sent\">{text}</p>"))))
            .route("/htmx.js", get(htmx));
        hardened(routes, Hardening::web().csp(policy).public_origin(origin))
    })
}

async fn htmx() -> impl IntoResponse {
    let peers = std::env::var("GAMBESON_PEERS").unwrap();
    let file = Path::new(&peers).join("browser/node_modules/htmx.org/dist/htmx.min.js");
    ([("content-type", "text/javascript")], std::fs::read(file).unwrap())
}
