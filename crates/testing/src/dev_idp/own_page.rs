//! Which forms are the provider's own.

use http::HeaderMap;
use http::header::HOST;

use crate::dev_server::own_origin;

/// Whether one of the provider's own pages sends it, under whichever loopback name the browser opened it.
pub(super) fn own_page(headers: &HeaderMap, issuer: &str) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    own_origin(headers, issuer) || own_origin(headers, &format!("http://{host}"))
}
