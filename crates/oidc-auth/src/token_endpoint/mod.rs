//! This app at the token endpoint (RFC 6749 §3.2): how it proves who it is, and what it gets.

mod answer;
mod assertion;
mod client_auth;
mod client_certificate;
mod client_secret;
mod exchange;
mod known;
mod revoked;

pub(crate) use answer::{ExchangeError, Tokens};
pub use assertion::{AssertionAlgorithm, AssertionKey};
pub use client_auth::ClientAuth;
pub use client_certificate::ClientCertificate;
pub use client_secret::ClientSecret;
pub(crate) use exchange::{ClientEndpoint, Exchanges, MOST, Prepared};
pub(crate) use known::{Found, Known};
pub use revoked::{RevocationError, RevocationErrorKind};
