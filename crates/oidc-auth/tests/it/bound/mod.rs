//! Tokens that are bound to a certificate (RFC 8705) or to a key (RFC 9449).

mod certificate_bound;
#[cfg(all(feature = "client", feature = "serde"))]
mod mutual_tls;
mod proofs;
mod real_provider;
mod replay;
pub(crate) mod sender;
