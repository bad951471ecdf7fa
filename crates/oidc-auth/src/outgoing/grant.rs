//! Tokens from a provider's token endpoint.

use std::sync::Arc;

use gambeson_core::{BoxFuture, Clock, Credential, CredentialSource};

use super::caller_token::Bearer;
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

    /// RFC 8693 §2.1. The provider does not say whose token it refuses: it is the subject's when another one of the actor helps no more.
    async fn exchange(&self, subject: Presented<'_>) -> Result<Issued, Unexchanged> {
        let Some(source) = &self.actor else { return self.ask_for(subject, None).await };
        let kind = kind_of(source);
        let actor = credential_of(source).await.map_err(Unexchanged::Own)?;
        let presented = |token| Some(Presented { token, kind });
        let first = self.ask_for(subject, presented(bare(&actor).map_err(Unexchanged::Own)?)).await;
        let Err(Unexchanged::Refused(_)) = &first else { return first };
        match source.replace(&actor).wait().await {
            Ok(other) if other.authorization() != actor.authorization() => {
                self.ask_for(subject, presented(bare(&other).map_err(Unexchanged::Own)?)).await
            }
            _ => first,
        }
    }

    async fn ask_for(
        &self,
        subject: Presented<'_>,
        actor: Option<Presented<'_>>,
    ) -> Result<Issued, Unexchanged> {
        let mut grant = vec![
            ("grant_type", EXCHANGE),
            ("subject_token", subject.token),
            ("subject_token_type", subject.kind),
        ];
        if let Some(actor) = actor {
            grant.extend([("actor_token", actor.token), ("actor_token_type", actor.kind)]);
        }
        self.ask(&grant).await.map_err(|error| match error {
            // RFC 8693 §2.2.2 asks for `invalid_request`; some providers answer `invalid_grant` all the same.
            ExchangeError::Refused(text) | ExchangeError::Malformed(text) => Unexchanged::Refused(text),
            error => Unexchanged::Own(error.into()),
        })
    }
}

/// A token in an exchange, and of which type it is (RFC 8693 §3).
#[derive(Clone, Copy)]
struct Presented<'t> {
    token: &'t str,
    kind: &'static str,
}

enum Unexchanged {
    /// A token that was presented is no good.
    Refused(String),
    /// It is this app's own trouble, or the provider's.
    Own(IssueError),
}

impl Unexchanged {
    fn blamed_on(self, kind: IssueErrorKind) -> IssueError {
        match self {
            Self::Refused(text) => IssueError::new(kind, text),
            Self::Own(error) => error,
        }
    }
}

fn kind_of(source: &TokenSource) -> &'static str {
    if source.is_a_jwt() { JWT } else { ACCESS_TOKEN }
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
    source.credential().wait().await.map_err(|error| IssueError::of_source(&error))
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
            let subject = Presented { token: bare(&credential)?, kind: kind_of(&self.subject) };
            let issued = self.desk.exchange(subject).await;
            if let Err(Unexchanged::Refused(_)) = &issued {
                // A refused subject is not offered again.
                self.subject.report_rejected(&credential);
            }
            issued.map_err(|error| error.blamed_on(IssueErrorKind::Refused))
        })
    }
}

/// The token of one caller, exchanged (RFC 8693).
#[derive(Debug)]
pub(super) struct OnBehalf {
    pub(super) desk: Arc<Desk>,
    pub(super) caller: Bearer,
}

impl Issue for OnBehalf {
    fn name(&self) -> &str {
        self.desk.name()
    }

    fn issue(self: Arc<Self>) -> BoxFuture<Result<Issued, IssueError>> {
        Box::pin(async move {
            let subject = Presented { token: self.caller.expose(), kind: ACCESS_TOKEN };
            self.desk.exchange(subject).await.map_err(|error| error.blamed_on(IssueErrorKind::Caller))
        })
    }
}
