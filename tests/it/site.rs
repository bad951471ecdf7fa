//! A small app on this machine, behind `serve`.

use std::net::SocketAddr;
use std::sync::LazyLock;

use axum::Router;
use gambeson::hardening_headers::serve::{Server, Tls, serve};
use gambeson::hardening_headers::{Hardening, PeerLayer, TrustedProxies};
use rcgen::CertifiedKey;
use tokio::runtime::Runtime;

/// How a browser reaches a site. It takes `localhost` and all of `*.test` for this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    tls: bool,
    host: &'static str,
}

impl Way {
    /// Every way on which pages have to be as promised: browsers make exceptions for `localhost`.
    pub(crate) const ALL: [Self; 3] =
        [Self::plain("localhost"), Self::tls("localhost"), Self::tls("app.test")];

    pub(crate) const fn plain(host: &'static str) -> Self {
        Self { tls: false, host }
    }

    pub(crate) const fn tls(host: &'static str) -> Self {
        Self { tls: true, host }
    }

    /// The same to another name.
    pub(crate) const fn to(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    /// Names whose pages are of the same site.
    pub(crate) fn near(self) -> &'static [&'static str] {
        match self.host {
            "app.test" => &["app.test", "api.app.test"],
            _ => &["localhost"],
        }
    }

    /// Whether the browser says from which site a request comes.
    pub(crate) fn tells_the_site(self) -> bool {
        self.tls || self.host == "localhost"
    }
}

/// The certificate of all sites, which has authorised itself, in PEM, and its key.
pub(crate) static CERTIFICATE: LazyLock<(String, String)> = LazyLock::new(|| {
    let names = ["localhost", "127.0.0.1", "app.test", "api.app.test", "untold.test", "elsewhere.test"];
    let names = names.map(str::to_owned);
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
    (cert.pem(), signing_key.serialize_pem())
});

/// The running app; it ends when dropped.
pub(crate) struct Site {
    pub(crate) origin: String,
    _runtime: Runtime,
}

impl Site {
    /// Serves what `app` makes for its origin.
    pub(crate) fn start(way: Way, app: impl FnOnce(&str) -> Router) -> Self {
        let runtime = Runtime::new().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(any)).unwrap();
        let (scheme, server) = match way.tls {
            false => ("http", Server::new()),
            true => {
                let (chain, key) = &*CERTIFICATE;
                ("https", Server::new().tls(Tls::new(chain.as_bytes(), key.as_bytes()).unwrap()))
            }
        };
        let origin = format!("{scheme}://{}:{}", way.host, listener.local_addr().unwrap().port());
        let app = app(&origin);
        runtime.spawn(serve(listener, app, server));
        Self { origin, _runtime: runtime }
    }
}

/// The routes under these headers.
pub(crate) fn hardened(routes: Router, edge: Hardening) -> Router {
    let edge = edge.build().unwrap();
    routes.layer((PeerLayer::new(TrustedProxies::none()), edge.layer()))
}
