//! An app with a WebSocket and a form, for pages of its own and of others.

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Html;
use axum::routing::{any, get, post};
use gambeson::hardening_headers::{Csrf, Hardening};

use crate::site::{Site, Way, hardened};

/// The app, with or without the cross-site check.
pub(crate) fn start(way: Way, csrf: Csrf) -> Site {
    Site::start(way, |origin| {
        let (_, name) = origin.split_once("://").unwrap();
        let routes = Router::new()
            .route(
                "/",
                get(async || {
                    Html("<!doctype html><html lang=\"en\"><title>sockets</title><body></body></html>")
                }),
            )
            .route("/post", post(async || "posted"))
            .route("/socket", any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(greet)));
        hardened(routes, Hardening::web().hosts([name.to_owned()]).csrf(csrf))
    })
}

async fn greet(mut socket: WebSocket) {
    let _ = socket.send(Message::text("hello")).await;
}
