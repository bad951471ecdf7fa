//! What the HTTP edge lets in and out: who is calling, security headers on every answer, limits before anything costs much.
//!
//! | layer | place | what it does |
//! |---|---|---|
//! | [`PeerLayer`] | 0 | address, scheme, host and request id, from declared proxies only |
//! | [`HardeningLayer`] | 2 | headers and nonces, host check, panics and server errors without detail |
//!
//! Each is usable alone, with anything that is a `tower` service of `http` requests.
//!
//! # Problem types
//!
//! The `type` of this crate's problem details points to these headings.
//!
//! ## bad-host
//!
//! 400. The app declares which hosts it answers for, and the request names no host, more than one, or a malformed one. Send
//! exactly one `Host` field, or for HTTP/2 an authority that agrees with it.
//!
//! ## misdirected-host
//!
//! 421. The app does not answer for the host that the request names. Operators: add it to `Hardening::hosts` or
//! `hardening.hosts`, or have the proxy pass on the host that people see.
//!
//! ## panic
//!
//! 500. The app panicked. What it said is in the log under the request id that the answer carries.
//!
//! ## server-error
//!
//! 5xx. The app failed, and what it wrote about that is not sent. Its log has the request id; a handler whose 5xx body is fit
//! for clients answers problem details, or adds [`KeepErrorBody`].
#![forbid(unsafe_code)]

mod connection;
pub mod csp;
mod edge_limit;
pub mod hardening;
mod headers;
mod hosts;
mod limits;
mod panic;
pub mod peer;
mod random;
#[cfg(feature = "serve")]
mod serve;

pub use connection::Connection;
pub use csp::{Csp, CspError, Directive, Nonce, NonceError, NonceErrorKind, Source, SourceError};
pub use hardening::{Config, Edge, Hardened, Hardening, HardeningFuture, HardeningLayer, Preset};
pub use headers::{
    FrameOptions, HeaderSet, Hsts, KeepErrorBody, OpenerPolicy, Override, PermissionsPolicy, ReferrerPolicy,
    ResourcePolicy,
};
pub use peer::{ForwardedHeader, Peer, PeerFuture, PeerLayer, TrustedProxies};

/// The name under which refusals of this crate are documented.
const PACKAGE: &str = env!("CARGO_PKG_NAME");
