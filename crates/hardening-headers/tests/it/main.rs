//! Public behaviour of the HTTP edge.
#![allow(missing_docs, reason = "a test binary")]

mod answers;
mod csp;
mod edge_limit;
mod hardening;
mod hosts;
mod limits;
mod logs;
mod nonce;
mod peer;
#[cfg(feature = "serve")]
mod serve;
