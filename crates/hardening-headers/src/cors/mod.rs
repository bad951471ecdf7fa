//! Which other origins' scripts may read answers.
//!
//! # What it stops
//!
//! A policy that lets in whom nobody meant. Origins are exact (scheme, host, port), there are no patterns, and what would open the app to every
//! page (`null`, `*` with cookies, http origins with cookies) is refused when built or needs a `dangerously_` switch.
//!
//! It does **not** stop a request of another origin, only the reading of its answer: [`csrf`](crate::csrf) stops what would change something.
//!
//! # Place in the stack
//!
//! Inside [`HardeningLayer`](crate::HardeningLayer), place 2: preflights carry no credentials and are answered before authentication, and
//! refusals of inner layers (401, 429) can be read by the listed origins. Off unless [`Hardening::cors`](crate::Hardening::cors) says
//! otherwise; preflights then go to the app.
//!
//! # Example
//!
//! ```
//! use gambeson_hardening_headers::{Cors, Hardening};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let edge = Hardening::api().cors(Cors::credentials(["https://admin.example.com"])).build().unwrap();
//! let app = edge.layer().layer(service_fn(async |_: Request<()>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(http_body_util::Full::<bytes::Bytes>::from("{}")))
//! }));
//! let preflight = |from: &str| {
//!     let request = Request::options("/notes").header("host", "api.example.com").header("origin", from);
//!     request.header("access-control-request-method", "POST").body(()).unwrap()
//! };
//!
//! let granted = app.clone().oneshot(preflight("https://admin.example.com")).await.unwrap();
//! assert_eq!(granted.status(), StatusCode::NO_CONTENT);
//! assert_eq!(granted.headers()["access-control-allow-origin"], "https://admin.example.com");
//!
//! let refused = app.oneshot(preflight("https://evil.example")).await.unwrap();
//! assert_eq!(refused.status(), StatusCode::FORBIDDEN);
//! # }
//! ```
//!
//! # Customised
//!
//! See [`Cors`].
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | methods | GET, HEAD, POST | |
//! | request fields | `authorization`, `content-type` | tokens and JSON |
//! | exposed fields | `ratelimit`, `ratelimit-policy`, `retry-after`, `www-authenticate`, `x-request-id` | what refusals say |
//! | preflights are kept | ten minutes | |
//! | private networks | not granted | |
//! | `Vary: Origin` | on every answer, unless every origin gets the same | caches must not mix them up |
//! | the app's own `Access-Control-Allow-Origin` | stays | |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `cors-preflight` | 403 | a preflight for an origin, method or field that is not listed |
//!
//! A request of an origin that is not listed is not refused here; its answer has no CORS fields.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `refused: another site's request` (`slug`, `request_id`, `why`: got, setting) | warn for the first and in development, else debug | a refused preflight |
//! | HH053 to HH055 of [`check`](crate::check) | warn | at build, with a `dangerously_` switch or an origin of this machine in production |
//!
//! # Cancel safety
//!
//! It decides before the app is called and holds nothing.
//!
//! # Errors
//!
//! [`Hardening::build`](crate::Hardening::build) lists everything that is wrong with the policy.
//!
//! # Standards
//!
//! Fetch §3.2 (CORS protocol), §3.2.2 (preflights), Private Network Access §3.1, RFC 6454, RFC 9110 §12.5.5 (`Vary`); OWASP ASVS 5 3.4.2.

mod policy;
mod prepare;
mod refusal;
mod settings;

pub(crate) use policy::{CorsPolicy, Grant};
pub use settings::Cors;
