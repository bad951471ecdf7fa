//! Tokens from a provider's token endpoint.

use std::sync::Arc;

use gambeson_core::{BoxFuture, Clock, Credential, CredentialSource};

use super::caller_token::CallerToken;
use super::issue::{Issue, IssueError, IssueErrorKind, Issued};
use super::source::TokenSource;
use crate::token_endpoint::{ClientAuth, ClientEndpoint, ExchangeError, Exchanges, Known, Tokens};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// This app at its provider, and what it asks for.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) known: Known<ClientEndpoint>,
    pub(super) exchanges: Exchanges,
    pub(super) client: ClientAuth,
    /// Scope, audience, resource.
    pub(super) wishes: Vec<(&'static str, String)>,
    pub(super) actor: Option<TokenSource>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Desk {
    fn name(&self) -> &str {
        &self.known.endpoint().issuer
    }

    async fn ask(&self, grant: &[(&str, &str)]) -> Result<Issued, ExchangeError> {
        let url = self.known.get().await?;
        // The token's life is counted from before it was asked for: it may end early here, never late.
        let asked_at = self.clock.now();
        let wishes = self.wishes.iter().map(|(name, value)| (*name, value.as_str()));
        let form: Vec<_> = grant.iter().copied().chain(wishes).collect();
        let tokens = self.exchanges.exchange(self.known.endpoint(), &url, &self.client, &form).await?;
        check(&tokens, self.name())?;
        let lifetime = tokens.expires_in.map(std::time::Duration::from_secs);
        let ends_at = lifetime.map(|lifetime| asked_at.plus(lifetime));
        Issued::bearer(&tokens.access_token, ends_at)
            .map_err(|error| ExchangeError::Unavailable(format!("{}: {error}", self.name())))
    }

    /// RFC 8693 §2.1.
    async fn exchange(&self, subject: &str, kind: &str) -> Result<Issued, Unexchanged> {
        let mut grant =
            vec![("grant_type", EXCHANGE), ("subject_token", subject), ("subject_token_type", kind)];
        let actor = match &self.actor {
            Some(actor) => Some(credential_of(actor).await.map_err(Unexchanged::Actor)?),
            None => None,
        };
        if let Some(actor) = &actor {
            let token = bare(actor).map_err(Unexchanged::Actor)?;
            grant.extend([("actor_token", token), ("actor_token_type", ACCESS_TOKEN)]);
        }
        self.ask(&grant).await.map_err(Unexchanged::Exchange)
    }
}

enum Unexchanged {
    Actor(IssueError),
    Exchange(ExchangeError),
}

impl From<Unexchanged> for IssueError {
    fn from(error: Unexchanged) -> Self {
        match error {
            Unexchanged::Actor(error) => error,
            Unexchanged::Exchange(error) => error.into(),
        }
    }
}

/// A token that can be sent as `Bearer` (RFC 6749 §7.1, RFC 8693 §2.2.1).
fn check(tokens: &Tokens, issuer: &str) -> Result<(), ExchangeError> {
    let wrong = |what: &str, got: &str| {
        let cut: String = got.chars().take(60).collect();
        let shown = gambeson_core::escape_controls(&cut);
        Err(ExchangeError::ClientRefused(format!(
            "{issuer} gave a token of {what} {shown:?}, not a bearer token"
        )))
    };
    if let Some(kind) = tokens.token_type.as_deref()
        && !kind.eq_ignore_ascii_case("bearer")
    {
        return wrong("the type", kind);
    }
    match tokens.issued_token_type.as_deref() {
        None | Some(ACCESS_TOKEN | JWT) => Ok(()),
        Some(kind) => wrong("the kind", kind),
    }
}

/// What a source gives now.
async fn credential_of(source: &TokenSource) -> Result<Credential, IssueError> {
    source.credential().wait().await.map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        IssueError::unavailable(format!("{error}{cause}"))
    })
}

/// The token of a credential, without its scheme.
fn bare(credential: &Credential) -> Result<&str, IssueError> {
    let text = credential.authorization().to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
    text.ok_or_else(|| IssueError::refused("its subject or actor is no bearer token"))
}

/// RFC 6749 §4.4.
#[derive(Debug)]
pub(super) struct ClientCredentials(pub(super) Desk);

impl Issue for ClientCredentials {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn issue(self: Arc<Self>) -> BoxFuture<Result<Issued, IssueError>> {
        Box::pin(async move { Ok(self.0.ask(&[("grant_type", "client_credentials")]).await?) })
    }
}

/// Another token of this app's own, exchanged (RFC 8693).
#[derive(Debug)]
pub(super) struct OwnToken {
    pub(super) desk: Desk,
    pub(super) subject: TokenSource,
}

impl Issue for OwnToken {
    fn name(&self) -> &str {
        self.desk.name()
    }

    fn issue(self: Arc<Self>) -> BoxFuture<Result<Issued, IssueError>> {
        Box::pin(async move {
            let credential = credential_of(&self.subject).await?;
            let kind = if self.subject.is_a_jwt() { JWT } else { ACCESS_TOKEN };
            let issued = self.desk.exchange(bare(&credential)?, kind).await;
            if let Err(Unexchanged::Exchange(ExchangeError::Refused(_))) = &issued {
                // A refused subject is not offered again.
                self.subject.report_rejected(&credential);
            }
            Ok(issued?)
        })
    }
}

/// The token of one caller, exchanged (RFC 8693).
#[derive(Debug)]
pub(super) struct OnBehalf {
    pub(super) desk: Arc<Desk>,
    pub(super) caller: CallerToken,
}

impl Issue for OnBehalf {
    fn name(&self) -> &str {
        self.desk.name()
    }

    fn issue(self: Arc<Self>) -> BoxFuture<Result<Issued, IssueError>> {
        Box::pin(async move {
            self.desk.exchange(self.caller.expose(), ACCESS_TOKEN).await.map_err(|error| match error {
                Unexchanged::Exchange(ExchangeError::Refused(text)) => {
                    IssueError::new(IssueErrorKind::Caller, text)
                }
                error => error.into(),
            })
        })
    }
}
