//! How this app proves who it is at a provider, from a configuration file.

use std::sync::Arc;

use gambeson_core::{ConfigProblems, SecretRef, SecretResolver};

use crate::token_endpoint::{AssertionAlgorithm, AssertionKey, ClientAuth, ClientCertificate, ClientSecret};

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ClientAuthMethod {
    /// See [`ClientAuth::secret`].
    #[default]
    Secret,
    /// See [`ClientAuth::secret_basic`].
    SecretBasic,
    /// See [`ClientAuth::secret_post`].
    SecretPost,
    /// See [`ClientAuth::private_key_jwt`].
    PrivateKeyJwt,
    /// See [`ClientAuth::tls_with`]: with `certificate` and `private-key`.
    Tls,
}

/// What a table says of a client: the same fields wherever this app proves itself.
pub(crate) struct ClientTable<'t> {
    /// The table's own name, for what is wrong.
    pub(crate) table: &'static str,
    pub(crate) id: &'t str,
    pub(crate) method: ClientAuthMethod,
    pub(crate) secret: Option<&'t SecretRef>,
    pub(crate) certificate: Option<&'t SecretRef>,
    pub(crate) private_key: Option<&'t SecretRef>,
    pub(crate) key_id: Option<&'t str>,
    pub(crate) algorithm: AssertionAlgorithm,
    pub(crate) assertion_audience: Option<&'t str>,
}

/// The [`ClientTable`] of a configuration that has these fields.
macro_rules! client_table {
    ($config:expr, $table:literal) => {
        $crate::client_config::ClientTable {
            table: $table,
            id: &$config.client_id,
            method: $config.client_auth,
            secret: $config.client_secret.as_ref(),
            certificate: $config.certificate.as_ref(),
            private_key: $config.private_key.as_ref(),
            key_id: $config.key_id.as_deref(),
            algorithm: $config.algorithm,
            assertion_audience: $config.assertion_audience.as_deref(),
        }
    };
}
pub(crate) use client_table;

impl ClientTable<'_> {
    /// `None` with a problem noted, when its secret can't be had. What would do nothing is noted too.
    pub(crate) fn client(
        &self,
        secrets: Option<&Arc<dyn SecretResolver>>,
        problems: &mut ConfigProblems,
    ) -> Option<ClientAuth> {
        self.validate(problems);
        let mut read = |field: &str, reference| self.resolved(field, reference, secrets, problems);
        Some(match self.method {
            ClientAuthMethod::Secret => ClientAuth::secret(self.id, read("client-secret", self.secret)?),
            ClientAuthMethod::SecretBasic => {
                ClientAuth::secret_basic(self.id, read("client-secret", self.secret)?)
            }
            ClientAuthMethod::SecretPost => {
                ClientAuth::secret_post(self.id, read("client-secret", self.secret)?)
            }
            ClientAuthMethod::PrivateKeyJwt => {
                let key = AssertionKey::new(self.algorithm, read("private-key", self.private_key)?);
                let key = self.key_id.iter().fold(key, |key, key_id| key.key_id(*key_id));
                let audience = self.assertion_audience.iter();
                let key = audience.fold(key, |key, audience| key.audience(*audience));
                ClientAuth::private_key_jwt(self.id, key)
            }
            // The transport that code gives may have a certificate; where it gives none, the build asks for these.
            ClientAuthMethod::Tls if self.certificate.is_none() && self.private_key.is_none() => {
                ClientAuth::tls(self.id)
            }
            ClientAuthMethod::Tls => {
                let chain = read("certificate", self.certificate);
                let (key, chain) = read("private-key", self.private_key).zip(chain)?;
                ClientAuth::tls_with(self.id, ClientCertificate::new(chain, key))
            }
        })
    }

    /// A client that may keep no secret (RFC 6749 §2.1): one that names none is public.
    pub(crate) fn client_or_public(
        &self,
        secrets: Option<&Arc<dyn SecretResolver>>,
        problems: &mut ConfigProblems,
    ) -> Option<ClientAuth> {
        if self.method == ClientAuthMethod::Secret && self.secret.is_none() {
            self.validate(problems);
            return Some(ClientAuth::public(self.id));
        }
        self.client(secrets, problems)
    }

    /// What another proof would need: here it would do nothing.
    fn validate(&self, problems: &mut ConfigProblems) {
        let by_key = self.method == ClientAuthMethod::PrivateKeyJwt;
        let by_tls = self.method == ClientAuthMethod::Tls;
        if (by_key || by_tls) && self.secret.is_some() {
            problems.add(self.named("client-secret"), "", "leave it out, or say client-auth = \"secret\"");
        }
        if !by_tls && self.certificate.is_some() {
            problems.add(self.named("certificate"), "", "leave it out, or say client-auth = \"tls\"");
        }
        for (field, idle) in [
            ("private-key", !by_tls && self.private_key.is_some()),
            ("key-id", self.key_id.is_some()),
            ("algorithm", self.algorithm != AssertionAlgorithm::default()),
            ("assertion-audience", self.assertion_audience.is_some()),
        ] {
            if idle && !by_key {
                let cure = "leave it out, or say client-auth = \"private-key-jwt\"";
                problems.add(self.named(field), "", cure);
            }
        }
    }

    /// What it says beside the id, for a table that has no client: each of these would do nothing.
    pub(crate) fn said(&self) -> impl Iterator<Item = &'static str> + use<> {
        [
            ("client-id", !self.id.is_empty()),
            ("client-auth", self.method != ClientAuthMethod::default()),
            ("client-secret", self.secret.is_some()),
            ("certificate", self.certificate.is_some()),
            ("private-key", self.private_key.is_some()),
            ("key-id", self.key_id.is_some()),
            ("algorithm", self.algorithm != AssertionAlgorithm::default()),
            ("assertion-audience", self.assertion_audience.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, is_there)| is_there.then_some(field))
    }

    fn named(&self, field: &str) -> String {
        format!("{}.{field}", self.table)
    }

    fn resolved(
        &self,
        field: &str,
        reference: Option<&SecretRef>,
        secrets: Option<&Arc<dyn SecretResolver>>,
        problems: &mut ConfigProblems,
    ) -> Option<ClientSecret> {
        let (value, cure) = match (reference, secrets) {
            (Some(reference), Some(resolver)) => {
                return Some(ClientSecret::from_ref(reference.clone(), Arc::clone(resolver)));
            }
            (Some(reference), None) => {
                (reference.to_string(), "give a resolver of secrets, for example gambeson-secrets'")
            }
            (None, _) => (String::new(), "say where it is, for example env://NAME"),
        };
        problems.add(self.named(field), value, cure);
        None
    }
}
