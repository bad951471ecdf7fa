//! The composed layer: security headers on every answer, panics and server errors without detail, the host check, the way to the
//! canonical origin, [CORS](crate::cors) and the [cross-site check](crate::csrf).
//!
//! # What it stops
//!
//! Injected scripts that need to run, framing, sniffed content types, downgrades to http, leaked referrers and versions;
//! requests for hosts that are not this app's; other sites' requests in a visitor's name; private pages in caches and behind the back button; panic texts and stack traces in answers. Every answer carries the headers,
//! refusals of inner layers among them.
//!
//! It does **not** escape what an app writes into its pages, and a handler's own headers win over all of this. It does not
//! catch a panic of the response *body* while it streams: the connection then ends. Body limits and rate limits are other
//! layers'.
//!
//! # Place in the stack
//!
//! Place 2: inside telemetry, so that refusals are counted; outside everything else, so that every answer is hardened. It wants
//! the facts of [`PeerLayer`](crate::PeerLayer): without them it never sends strict transport, and takes the host from the request itself.
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
//!     Ok::<_, std::convert::Infallible>(Response::new(http_body_util::Full::<bytes::Bytes>::from("hello")))
//! }));
//! let to = |host: &str| Request::get("/").header("host", host).body(()).unwrap();
//!
//! let answer = app.clone().oneshot(to("app.example.com")).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::OK);
//! assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
//!
//! let refused = app.oneshot(to("evil.example")).await.unwrap();
//! assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST);
//! assert_eq!(refused.headers()["x-content-type-options"], "nosniff");
//! # }
//! ```
//!
//! # Customised
//!
//! ```
//! use gambeson_core::{Access, EndpointSpec, Exempt, Negotiated};
//! use gambeson_hardening_headers::{Csp, Hardening, Hsts, ReferrerPolicy, Source};
//!
//! let livez = EndpointSpec::new(http::Method::GET, "/livez", Access::Public("probe".into())).exempt(Exempt::probe());
//! let edge = Hardening::web()
//!     .public_origin("https://app.example.com")
//!     .exempt(&[livez])
//!     .csp(Csp::strict().img_src([Source::SELF, Source::origin("https://cdn.example.com")?]))
//!     .hsts(Hsts::two_years())
//!     .headers(|set| set.referrer_policy(ReferrerPolicy::SameOrigin))
//!     .build()?;
//! let layer = edge.layer().respond_with(Negotiated::new());
//! # let _ = layer;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Defaults
//!
//! | setting | `web()` | `api()` | why |
//! |---|---|---|---|
//! | policy of documents | [`Csp::web`](crate::Csp::web): own files, lazy nonce | [`Csp::api`](crate::Csp::api) | |
//! | policy of scripts | what follows for a worker from that of documents: their `script-src`, `connect-src`, `worker-src`, `font-src` | that of everything else | a worker's policy comes with its script |
//! | policy of everything else | `default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'` | the same | whatever a browser makes of it, nothing loads |
//! | reports of what a policy blocks | none | none | [`reports`](crate::Hardening::reports) says where to: over https `report-to` with `Reporting-Endpoints`, over http `report-uri` |
//! | a policy that is only tried | none | none | [`csp_report_only`](crate::Hardening::csp_report_only), for a share of the documents |
//! | strict transport | one day, without subdomains | the same | can't be taken back; raise it when all works |
//! | `X-Content-Type-Options` | `nosniff` | `nosniff` | |
//! | `X-Frame-Options` | `DENY` | `DENY` | browsers without `frame-ancestors` |
//! | `Referrer-Policy` | `strict-origin-when-cross-origin` | `no-referrer` | `no-referrer` would break the origin of form posts |
//! | `Permissions-Policy` (documents) | powerful features off | the same | |
//! | `Cross-Origin-Opener-Policy` (documents) | `same-origin` | the same | |
//! | `Cross-Origin-Resource-Policy` | `same-origin` | the same | |
//! | `Cache-Control` where there is none | only with a nonce: `private, no-store` | `no-store` | |
//! | the app's own `Cache-Control` with a nonce | `private` is added, `public` and `s-maxage` go; so do `CDN-Cache-Control`, `Surrogate-Control` and their like | the same | whoever gets the same copy from a shared cache gets the same nonce |
//! | cookies | `Secure` over https, `HttpOnly`, `SameSite=Lax` where missing | the same | see [`cookies`](crate::cookies) |
//! | removed | `Server`, `X-Powered-By` and others of OWASP's list, obsolete ones such as `X-XSS-Protection` | the same | |
//! | bodies of 5xx answers | replaced | replaced | see [`KeepErrorBody`](crate::KeepErrorBody) |
//! | `Cache-Control` where somebody was recognised and there is none | `no-store` | the same | assets that may be stored say so themselves; see [`no_store_signed_in`](crate::HeaderSet::no_store_signed_in) |
//! | cross-site check | on | on | see [`csrf`](crate::csrf) |
//! | CORS | none | none | see [`cors`](crate::cors) |
//! | navigations to other names of the app | answered there | the same | [`redirect_to_canonical`](crate::Hardening::redirect_to_canonical) sends them on with 307 |
//! | hosts | every one, until `public_origin` or `hosts` is given; never two or a malformed one | the same | the app would read one that nobody checked |
//!
//! `isolated()` is `web()` with `Cross-Origin-Embedder-Policy: require-corp`; `downloads()` is `web()` with
//! [`Csp::downloads`](crate::Csp::downloads) and `Content-Disposition: attachment` on every answer.
//!
//! A 304 carries no policy of ours: the browser would join it to a page with another nonce.
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | `bad-host` | 400 | the request names two hosts or a malformed one; or none, and hosts are declared |
//! | `misdirected-host` | 421 | hosts are declared, and the request names another |
//! | `misdirected-host` | 421 | with `redirect_to_canonical`, what may change something comes under another name of the app |
//! | `cors-preflight` | 403 | see [`cors`](crate::cors) |
//! | `cross-site` | 403 | see [`csrf`](crate::csrf) |
//! | `too-many-requests` | 429 | in place of one of the above, of a preflight's answer or a redirect, for a network that is over the rate of the limiter ([`counted_by`](HardeningLayer::counted_by)) |
//! | `panic` | 500 | the app panicked |
//! | `server-error` | the app's | the app answered 5xx without problem details |
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `the app panicked` (`request_id`, `panic`) | error | a panic |
//! | `server error; its body was not sent` (`request_id`, `status`, `body`, `read`) | error | a scrubbed 5xx; `body` is what was there of it at once, at most 2 KiB, and `read` says whether that is the `whole`, `cut`, `unfinished` (a stream), `failed`, or `binary` and left out |
//! | `would be refused …` (`slug`, `request_id`, `host`) | warn | observing the host check |
//! | [`HardeningLayer::observed`] | | counts what observing lets pass |
//! | `refused: host …` (`slug`, `request_id`, `host`: what the request claims, cut) | the first 421 warn, then debug; in development warn | a refused host |
//! | HH120 to HH125 (`id`; HH125 also `variant`, `route`, `request_id`, for each of the first 16 names): two policies; nonce without use; nonce meant for shared caches; unknown variant; an override beside a policy of its own; a policy of its own that every page may frame | warn, once | an answer does that |
//! | a cookie that got `HttpOnly` (`cookie`, its name) | warn, once a name, of 64 | an answer does that |
//! | a cookie that got `SameSite=Lax` (`cookie`, its name) | info, once a name, of 64 | an answer does that |
//! | a cookie over 4,096 bytes (`cookie`, its name) | warn, once | an answer does that |
//! | each finding of [`check`](crate::check) (`id`, `field`, `value`) | warn, an info at info | at build |
//!
//! Refusals are recorded in [`RequestFacts::rejection`](gambeson_core::RequestFacts::rejection), where telemetry counts them.
//!
//! # Cancel safety
//!
//! Dropping the future drops the app's; the layer holds nothing that must be returned.
//!
//! # Errors
//!
//! [`Hardening::build`](crate::Hardening::build) lists all problems at once. The service's errors are the inner one's.
//!
//! # Standards
//!
//! Content Security Policy 3, RFC 6797 (strict transport; §7.2 https only, §8.1.1 no addresses), RFC 9110 §15.5.20 (421), RFC 9112 §3.2 (host), RFC 9457
//! (problem details), Fetch §3.7 (resource policy), HTML §7.1.3 (opener policy); OWASP ASVS 5 3.4.1, 3.4.3 to 3.4.6, 3.4.8, 13.4.6, 16.5.1, 16.5.4.

mod admit;
mod build;
mod builder;
mod edge;
mod error_body;
mod future;
mod layer;
mod report;
mod reporting;
mod telemetry;

pub use builder::Hardening;
pub use edge::Edge;
pub use future::HardeningFuture;
pub use layer::{Hardened, HardeningLayer};
