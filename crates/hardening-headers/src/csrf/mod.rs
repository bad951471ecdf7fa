//! Cross-site requests: pages of other sites can't act in their visitors' names.
//!
//! # What it stops
//!
//! A page of another site that sends a form, a `fetch` or a WebSocket handshake to this app, to which the browser adds the visitor's
//! cookies. What browsers say about a request decides: Fetch Metadata (`Sec-Fetch-Site`) or, from browsers and over plain http
//! where there is none, the `Origin`, compared by scheme, host and port. No token has to be put into forms.
//!
//! It does **not** stop scripts that were injected into the app's own pages, nor GET requests that change something; and it leaves alone
//! what comes from no browser, which carries neither field.
//!
//! # Place in the stack
//!
//! Inside [`HardeningLayer`](crate::HardeningLayer), place 2: after the host check and CORS, before authentication. On in every preset,
//! `api()` among them: a browser adds cookies, Basic credentials and certificates to an API's requests too.
//!
//! # Example
//!
//! ```
//! use gambeson_hardening_headers::Hardening;
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let edge = Hardening::web().public_origin("https://app.example.com").build().unwrap();
//! let app = edge.layer().layer(service_fn(async |_: Request<()>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(http_body_util::Full::<bytes::Bytes>::from("written")))
//! }));
//! let post = |from: &str| {
//!     Request::post("/notes").header("host", "app.example.com").header("origin", from).body(()).unwrap()
//! };
//!
//! let own = app.clone().oneshot(post("https://app.example.com")).await.unwrap();
//! assert_eq!(own.status(), StatusCode::OK);
//!
//! let foreign = app.oneshot(post("https://evil.example")).await.unwrap();
//! assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
//! # }
//! ```
//!
//! # Customised
//!
//! See [`Csrf`]. An app that turns it on for the first time can let it observe:
//!
//! ```
//! use gambeson_core::{Mode, Timestamp};
//! use gambeson_hardening_headers::{Csrf, Hardening};
//!
//! let until = Timestamp::from_unix_seconds(1_798_761_600);
//! let edge = Hardening::web().csrf(Csrf::new().mode(Mode::Observe { until })).build()?;
//! # let _ = edge;
//! # Ok::<(), gambeson_core::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | safe methods | GET, HEAD, OPTIONS | they change nothing (RFC 9110 §9.2.1) |
//! | exceptions from that | `Upgrade`, `X-HTTP-Method-Override`, `X-HTTP-Method`, `X-Method-Override`, `?_method=` however it is encoded | a handshake opens a channel; apps make other methods of the rest |
//! | trusted origins | the app's own | |
//! | [`Cors::credentials`](crate::Cors::credentials) | its origins with its methods, the exceptions above apart; never `null` | they could send the same with a preflight; every page can have the origin `null` |
//! | [`Cors::origins`](crate::Cors::origins), [`Cors::public`](crate::Cors::public) | the same without any credential, `Sec-Fetch-Mode: cors` | they may, in nobody's name |
//! | trusted http origins | refused, of the own machine in production only | whoever is on the way speaks for them; [`dangerously_http`](Csrf::dangerously_http) |
//! | bearer and DPoP tokens | pass without a cookie; with [`session_cookies`](Csrf::session_cookies) named, beside other cookies | only scripts of trusted origins can add them |
//! | browsers' reports | pass at the path of [`Hardening::reports`](crate::Hardening::reports), as POST of their two types without cookie, `Authorization` and certificate | some come without Fetch Metadata, or with the origin `null` |
//! | scheme | compared where the peer layer or `public_origin` knows it | |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `cross-site` | 403 | another site's request that may change something, or `Origin` or `Sec-Fetch-Site` twice |
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `refused: another site's request` (`slug`, `request_id`, `why`: got, expected, setting) | warn for the first and in development, else debug | a refusal |
//! | `would be refused …` | warn | while observing |
//! | HH062 to HH064 of [`check`](crate::check) | warn | at build, with a `dangerously_` switch, or observing |
//!
//! # Cancel safety
//!
//! It decides before the app is called and holds nothing.
//!
//! # Errors
//!
//! [`Hardening::build`](crate::Hardening::build) refuses origins that are none or that anybody on the way can speak for, cookie names that are none, exempt endpoints with parameters or
//! without a reason.
//!
//! # Standards
//!
//! Fetch Metadata §2.1, RFC 6454 §4 and §6.2 (origins), RFC 9110 §9.2.1 (safe methods), RFC 6455 §10.2 (handshakes); OWASP ASVS 5 3.5.1, 3.5.3, 4.4.2.

mod check;
mod prepare;
mod refusal;
mod senders;
mod settings;

pub(crate) use check::{CsrfCheck, asks_for_more};
pub(crate) use senders::Senders;
pub use settings::{Csrf, CsrfExemption};
