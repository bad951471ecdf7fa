//! What else counts for access tokens (proofs, opaque ones, the denylist), from a configuration file.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems, SecretRef, SecretResolver};

use crate::builder::VerifierBuilder;
use crate::cache::CacheConfig;
use crate::client_config::{ClientAuthMethod, client_table};
use crate::denylist::{DenialLog, Denylist, DenylistBuilder};
use crate::dpop::{Dpop, DpopBuilder, ReplayStore};
use crate::introspection::{Introspection, IntrospectionBuilder};
use crate::token_endpoint::AssertionAlgorithm;

/// What a configuration file says of opaque tokens: the table `[oidc-auth.introspection]`. Issuer, audience, rules, claims, leeway and
/// denylist are those of `[oidc-auth]`. See [`introspection`](crate::introspection).
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct IntrospectionConfig {
    /// Where the issuer answers; required.
    pub url: String,
    /// How the provider registered this app; required.
    pub client_id: String,
    /// How this app proves that it is that client. Default `secret`.
    pub client_auth: ClientAuthMethod,
    /// Where the client's secret is.
    pub client_secret: Option<SecretRef>,
    /// Where the client's certificate is, for `tls`: `CERTIFICATE` blocks in PEM, its own first.
    pub certificate: Option<SecretRef>,
    /// Where the private key of `private-key-jwt` is, or that of the certificate for `tls`.
    pub private_key: Option<SecretRef>,
    /// The name of the key of `private-key-jwt` (`kid`).
    pub key_id: Option<String>,
    /// The algorithm of that key: `ES256` (the default), `ES384`, `EdDSA`, `RS256` or `PS256`.
    pub algorithm: AssertionAlgorithm,
    /// Who its assertions are for, where that is not the issuer: see [`AssertionKey::audience`](crate::AssertionKey::audience).
    pub assertion_audience: Option<String>,
    /// How long good answers are kept; zero keeps none. See [`IntrospectionBuilder::cache`]. Default 10 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub cache_ttl: Duration,
    /// How many are kept. Default 4096.
    pub cache_capacity: usize,
    /// See [`IntrospectionBuilder::deadline`]. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub deadline: Duration,
}

impl Default for IntrospectionConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            client_id: String::new(),
            client_auth: ClientAuthMethod::default(),
            client_secret: None,
            certificate: None,
            private_key: None,
            key_id: None,
            algorithm: AssertionAlgorithm::default(),
            assertion_audience: None,
            cache_ttl: IntrospectionBuilder::CACHE_TTL,
            cache_capacity: CacheConfig::default().capacity,
            deadline: IntrospectionBuilder::DEADLINE,
        }
    }
}

impl IntrospectionConfig {
    /// For the tokens of this verifier that are no JWT.
    pub(crate) fn build(
        &self,
        beside: &VerifierBuilder,
        secrets: Option<&Arc<dyn SecretResolver>>,
    ) -> Result<Introspection, ConfigError> {
        let mut problems = ConfigProblems::new();
        let client = client_table!(self, "introspection").client(secrets, &mut problems);
        // What is wrong with the rest is told beside what is wrong with the client.
        let client = client.unwrap_or_else(|| crate::ClientAuth::public(self.client_id.as_str()));
        let cache = CacheConfig::default().ttl(self.cache_ttl).capacity(self.cache_capacity);
        let builder = beside.introspection(self.url.as_str(), client).cache(cache).deadline(self.deadline);
        match builder.build() {
            Ok(built) => problems.into_result(built),
            Err(error) => {
                problems.extend(error);
                problems.check().and(Err(ConfigError::one("introspection", "", "describe it")))
            }
        }
    }
}

/// What a configuration file says of tokens that are bound to a key: the table `[oidc-auth.dpop]`. See [`dpop`](crate::dpop).
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct DpopConfig {
    /// The address under which clients know the app; required. See [`Dpop::at`].
    pub public_origin: String,
    /// Further ones. See [`DpopBuilder::and_at`]. Default: none.
    pub further_origins: Vec<String>,
    /// See [`DpopBuilder::window`]. Default 60 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub window: Option<Duration>,
    /// See [`DpopBuilder::algorithms`]. Default: those of [`dpop`](crate::dpop).
    pub algorithms: Option<Vec<String>>,
    /// See [`DpopBuilder::max_proof_bytes`]. Default 4096.
    pub max_proof_bytes: Option<usize>,
}

impl DpopConfig {
    pub(crate) fn build(
        &self,
        beside: &VerifierBuilder,
        replay: Option<Arc<dyn ReplayStore>>,
    ) -> Result<Dpop, ConfigError> {
        let builder = Dpop::at(self.public_origin.as_str()).run_in(beside.given_profile());
        let builder = replay.into_iter().fold(builder, DpopBuilder::replay);
        let builder =
            self.further_origins.iter().fold(builder, |builder, origin| builder.and_at(origin.as_str()));
        let builder = self.window.into_iter().fold(builder, DpopBuilder::window);
        let names = self.algorithms.iter();
        let builder =
            names.fold(builder, |builder, names| builder.algorithms(names.iter().map(String::as_str)));
        self.max_proof_bytes.into_iter().fold(builder, DpopBuilder::max_proof_bytes).build()
    }
}

/// What a configuration file says of tokens that end before their time: the table `[oidc-auth.denylist]`, which may be empty. See
/// [`denylist`](crate::denylist).
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct DenylistConfig {
    /// See [`DenylistBuilder::keep`]. Default 25 h.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub keep: Option<Duration>,
    /// See [`DenylistBuilder::capacity`]. Default 65,536.
    pub capacity: Option<usize>,
}

impl DenylistConfig {
    /// By the clock of this verifier, and for clocks that are so far ahead.
    pub(crate) fn build(
        &self,
        beside: &VerifierBuilder,
        leeway: Duration,
        denials: Option<Arc<dyn DenialLog>>,
    ) -> Result<Denylist, ConfigError> {
        let builder = Denylist::builder().leeway(leeway);
        let builder = denials.into_iter().fold(builder, DenylistBuilder::shared);
        let builder = beside.given_clock().into_iter().fold(builder, DenylistBuilder::clock);
        let builder = self.keep.into_iter().fold(builder, DenylistBuilder::keep);
        self.capacity.into_iter().fold(builder, DenylistBuilder::capacity).build()
    }
}
