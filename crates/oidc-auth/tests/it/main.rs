//! The public behaviour of gambeson-oidc-auth.

mod advisories;
mod cache;
mod configuration;
mod fake_issuer;
mod garbage;
mod layer;
mod messages;
mod rotation;
mod signer;
mod verification;
