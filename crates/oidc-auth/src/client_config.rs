//! How this app proves who it is at a provider, from a configuration file.

use std::sync::Arc;

use gambeson_core::{ConfigProblems, SecretRef, SecretResolver};

use crate::token_endpoint::{AssertionAlgorithm, AssertionKey, ClientAuth, ClientSecret};

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
    /// See [`ClientAuth::tls`].
    Tls,
}

/// What a table says of a client.
pub(crate) struct ClientTable<'t> {
    /// The table's own name, for what is wrong.
    pub(crate) table: &'t str,
    pub(crate) id: &'t str,
    pub(crate) method: ClientAuthMethod,
    pub(crate) secret: Option<&'t SecretRef>,
    pub(crate) private_key: Option<&'t SecretRef>,
    pub(crate) key_id: Option<&'t str>,
    pub(crate) algorithm: AssertionAlgorithm,
}

impl ClientTable<'_> {
    /// `None` with a problem noted, when its secret can't be had.
    pub(crate) fn client(
        &self,
        secrets: Option<&Arc<dyn SecretResolver>>,
        problems: &mut ConfigProblems,
    ) -> Option<ClientAuth> {
        let mut secret = || self.resolved("client-secret", self.secret, secrets, problems);
        Some(match self.method {
            ClientAuthMethod::Secret => ClientAuth::secret(self.id, secret()?),
            ClientAuthMethod::SecretBasic => ClientAuth::secret_basic(self.id, secret()?),
            ClientAuthMethod::SecretPost => ClientAuth::secret_post(self.id, secret()?),
            ClientAuthMethod::PrivateKeyJwt => {
                let key = self.resolved("private-key", self.private_key, secrets, problems)?;
                let key = AssertionKey::new(self.algorithm, key);
                let key = self.key_id.iter().fold(key, |key, key_id| key.key_id(*key_id));
                ClientAuth::private_key_jwt(self.id, key)
            }
            ClientAuthMethod::Tls => ClientAuth::tls(self.id),
        })
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
        problems.add(format!("{}.{field}", self.table), value, cure);
        None
    }
}
