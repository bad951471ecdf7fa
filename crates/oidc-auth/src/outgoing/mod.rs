//! Tokens of this app on its calls to other services.
//!
//! # What it stops
//!
//! Long-lived API keys between services, a token that goes to whatever address a client is led to, a thousand requests that
//! each ask the provider for a token of their own, and the burst of 401 when one expires. [`TokenLayer`] puts a short-lived
//! token on requests to declared origins. It is renewed behind a request at a random point between 70 % and 85 % of its
//! life, so that nobody waits for it; where none is there yet, one exchange serves all who wait. While the issuer is
//! down, a token that is still good is used on; afterwards requests are refused, not sent without one.
//!
//! It does **not** follow redirects (a client beneath it that does is led elsewhere without the layer seeing it: switch that off),
//! replace an `Authorization` field that the app has set itself for calls of its own, or stop a request to another origin, which passes without the token.
//! On behalf of callers it stops every request that has such a field, wherever it goes: a copied one would be the caller's own token. Only what another
//! `TokenLayer` has put there goes on, to other origins than its own.
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
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use gambeson_core::Refused;
//! use gambeson_oidc_auth::outgoing::{TokenLayer, TokenSource};
//! use http::{Request, Response};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # let folder = std::env::temp_dir().join(format!("gambeson-outgoing-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).unwrap();
//! # let token = folder.join("token");
//! // What the other side sees.
//! let api = service_fn(async |request: Request<Bytes>| {
//!     Ok::<_, Infallible>(Response::new(request.headers().get("authorization").cloned()))
//! });
//! let ask = |uri| Request::get(uri).body(Bytes::new()).unwrap();
//!
//! // Kubernetes: a projected token at /var/run/secrets/tokens/orders.
//! let source = TokenSource::workload_file(&token).build().unwrap();
//! let layer = TokenLayer::builder(source).origin("https://orders.example.com").build().unwrap();
//!
//! // Without a token nothing is sent.
//! let error = layer.layer(api).oneshot(ask("https://orders.example.com/v1")).await.unwrap_err();
//! assert_eq!(error.downcast::<Refused>().unwrap().0.slug(), "outgoing-token-unavailable");
//!
//! std::fs::write(&token, "t0k3n").unwrap();
//! # let source = TokenSource::workload_file(&token).build().unwrap(); // Without waiting for the next try.
//! # let layer = TokenLayer::builder(source).origin("https://orders.example.com").build().unwrap();
//! let sent = layer.layer(api).oneshot(ask("https://orders.example.com/v1")).await.unwrap();
//! assert_eq!(sent.body().as_ref().unwrap(), "Bearer t0k3n");
//! let elsewhere = layer.layer(api).oneshot(ask("https://orders.example.com.evil.example/v1")).await.unwrap();
//! assert!(elsewhere.body().is_none());
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # }
//! ```
//!
//! # Customised
//!
//! ```
//! # fn main() -> Result<(), gambeson_core::ConfigError> {
//! use gambeson_core::SecretBytes;
//! use gambeson_oidc_auth::outgoing::{ClonedBody, TokenLayer, TokenSource};
//! use gambeson_oidc_auth::{ClientAuth, Issuer};
//!
//! # let secret = SecretBytes::new(&b"from gambeson-secrets"[..]);
//! let issuer = || Issuer::discover("https://id.example.com");
//! let client = ClientAuth::secret("billing", secret); // or ::private_key_jwt, ::tls
//!
//! // A token of this app's own; requests whose body can be cloned are sent once more after a 401.
//! let own = TokenSource::client_credentials(issuer(), client.clone()).scope("orders:read").build()?;
//! let layer = TokenLayer::builder(own.clone()).origin("https://orders.example.com").build()?.repeat_with(ClonedBody);
//!
//! // The caller's token, exchanged: the other service learns on whose behalf it is called, and who calls.
//! let theirs = TokenSource::on_behalf_of(issuer(), client).audience("orders").actor(own).build()?;
//! let for_callers = TokenLayer::builder(theirs).origin("https://orders.example.com").build()?;
//! # let _ = (layer, for_callers);
//! # Ok(()) }
//! ```
//!
//! # With a client
//!
//! Beneath the layer goes any `tower` client. gambeson-client follows no redirects (`cargo add gambeson-client`; the facade does not bring it):
//!
//! ```no_run
//! # #[cfg(feature = "client")]
//! # async fn example(layer: gambeson_oidc_auth::TokenLayer) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use bytes::Bytes;
//! use gambeson_client::Client;
//! use gambeson_core::TransportLimits;
//! use http::Request;
//! use http_body_util::Full;
//! use tower::{Layer, ServiceExt};
//!
//! // Services inside of your network have to be named: .allow_private(["10.20.0.0/16"])
//! let client = Client::builder().build()?.service(TransportLimits::default());
//! let orders = layer.layer(client); // Keep it: clones share the client's connections and the token.
//! let request = Request::get("https://orders.example.com/v1").body(Full::<Bytes>::default())?;
//! let answer = orders.clone().oneshot(request).await?;
//! # Ok(()) }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | origins | none: one must be given | a token without an address goes everywhere |
//! | scheme | `https` | `http` only to loopback, in development |
//! | an `Authorization` field on the request | stays as it is; on behalf of callers the request is refused: to the layer's own origins always, to others unless the field is still what another `TokenLayer` has put there | the app said something else; but a copied one would be the caller's own token |
//! | renewal | at 70 % to 85 % of the token's life, at random, behind a request | nobody waits, and instances don't come at once |
//! | last use | a tenth of its life, at most 10 s, before its end | the way to who checks it |
//! | a lifetime that nobody says | 5 min | a 401 replaces it sooner |
//! | `deadline` | 5 s for discovery and exchange together | |
//! | exchanges of one source at once | 64; others wait for a place, within the deadline | the issuer is no target of ours |
//! | `max_waiting` | 1024 requests for one token | bounded memory |
//! | `max_callers` | 4096 callers' tokens | bounded memory |
//! | after a failure | 0.5–1 s, doubling to 30–60 s | the issuer may come back |
//! | a 401 | the token is replaced, at most once in 10 s; the request is sent again with [`ClonedBody`] or [`EmptyBody`] only, and from a configuration file where it has no body ([`Resend`]) | the layer can't know what a body is |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `outgoing-token-unavailable` | 503 and when to try again | the issuer can't be asked, or too many wait |
//! | `outgoing-token-refused` | 502 | the issuer does not give this app such a token |
//! | `caller-token-refused` | 401 | the issuer does not exchange this caller's token |
//! | `caller-without-bearer` | 401 | the caller came in by a session, or with a token that is bound to a key |
//! | `caller-authorization-copied` | 500 | an outgoing request through a layer on behalf of callers has an `Authorization` field already; to an undeclared origin, one that no other `TokenLayer` has put there |
//! | `caller-token-missing` | 500 | an outgoing request on behalf of somebody has no [`CallerToken`] |
//!
//! They come as core's [`Refused`](gambeson_core::Refused), found in the error by downcast. Nothing is sent.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `outgoing token renewed` (source, seconds) | debug | a token came |
//! | `outgoing token could not be renewed` (source, error, next_try_ms) | warn | none came |
//! | `the other side rejected the outgoing token …` (source) | warn | a 401 that gets another token |
//! | `requests without the token …` (origin, count) | warn | a request elsewhere, at the 1st, 2nd, 4th, 8th … |
//! | `request not sent` (slug, error) | debug | each refusal |
//! | `RequestFacts::rejection` | | each refusal |
//! | [`TokenSource::status`], and the source as a `HealthCheck` | | when asked: tokens, their end, the last error, who waits |
//!
//! # Cancel safety
//!
//! Tokens are got in a task of their own: a request that is dropped while it waits gives its place back, and the token
//! comes for the others. A 401 that was not seen replaces nothing.
//!
//! # Errors
//!
//! The builders list all that is wrong at once. The service's error is a `BoxError`: a refusal above, or the inner service's error.
//!
//! # Standards
//!
//! RFC 6749 §4.4 (client credentials), §2.3.1 and §5; RFC 8693 (token exchange); RFC 7523 (assertions), RFC 8705 (certificates);
//! RFC 8707 (resource); RFC 6750 §2.1 (bearer) and §5.3 (https); RFC 6454 §4 (origin). CWE-522, CWE-200.

mod caller_token;
mod callers;
mod config;
mod github_actions;
mod grant;
mod issue;
mod jwt_end;
mod kept;
mod layer;
mod origin;
mod pace;
mod refusal;
mod repeat;
mod service;
mod source;
mod source_builder;
mod status;
mod tables;
mod telemetry;
mod workload_file;

pub use caller_token::CallerToken;
pub use config::{OutgoingConfig, OutgoingToken};
pub(crate) use tables::{Tables, World};

pub use crate::client_config::ClientAuthMethod;
pub use layer::{TokenLayer, TokenLayerBuilder};
pub use repeat::{ClonedBody, EmptyBody, Repeat, Resend, SentOnce};
pub use service::{TokenFuture, TokenService};
pub use source::TokenSource;
pub use source_builder::TokenSourceBuilder;
pub use status::TokenSourceStatus;
