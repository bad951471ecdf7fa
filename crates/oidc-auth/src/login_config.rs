//! The log-in from a configuration file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{ConfigProblems, SecretRef, SecretResolver};

use crate::client_config::{ClientAuthMethod, client_table};
use crate::issuer::Issuer;
use crate::login::{Login, LoginBuilder, LoginPaths, SessionLifetime, SessionlessTokens};
use crate::token_endpoint::AssertionAlgorithm;

/// What a configuration file says of the log-in: the table `[oidc-auth.login]`.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct LoginConfig {
    /// How the provider registered this app; required.
    pub client_id: String,
    /// How this app proves that it is that client. Default `secret`; a public client where none is named.
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
    /// See [`LoginBuilder::public_origin`]; required.
    pub public_origin: String,
    /// See [`LoginBuilder::scopes`]. Default `openid`, `profile`.
    pub scopes: Vec<String>,
    /// See [`LoginBuilder::authorization_parameter`]: by name. Default: none.
    pub authorization_parameters: BTreeMap<String, String>,
    /// See [`LoginBuilder::trusted_audiences`]. Default: none.
    pub trusted_audiences: Vec<String>,
    /// See [`LoginBuilder::acr_values`]. Default: none.
    pub acr_values: Vec<String>,
    /// See [`LoginBuilder::form_action`]. Default: none.
    pub form_action: Vec<String>,
    /// The paths that the log-in owns.
    pub paths: LoginPaths,
    /// The longest time between two requests. Default 30 min.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub idle: Duration,
    /// The longest time from log-in to end. Default 8 h.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub absolute: Duration,
    /// See [`LoginBuilder::cookie_name`]. Default `session`.
    pub cookie_name: String,
    /// See [`LoginBuilder::sessionless_tokens`]: `end` (the default) or `keep`.
    pub sessionless_tokens: SessionlessTokens,
    /// Whether userinfo is asked too, see [`LoginBuilder::userinfo`]. Default `false`.
    pub userinfo: bool,
    /// How long one request to the provider may take. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub deadline: Duration,
}

impl Default for LoginConfig {
    fn default() -> Self {
        let SessionLifetime { idle, absolute, .. } = SessionLifetime::default();
        Self {
            client_id: String::new(),
            client_auth: ClientAuthMethod::default(),
            client_secret: None,
            certificate: None,
            private_key: None,
            key_id: None,
            algorithm: AssertionAlgorithm::default(),
            assertion_audience: None,
            public_origin: String::new(),
            scopes: vec!["openid".into(), "profile".into()],
            authorization_parameters: BTreeMap::new(),
            trusted_audiences: Vec::new(),
            acr_values: Vec::new(),
            form_action: Vec::new(),
            paths: LoginPaths::default(),
            idle,
            absolute,
            cookie_name: "session".into(),
            sessionless_tokens: SessionlessTokens::default(),
            userinfo: false,
            deadline: Duration::from_secs(5),
        }
    }
}

impl LoginConfig {
    /// The log-in at this issuer.
    pub(crate) fn builder(
        &self,
        issuer: Issuer,
        secrets: Option<&Arc<dyn SecretResolver>>,
        problems: &mut ConfigProblems,
    ) -> LoginBuilder {
        let lifetime = SessionLifetime::default().idle(self.idle).absolute(self.absolute);
        let builder = Login::builder(issuer, self.client_id.as_str())
            .public_origin(self.public_origin.as_str())
            .scopes(self.scopes.iter().cloned())
            .acr_values(self.acr_values.iter().map(String::as_str))
            .form_action(self.form_action.iter().map(String::as_str))
            .trusted_audiences(self.trusted_audiences.iter().map(String::as_str))
            .paths(self.paths.clone())
            .lifetime(lifetime)
            .cookie_name(self.cookie_name.as_str())
            .sessionless_tokens(self.sessionless_tokens)
            .deadline(self.deadline);
        let builder = if self.userinfo { builder.userinfo() } else { builder };
        let parameters = self.authorization_parameters.iter();
        let builder =
            parameters.fold(builder, |builder, (name, value)| builder.authorization_parameter(name, value));
        let client = client_table!(self, "login").client_or_public(secrets, problems);
        client.into_iter().fold(builder, LoginBuilder::client_auth)
    }
}
