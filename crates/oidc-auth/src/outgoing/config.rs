//! A source of tokens and where they go, from plain data.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems, Profile, SecretRef, SecretResolver};

use super::layer::TokenLayer;
use super::repeat::Resend;
use super::source::TokenSource;
use super::source_builder::TokenSourceBuilder;
use crate::client_config::{ClientAuthMethod, ClientTable};
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
    /// Who gets the token; required. See [`TokenLayerBuilder::origin`](super::TokenLayerBuilder::origin).
    pub origins: Vec<String>,
    /// Which kind of token. Default `client-credentials`.
    pub token: OutgoingToken,
    /// How the provider registered this app; for tokens that are asked for.
    pub client_id: String,
    /// How this app proves that it is that client. Default `secret`.
    pub client_auth: ClientAuthMethod,
    /// Where the client's secret is.
    pub client_secret: Option<SecretRef>,
    /// Where the private key of `private-key-jwt` is.
    pub private_key: Option<SecretRef>,
    /// The name of that key (`kid`).
    pub key_id: Option<String>,
    /// The algorithm of that key: `ES256` (the default), `ES384`, `EdDSA`, `RS256` or `PS256`.
    pub algorithm: AssertionAlgorithm,
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
}

/// Which kind of token goes to another service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OutgoingToken {
    /// See [`TokenSource::client_credentials`].
    #[default]
    ClientCredentials,
    /// See [`TokenSource::on_behalf_of`].
    OnBehalfOf,
    /// See [`TokenSource::workload_file`].
    WorkloadFile,
    /// See [`TokenSource::github_actions`].
    GithubActions,
}

impl Default for OutgoingConfig {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            token: OutgoingToken::default(),
            client_id: String::new(),
            client_auth: ClientAuthMethod::default(),
            client_secret: None,
            private_key: None,
            key_id: None,
            algorithm: AssertionAlgorithm::default(),
            scope: None,
            audience: None,
            resource: None,
            file: PathBuf::new(),
            allow_private: Vec::new(),
            resend: Resend::default(),
            deadline: Duration::from_secs(5),
        }
    }
}

impl OutgoingConfig {
    /// The layer, with fields named below `outgoing.<name>`.
    pub(crate) fn build(
        &self,
        name: &str,
        issuer: Issuer,
        run_in: Profile,
        secrets: Option<&Arc<dyn SecretResolver>>,
        change: impl FnOnce(TokenSourceBuilder) -> TokenSourceBuilder,
    ) -> Result<TokenLayer<Resend>, ConfigError> {
        let mut problems = ConfigProblems::new();
        self.validate_kind(&mut problems);
        let client = self.client(secrets, &mut problems);
        let source = client.map(|client| change(self.source(issuer, client).run_in(run_in)).build());
        let source = source.and_then(|built| built.map_err(|error| problems.extend(error)).ok());
        // What is wrong with the origins is told beside what is wrong with the source.
        let any = || TokenSource::workload_file("-").build();
        let layer = match source.map_or_else(any, Ok) {
            Ok(source) => {
                let builder = TokenLayer::builder(source).run_in(run_in);
                self.origins.iter().fold(builder, |builder, origin| builder.origin(origin)).build()
            }
            Err(error) => Err(error),
        };
        let layer = layer.map_err(|error| problems.extend(error)).ok();
        let named = problems.check().map_err(|error| renamed(&error, name));
        named?;
        layer.map(|layer| layer.repeat_with(self.resend)).ok_or_else(|| {
            ConfigError::one(format!("outgoing.{name}"), "", "name the parts that are missing")
        })
    }

    /// What another kind of token, or another proof, would need: here it would do nothing.
    fn validate_kind(&self, problems: &mut ConfigProblems) {
        const KIND: &str = "leave it out: this kind of token (token) has no use for it";
        const KEY: &str = "leave it out, or say client-auth = \"private-key-jwt\"";
        const SECRET: &str = "leave it out, or say client-auth = \"secret\"";
        let platform = matches!(self.token, OutgoingToken::WorkloadFile | OutgoingToken::GithubActions);
        let by_key = !platform && self.client_auth == ClientAuthMethod::PrivateKeyJwt;
        let by_secret = !platform && !by_key && self.client_auth != ClientAuthMethod::Tls;
        let file = self.token != OutgoingToken::WorkloadFile && !self.file.as_os_str().is_empty();
        for (field, idle, cure) in [
            ("file", file, "leave it out, or say token = \"workload-file\""),
            ("client-id", platform && !self.client_id.is_empty(), KIND),
            ("client-auth", platform && self.client_auth != ClientAuthMethod::default(), KIND),
            (
                "client-secret",
                !by_secret && self.client_secret.is_some(),
                if platform { KIND } else { SECRET },
            ),
            ("private-key", !by_key && self.private_key.is_some(), if platform { KIND } else { KEY }),
            ("key-id", !by_key && self.key_id.is_some(), if platform { KIND } else { KEY }),
            (
                "algorithm",
                !by_key && self.algorithm != AssertionAlgorithm::default(),
                if platform { KIND } else { KEY },
            ),
        ] {
            if idle {
                problems.add(format!("outgoing.{field}"), "", cure);
            }
        }
    }

    fn source(&self, issuer: Issuer, client: ClientAuth) -> TokenSourceBuilder {
        let builder = match self.token {
            OutgoingToken::ClientCredentials => TokenSource::client_credentials(issuer, client),
            OutgoingToken::OnBehalfOf => TokenSource::on_behalf_of(issuer, client),
            OutgoingToken::WorkloadFile => TokenSource::workload_file(&self.file),
            OutgoingToken::GithubActions => {
                TokenSource::github_actions(self.audience.as_deref().unwrap_or_default())
            }
        };
        let builder = builder.deadline(self.deadline).allow_private(&self.allow_private);
        let builder = self.scope.iter().fold(builder, |builder, scope| builder.scope(scope));
        // Of a job it is a part of the question, not of a wish.
        let audience = self.audience.iter().filter(|_| self.token != OutgoingToken::GithubActions);
        let builder = audience.fold(builder, |builder, audience| builder.audience(audience));
        self.resource.iter().fold(builder, |builder, resource| builder.resource(resource))
    }

    /// `None` with a problem noted, when its secret can't be had.
    fn client(
        &self,
        secrets: Option<&Arc<dyn SecretResolver>>,
        problems: &mut ConfigProblems,
    ) -> Option<ClientAuth> {
        let id = self.client_id.as_str();
        if matches!(self.token, OutgoingToken::WorkloadFile | OutgoingToken::GithubActions) {
            return Some(ClientAuth::public(id));
        }
        let table = ClientTable {
            table: "outgoing",
            id,
            method: self.client_auth,
            secret: self.client_secret.as_ref(),
            private_key: self.private_key.as_ref(),
            key_id: self.key_id.as_deref(),
            algorithm: self.algorithm,
        };
        table.client(secrets, problems)
    }
}

/// The fields as the file names them.
fn renamed(error: &ConfigError, name: &str) -> ConfigError {
    let mut problems = ConfigProblems::new();
    for problem in error.problems() {
        let field = match problem.field.strip_prefix("outgoing.") {
            Some(field) => format!("outgoing.{name}.{field}"),
            None => problem.field.clone(),
        };
        problems.add(field, &*problem.value, &*problem.cure);
    }
    problems.check().err().unwrap_or_else(|| error.clone())
}
