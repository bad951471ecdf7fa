//! A secret on outgoing requests, as a header field, to one origin and nowhere else.
//!
//! # What it stops
//!
//! A credential that is read once and then kept in a client's default headers: that one never rotates, and goes along to
//! whatever address the client is led to. This layer takes the live value for each request, marks it sensitive (so that `Debug` of the
//! headers and HPACK's table leave it out), puts it on requests to the declared origin only, refuses to send one that is
//! too old, and lets the secret be read again when the other side answers 401.
//!
//! It does **not** send a request again after a 401, stop a request to another origin (it passes without the secret), see
//! redirects that a client beneath it follows by itself, or keep copies out of the buffers of the connection.
//!
//! # Place in the stack
//!
//! `out 3`: nearest to the client, inside of telemetry, spending limits and breakers. Layers that rewrite the URI go outside
//! of it; requests must have absolute URIs.
//!
//! # Example
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use bytes::Bytes;
//! use gambeson_core::Refused;
//! use gambeson_secrets::{MemoryStore, SecretHeaderLayer, SecretString, Secrets};
//! use http::{Request, Response};
//! use std::{convert::Infallible, time::Duration};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! let store = MemoryStore::new();
//! store.put_for("model-key", "s3cr3t", Duration::from_nanos(1)); // a lifetime that is over at once
//! store.put("other-key", "t0k3n");
//! let secrets = Secrets::builder().store("mem", store).allow(["mem://*"]).connect(Duration::from_secs(5)).await.unwrap();
//!
//! // What the other side sees.
//! let api = service_fn(async |request: Request<Bytes>| {
//!     Ok::<_, Infallible>(Response::new(request.headers().get("authorization").cloned()))
//! });
//! let ask = |uri| Request::get(uri).body(Bytes::new()).unwrap();
//!
//! let key = secrets.get::<SecretString>("mem://other-key").await.unwrap();
//! let layer = SecretHeaderLayer::builder("https://api.example.com").bearer(&key).build().unwrap();
//! let sent = layer.layer(api).oneshot(ask("https://api.example.com/v1")).await.unwrap();
//! assert_eq!(sent.body().as_ref().unwrap(), "Bearer t0k3n");
//! let elsewhere = layer.layer(api).oneshot(ask("https://api.example.com.evil.example/v1")).await.unwrap();
//! assert!(elsewhere.body().is_none());
//!
//! // A value that is too old is refused.
//! let key = secrets.get::<SecretString>("mem://model-key").await.unwrap();
//! let layer = SecretHeaderLayer::builder("https://api.example.com").bearer(&key).build().unwrap();
//! let error = layer.layer(api).oneshot(ask("https://api.example.com/v1")).await.unwrap_err();
//! assert_eq!(error.downcast::<Refused>().unwrap().0.slug(), "secret-unavailable");
//! # }
//! ```
//!
//! # Customised
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use gambeson_core::Profile;
//! # use gambeson_secrets::{MemoryStore, SecretHeaderLayer, SecretString, Secrets};
//! # let store = MemoryStore::new().with("model-key", "s3cr3t");
//! # let secrets = Secrets::builder().store("mem", store).allow(["mem://*"]).connect(std::time::Duration::from_secs(5)).await?;
//! let key = secrets.get::<SecretString>("mem://model-key").await?;
//! let layer = SecretHeaderLayer::builder("http://127.0.0.1:3002")
//!     .header(http::HeaderName::from_static("x-api-key"), &key)
//!     .run_in(Profile::Development) // plain http: on loopback, in development
//!     .build()?;
//! # let _ = layer;
//! # Ok(()) }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | origin | none: it must be given | a secret without an address goes everywhere |
//! | scheme | `https` | `http` only to loopback, in development |
//! | field | none: `bearer` or `header` must be called | |
//! | a field of that name on the request | replaced | the live value is the truth |
//! | profile | production | |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `secret-unavailable` | 503 | the value is too old ([`SecretState::Failed`](crate::SecretState::Failed)); nothing is sent |
//!
//! It comes as core's [`Refused`](gambeson_core::Refused), found in the error by downcast.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `the other side rejected the secret; it is read again` (reference, version) | warn | a 401; again after growing waits while the value stays the same |
//! | `requests without the secret …` (origin, count) | warn | a request elsewhere, at the 1st, 2nd, 4th, 8th … |
//! | `RequestFacts::rejection` | | each refusal |
//!
//! # Cancel safety
//!
//! A request that is dropped half-way leaves nothing behind: a 401 that was not seen is not reported.
//!
//! # Errors
//!
//! [`SecretHeaderBuilder::build`] lists all that is wrong at once. The service's error is a `BoxError`: the refusal above, or the
//! inner service's error.
//!
//! # Standards
//!
//! RFC 6750 §2.1 (bearer), RFC 9110 §11.6.2 (Authorization) and §15.5.2 (401), RFC 6454 §4 (origin), RFC 7541 §7.1.3
//! (never-indexed literals); CWE-522, CWE-200.

mod builder;
mod future;
mod layer;
mod origin;

use http::HeaderValue;
use zeroize::Zeroizing;

pub use builder::SecretHeaderBuilder;
pub use future::SecretHeaderFuture;
pub use layer::{SecretHeader, SecretHeaderLayer};

use crate::SecretString;
use crate::error::Malformed;

/// `Bearer` and the secret, as a sensitive value.
pub(crate) fn bearer(secret: &SecretString) -> Result<HeaderValue, Malformed> {
    value("Bearer ", secret)
}

/// The secret as it is, as a sensitive value.
fn plain(secret: &SecretString) -> Result<HeaderValue, Malformed> {
    value("", secret)
}

/// A value over a buffer that is wiped with its last clone.
fn value(prefix: &str, secret: &SecretString) -> Result<HeaderValue, Malformed> {
    let secret = secret.expose();
    let mut text = Zeroizing::new(Vec::with_capacity(prefix.len() + secret.len()));
    text.extend_from_slice(prefix.as_bytes());
    text.extend_from_slice(secret.as_bytes());
    let shared = bytes::Bytes::from_owner(text);
    let mut value = HeaderValue::from_maybe_shared(shared).map_err(|_| Malformed::NOT_A_HEADER)?;
    value.set_sensitive(true);
    Ok(value)
}
