//! The public behaviour of gambeson-oidc-auth.
#![expect(clippy::unwrap_used, reason = "a test that unwraps a refusal has failed")]

mod absent_keys;
mod advisories;
mod bound;
mod cache;
#[cfg(feature = "axum")]
mod caller;
mod certificate;
mod configuration;
#[cfg(feature = "conformance")]
mod conformance;
mod contract;
#[cfg(feature = "serde")]
mod credential_config;
mod credentials_file;
mod cut_off;
mod denylist;
mod denylist_shared;
mod dev_idp;
mod doctor;
#[cfg(feature = "client")]
mod doctor_tls;
mod explain;
mod fake_issuer;
mod fuzzed;
mod garbage;
#[cfg(feature = "client")]
mod glewlwyd;
mod introspection;
mod layer;
#[cfg(feature = "client")]
mod log;
mod login;
mod messages;
#[cfg(feature = "client")]
mod misbehaving_endpoints;
#[cfg(feature = "client")]
mod misbehaving_server;
#[cfg(feature = "client")]
mod misbehaviour;
mod nameless;
#[cfg(feature = "client")]
mod oauth2_mock_server;
#[cfg(feature = "client")]
mod oidc_provider;
mod oracles;
mod outgoing;
#[cfg(feature = "client")]
mod peer;
mod presets;
mod require;
mod resource;
#[cfg(feature = "client")]
mod revocation;
mod rotation;
mod several;
#[cfg(feature = "redis")]
mod shared;
mod signer;
mod verification;
