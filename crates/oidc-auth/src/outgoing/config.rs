//! A source of tokens and where they go, from plain data.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems, Profile, SecretRef, SecretResolver};

use super::layer::TokenLayer;
use super::repeat::Resend;
use super::source::TokenSource;
use super::source_builder::TokenSourceBuilder;
use super::tables::World;
use crate::client_config::{ClientAuthMethod, client_table};
use crate::issuer::Issuer;
use crate::token_endpoint::{AssertionAlgorithm, ClientAuth};

/// What a configuration file says of the tokens for one other service: a table `[oidc-auth.outgoing.<name>]`. The issuer is
/// that of `[oidc-auth]`.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// # use gambeson_oidc_auth::Config;
/// let config: Config = toml::from_str(r#"
///     issuer = "https://id.example.com"
///     audience = "shop"
///
///     [outgoing.stock]
///     origins = ["https://stock.example.com"]
///     client-id = "shop"
///     client-secret = "env://STOCK_CLIENT_SECRET"
///     scope = "stock:read"
///
///     [outgoing.audit]
///     origins = ["https://audit.example.com"]
///     token = "exchange"
///     subject = "pod"
///     client-id = "shop"
///     client-auth = "tls"
///     certificate = "file://tls/client.pem"
///     private-key = "file://tls/client.key"
///
///     [outgoing.pod]
///     token = "workload-file"
///     file = "/var/run/secrets/tokens/audit"
/// "#).unwrap();
/// assert!(config.outgoing.contains_key("stock"));
/// # }
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct OutgoingConfig {
    /// Who gets the token; required, but for a table that is only the subject or the actor of others. See
    /// [`TokenLayerBuilder::origin`](super::TokenLayerBuilder::origin).
    pub origins: Vec<String>,
    /// Which kind of token. Default `client-credentials`.
    pub token: OutgoingToken,
    /// How the provider registered this app; for tokens that are asked for.
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
    /// The table whose token is exchanged, by its name; for `exchange`, which needs it. See [`TokenSource::exchange`].
    pub subject: Option<String>,
    /// The table whose token says who acts, by its name; for `exchange` and `on-behalf-of`. See [`TokenSourceBuilder::actor`]. Default: none.
    pub actor: Option<String>,
    /// See [`TokenSourceBuilder::scope`].
    pub scope: Option<String>,
    /// See [`TokenSourceBuilder::audience`]; for `github-actions` who the token is for.
    pub audience: Option<String>,
    /// See [`TokenSourceBuilder::resource`].
    pub resource: Option<String>,
    /// The file of `workload-file`.
    pub file: PathBuf,
    /// Inside networks that GitHub's own service may be in: see [`TokenSourceBuilder::allow_private`]. For `github-actions`; the
    /// issuer has a word of its own. Default: none.
    pub allow_private: Vec<String>,
    /// Which requests are sent once more, with a fresh token, when they are answered 401. Default `empty-bodies`.
    pub resend: Resend,
    /// See [`TokenSourceBuilder::deadline`]. Default 5 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub deadline: Duration,
    /// See [`TokenSourceBuilder::max_waiting`]. Default 1024.
    pub max_waiting: Option<usize>,
    /// For `on-behalf-of`: see [`TokenSourceBuilder::max_callers`]. Default 4096.
    pub max_callers: Option<usize>,
}

/// Which kind of token goes to another service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OutgoingToken {
    /// See [`TokenSource::client_credentials`].
    #[default]
    ClientCredentials,
    /// See [`TokenSource::exchange`]: the token of the table that `subject` names, for another one.
    Exchange,
    /// See [`TokenSource::on_behalf_of`].
    OnBehalfOf,
    /// See [`TokenSource::workload_file`].
    WorkloadFile,
    /// See [`TokenSource::github_actions`].
    GithubActions,
}

impl OutgoingToken {
    /// It comes for another token (RFC 8693).
    pub(super) fn exchanges(self) -> bool {
        matches!(self, Self::Exchange | Self::OnBehalfOf)
    }

    /// It comes without the issuer, and this app is nobody's client.
    fn is_of_the_platform(self) -> bool {
        matches!(self, Self::WorkloadFile | Self::GithubActions)
    }
}

impl Default for OutgoingConfig {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            token: OutgoingToken::default(),
            client_id: String::new(),
            client_auth: ClientAuthMethod::default(),
            client_secret: None,
            certificate: None,
            private_key: None,
            key_id: None,
            algorithm: AssertionAlgorithm::default(),
            assertion_audience: None,
            subject: None,
            actor: None,
            scope: None,
            audience: None,
            resource: None,
            file: PathBuf::new(),
            allow_private: Vec::new(),
            resend: Resend::default(),
            deadline: Duration::from_secs(5),
            max_waiting: None,
            max_callers: None,
        }
    }
}

impl OutgoingConfig {
    /// The source, with fields named below `outgoing.`. `subject` and `actor` are the sources of the tables that it names.
    pub(super) fn source(
        &self,
        world: &World<'_>,
        subject: Option<TokenSource>,
        actor: Option<TokenSource>,
    ) -> Result<TokenSource, ConfigError> {
        let mut problems = ConfigProblems::new();
        self.validate_kind(&mut problems);
        let client = self.client(world.secrets, &mut problems);
        let builder = client.and_then(|client| self.builder(world.issuer.clone(), client, subject));
        let builder = builder.map(|builder| {
            let actor = actor.into_iter().filter(|_| self.token.exchanges());
            actor.fold(builder, TokenSourceBuilder::actor).run_in(world.run_in)
        });
        let source = builder.map(|builder| (world.change)(builder).build());
        let source = source.and_then(|built| built.map_err(|error| problems.extend(error)).ok());
        problems.check()?;
        source.ok_or_else(|| {
            ConfigError::one("outgoing.subject", "", "name the table whose token is exchanged")
        })
    }

    /// The layer over its source.
    pub(super) fn layer(
        &self,
        run_in: Profile,
        source: TokenSource,
    ) -> Result<TokenLayer<Resend>, ConfigError> {
        let builder = TokenLayer::builder(source).run_in(run_in);
        let builder = self.origins.iter().fold(builder, |builder, origin| builder.origin(origin));
        builder.build().map(|layer| layer.repeat_with(self.resend))
    }

    /// What another kind of token would need: here it would do nothing.
    fn validate_kind(&self, problems: &mut ConfigProblems) {
        const KIND: &str = "leave it out: this kind of token (token) has no use for it";
        let file = self.token != OutgoingToken::WorkloadFile && !self.file.as_os_str().is_empty();
        let exchange = self.token == OutgoingToken::Exchange;
        for (field, idle, cure) in [
            ("file", file, "leave it out, or say token = \"workload-file\""),
            ("subject", !exchange && self.subject.is_some(), "leave it out, or say token = \"exchange\""),
            ("actor", !self.token.exchanges() && self.actor.is_some(), KIND),
            ("max-callers", self.token != OutgoingToken::OnBehalfOf && self.max_callers.is_some(), KIND),
        ] {
            if idle {
                problems.add(format!("outgoing.{field}"), "", cure);
            }
        }
        if exchange && self.subject.is_none() {
            let cure = "name the table whose token is exchanged, such as \"pod\" for [outgoing.pod]";
            problems.add("outgoing.subject", "", cure);
        }
        if self.token.is_of_the_platform() {
            for field in client_table!(self, "outgoing").said() {
                problems.add(format!("outgoing.{field}"), "", KIND);
            }
        }
    }

    /// `None` for an exchange without a subject.
    fn builder(
        &self,
        issuer: Issuer,
        client: ClientAuth,
        subject: Option<TokenSource>,
    ) -> Option<TokenSourceBuilder> {
        let builder = match self.token {
            OutgoingToken::ClientCredentials => TokenSource::client_credentials(issuer, client),
            OutgoingToken::Exchange => TokenSource::exchange(issuer, client, subject?),
            OutgoingToken::OnBehalfOf => TokenSource::on_behalf_of(issuer, client),
            OutgoingToken::WorkloadFile => TokenSource::workload_file(&self.file),
            OutgoingToken::GithubActions => {
                TokenSource::github_actions(self.audience.as_deref().unwrap_or_default())
            }
        };
        let builder = builder.deadline(self.deadline).allow_private(&self.allow_private);
        let builder = self.max_waiting.into_iter().fold(builder, TokenSourceBuilder::max_waiting);
        let builder = self.max_callers.into_iter().fold(builder, TokenSourceBuilder::max_callers);
        let builder = self.scope.iter().fold(builder, |builder, scope| builder.scope(scope));
        // Of a job it is a part of the question, not of a wish.
        let audience = self.audience.iter().filter(|_| self.token != OutgoingToken::GithubActions);
        let builder = audience.fold(builder, |builder, audience| builder.audience(audience));
        Some(self.resource.iter().fold(builder, |builder, resource| builder.resource(resource)))
    }

    /// `None` with a problem noted, when its secret can't be had.
    fn client(
        &self,
        secrets: Option<&Arc<dyn SecretResolver>>,
        problems: &mut ConfigProblems,
    ) -> Option<ClientAuth> {
        if self.token.is_of_the_platform() {
            return Some(ClientAuth::public(self.client_id.as_str()));
        }
        client_table!(self, "outgoing").client(secrets, problems)
    }
}
