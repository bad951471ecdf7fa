//! Who is on the other end: address, scheme, host, and the id of the request.
//!
//! # What it stops
//!
//! A client that writes `X-Forwarded-For`, `Forwarded`, `X-Forwarded-Proto`, `X-Forwarded-Host` or `X-Request-Id` itself and
//! so chooses the address it is limited by, the scheme it seems to use or the id it is logged under. Forwarding fields
//! count only from declared proxies; all their lines are read as one list, from the right, up to the first hop that is
//! not trusted or can't be read, and never more than 32 hops. So does a client that writes `X-Forwarded-Client-Cert` itself: that
//! field counts only from proxies that [`TrustedProxies::client_certificate`] declares, and only if it is one element, which the
//! nearest of them has set, with the certificate in it; from anybody else it is taken away where it is declared at all.
//!
//! It does **not** stop a proxy that passes on what the client wrote: the outermost proxy must set or clear the field that
//! is declared here. It refuses nothing; a missing or malformed host is refused by
//! [`HardeningLayer`](crate::HardeningLayer), a missing address by the layers that need one.
//!
//! # Place in the stack
//!
//! Place 0, outermost: telemetry, headers, limits, authentication and audit all use what it finds out.
//!
//! # Example
//!
//! The same field from the declared proxy counts, and from a stranger does not:
//!
//! ```
//! use gambeson_core::RequestFacts;
//! use gambeson_hardening_headers::{Connection, PeerLayer, TrustedProxies};
//! use http::{Request, Response};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let app = PeerLayer::new(TrustedProxies::ranges(["10.0.3.0/24"]).unwrap()).layer(service_fn(
//!     async |request: Request<()>| {
//!         let facts = RequestFacts::of(request.extensions()).unwrap();
//!         let address = facts.peer().unwrap().address.unwrap().to_string();
//!         Ok::<_, std::convert::Infallible>(Response::new(address))
//!     },
//! ));
//! let from = |neighbour: &str| {
//!     Request::get("/")
//!         .extension(Connection::new(neighbour.parse().unwrap()))
//!         .header("x-forwarded-for", "198.51.100.7")
//!         .body(())
//!         .unwrap()
//! };
//!
//! let through_proxy = app.clone().oneshot(from("10.0.3.1:5000")).await.unwrap();
//! assert_eq!(through_proxy.body(), "198.51.100.7");
//! assert!(through_proxy.headers().contains_key("x-request-id"));
//!
//! let forged = app.oneshot(from("203.0.113.9:5000")).await.unwrap();
//! assert_eq!(forged.body(), "203.0.113.9");
//! # }
//! ```
//!
//! # Customised
//!
//! A proxy that writes RFC 7239 and whose `host` is believed; behind a server that does not tell its scheme:
//!
//! ```
//! use gambeson_core::Scheme;
//! use gambeson_hardening_headers::{ForwardedHeader, PeerLayer, TrustedProxies};
//!
//! let proxies = TrustedProxies::hops(1).header(ForwardedHeader::Forwarded).forwarded_host();
//! let layer = PeerLayer::new(proxies).direct_scheme(Scheme::Http);
//! # let _ = layer;
//! ```
//!
//! Products whose ways are known: [`nginx`](TrustedProxies::nginx), [`aws_alb`](TrustedProxies::aws_alb),
//! [`cloudflare`](TrustedProxies::cloudflare), [`fly`](TrustedProxies::fly), [`cloud_run`](TrustedProxies::cloud_run); in a
//! configuration file `proxies.preset = "cloudflare"`.
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | [`TrustedProxies`] | none | a proxy that is not declared is a client |
//! | field | `X-Forwarded-For` | what most proxies write; only one field is ever read |
//! | forwarded host | ignored | many proxies pass on whatever the client sent |
//! | forwarded client certificate | ignored | it is a credential: only a proxy that sets or clears it may tell |
//! | direct scheme | unknown | `serve` tells; a guess would switch on strict transport |
//! | neighbour | [`Connection`](crate::Connection), else axum's `ConnectInfo<SocketAddr>` (feature `axum`) | |
//! | request id | from a trusted neighbour if plain and at most 64 bytes, else 128 random bits | |
//!
//! # Rejections
//!
//! It refuses nothing.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | forwarding headers from an undeclared neighbour, with the setting to write | warn | once for private and once for public neighbours |
//! | no neighbour address | warn | once |
//! | the list of the proxies' networks is over a year old | warn | at build |
//! | `X-Forwarded-Client-Cert` of a declared proxy can't be read | warn | once |
//!
//! It fills the slots `peer` and `request_id` of [`RequestFacts`](gambeson_core::RequestFacts), and every answer carries `x-request-id`.
//!
//! # Cancel safety
//!
//! It decides before the inner service is called and holds nothing: dropping the future loses nothing.
//!
//! # Errors
//!
//! [`TrustedProxies::ranges`] refuses texts that are no networks and networks that trust strangers, alone or together, all at once. The service's errors are the inner one's.
//!
//! # Standards
//!
//! RFC 7239 §4, §6 (`Forwarded`), RFC 9110 §5.6.4 (quoted strings) and §7.2 (`Host`), RFC 9112 §3.2 and RFC 9113 §8.3.1 (authority), RFC 6874
//! (zones); RFC 5280 §4.1.2.5 and §4.2.1.6 (client certificates), Envoy's `x-forwarded-client-cert`; OWASP ASVS 5 4.1.3.

mod client_cert;
mod config;
mod forwarded;
mod layer;
mod learn;
mod node;
mod presets;
mod proxies;
mod telemetry;
#[cfg(test)]
mod tests;
mod walk;

pub use config::ProxiesConfig;
pub use layer::{Peer, PeerFuture, PeerLayer};
pub use presets::ProxyPreset;
pub use proxies::{ForwardedHeader, TrustedProxies};
