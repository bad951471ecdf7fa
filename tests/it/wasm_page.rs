//! A page that is hydrated as frameworks with WebAssembly do it: by an inline script with the nonce.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use gambeson::hardening_headers::{Csp, Hardening, Nonce};

use crate::site::{Site, Way, hardened};

/// The page under this policy.
pub(crate) fn start(way: Way, policy: Csp) -> Site {
    Site::start(way, |origin| {
        hardened(Router::new().route("/", get(page)), Hardening::web().csp(policy).public_origin(origin))
    })
}

/// The smallest module there is: its mark and its version.
async fn page(nonce: Nonce) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>wasm</title><body><script nonce=\"{nonce}\">
const told = document.body.dataset;
try {{ told.text = eval('\"evaluated\"'); }} catch (error) {{ told.text = error.name; }}
WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))
  .then(() => {{ told.wasm = 'compiled'; }}, (error) => {{ told.wasm = error.name; }})
  .finally(() => {{ told.done = 'done'; }});
</script></body></html>"
    ))
}
