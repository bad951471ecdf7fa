//! A small app on this machine, behind `serve`.

use std::net::SocketAddr;

use axum::Router;
use gambeson::hardening_headers::serve::{Server, serve};
use gambeson::hardening_headers::{Hardening, PeerLayer, TrustedProxies};
use tokio::runtime::Runtime;

/// The running app; it ends when dropped.
pub(crate) struct Site {
    pub(crate) origin: String,
    _runtime: Runtime,
}

impl Site {
    /// Serves what `app` makes for its origin, under this name. The browser takes `localhost` and all of `*.test` for this
    /// machine.
    pub(crate) fn start(host: &str, app: impl FnOnce(&str) -> Router) -> Self {
        let runtime = Runtime::new().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(any)).unwrap();
        let origin = format!("http://{host}:{}", listener.local_addr().unwrap().port());
        let app = app(&origin);
        runtime.spawn(serve(listener, app, Server::new()));
        Self { origin, _runtime: runtime }
    }
}

/// The routes under these headers.
pub(crate) fn hardened(routes: Router, edge: Hardening) -> Router {
    let edge = edge.build().unwrap();
    routes.layer((PeerLayer::new(TrustedProxies::none()), edge.layer()))
}
