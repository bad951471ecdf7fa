//! Workers of all kinds, and what they may do under the policy that comes with their script.

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use gambeson::hardening_headers::{Csp, Hardening};

use crate::site::{Site, Way, hardened};

/// Tells what it could do: load a script of its own, fetch from its own origin, fetch from another.
const WORKER: &str = "
const able = async (elsewhere) => {
  const tells = {};
  try { importScripts('/lib.js'); tells.imported = self.lib; } catch { tells.imported = false; }
  tells.fetched = await fetch('/data').then((data) => data.text(), () => false);
  tells.elsewhere = await fetch(elsewhere, { mode: 'no-cors' }).then(() => true, () => false);
  tells.evaluated = (() => { try { return eval('true'); } catch { return false; } })();
  tells.isolated = self.crossOriginIsolated;
  return tells;
};
const answer = async (port, elsewhere) => port.postMessage(await able(elsewhere));
self.onconnect = ({ ports: [port] }) => { port.onmessage = ({ data }) => answer(port, data); };
self.onmessage = ({ data, source, ports }) => answer(ports?.[0] ?? source ?? self, data);
// A service worker may import later only what it has imported while it was installed.
if (self.registration) try { importScripts('/lib.js'); } catch {}
";

/// An app whose pages have workers.
pub(crate) fn start(way: Way, edge: Hardening) -> Site {
    let script = |text: &'static str| async move || ([("content-type", "text/javascript")], text);
    Site::start(way, |origin| {
        let routes = Router::new()
            .route(
                "/",
                get(async || {
                    Html("<!doctype html><html lang=\"en\"><title>workers</title><body></body></html>")
                }),
            )
            .route("/worker.js", get(script(WORKER)))
            .route("/lib.js", get(script("self.lib = true;")))
            .route("/data", get(async || "data"))
            .route("/locked.js", get(locked))
            .route("/open.js", get(open));
        hardened(routes, edge.public_origin(origin))
    })
}

/// The worker under the policy of answers that are no pages.
async fn locked() -> impl IntoResponse {
    let policy = Csp::api().to_string();
    ([("content-type", "text/javascript".to_owned()), ("content-security-policy", policy)], WORKER)
}

/// The worker under a policy that limits nothing.
async fn open() -> impl IntoResponse {
    ([("content-type", "text/javascript"), ("content-security-policy", "frame-ancestors 'none'")], WORKER)
}
