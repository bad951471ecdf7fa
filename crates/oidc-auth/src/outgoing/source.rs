//! A source of tokens.

use std::path::PathBuf;
use std::sync::Arc;

use gambeson_core::{Answer, Credential, CredentialError, CredentialErrorKind, CredentialSource, Rejection};
use http::Extensions;

use super::caller_token::CallerToken;
use super::callers::Callers;
use super::issue::{IssueError, IssueErrorKind};
use super::kept::{Failure, Kept};
use super::refusal;
use super::source_builder::{TokenSourceBuilder, Wanted};
use crate::issuer::Issuer;
use crate::token_endpoint::ClientAuth;

/// Tokens for calls to other services, kept fresh. A clone shares the token and is one atomic increment.
///
/// It is core's [`CredentialSource`] too, for whatever sends requests without this crate's layer.
#[derive(Debug, Clone)]
pub struct TokenSource(pub(super) Source);

#[derive(Debug, Clone)]
pub(super) enum Source {
    Kept { kept: Arc<Kept>, jwt: bool },
    Callers(Arc<Callers>),
    Foreign(Arc<dyn CredentialSource>),
}

impl TokenSource {
    /// Tokens of this app's own (RFC 6749 §4.4).
    pub fn client_credentials(issuer: Issuer, client: ClientAuth) -> TokenSourceBuilder {
        TokenSourceBuilder::new(Wanted::ClientCredentials { issuer, client })
    }

    /// Another token of this app's own, exchanged at this issuer (RFC 8693): a workload's token for one that an API takes.
    pub fn exchange(issuer: Issuer, client: ClientAuth, subject: TokenSource) -> TokenSourceBuilder {
        TokenSourceBuilder::new(Wanted::Exchange { issuer, client, subject })
    }

    /// The token of each caller, exchanged at this issuer (RFC 8693), so that the other service knows on whose behalf it is
    /// called. The outgoing request carries a [`CallerToken`] in its extensions.
    pub fn on_behalf_of(issuer: Issuer, client: ClientAuth) -> TokenSourceBuilder {
        TokenSourceBuilder::new(Wanted::OnBehalfOf { issuer, client })
    }

    /// The token in a file that the platform renews, such as Kubernetes' projected service account token. The file is read
    /// again each minute that requests come, when its token nears its end, and after a 401.
    pub fn workload_file(path: impl Into<PathBuf>) -> TokenSourceBuilder {
        TokenSourceBuilder::new(Wanted::File(path.into()))
    }

    /// The token that GitHub Actions gives a job with the permission `id-token: write`, for this audience. Reads the
    /// variables `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub fn github_actions(audience: impl Into<String>) -> TokenSourceBuilder {
        Self::github_actions_from_lookup(audience, |name| std::env::var(name).ok())
    }

    /// As [`github_actions`](Self::github_actions), with the variables from elsewhere.
    pub fn github_actions_from_lookup(
        audience: impl Into<String>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> TokenSourceBuilder {
        TokenSourceBuilder::new(Wanted::GithubActions {
            audience: audience.into(),
            url: lookup("ACTIONS_ID_TOKEN_REQUEST_URL").unwrap_or_default(),
            token: lookup("ACTIONS_ID_TOKEN_REQUEST_TOKEN").unwrap_or_default().into(),
        })
    }

    /// Whatever gives credentials, such as a live secret of gambeson-secrets; it keeps them fresh by itself.
    #[must_use]
    pub fn of(source: Arc<dyn CredentialSource>) -> Self {
        Self(Source::Foreign(source))
    }

    /// Whether its tokens are JWTs by their nature (RFC 8693 §3).
    pub(super) fn is_a_jwt(&self) -> bool {
        matches!(self.0, Source::Kept { jwt: true, .. })
    }

    /// Whether a token of it is of a caller, who must be known.
    pub(super) fn is_of_callers(&self) -> bool {
        matches!(self.0, Source::Callers(_))
    }

    /// Another credential than this one, which was rejected; for tokens of this app's own.
    pub(super) fn replace(&self, rejected: &Credential) -> Answer<Result<Credential, CredentialError>> {
        match &self.0 {
            Source::Kept { kept, .. } => of_kept(kept.replace(rejected)),
            Source::Foreign(source) => {
                source.report_rejected(rejected);
                source.credential()
            }
            Source::Callers(_) => Answer::Ready(Err(of_nobody())),
        }
    }

    /// Who has the token for a request with these extensions.
    pub(super) fn holder(&self, extensions: &mut Extensions) -> Result<Holder, Rejection> {
        match &self.0 {
            Source::Kept { kept, .. } => Ok(Holder::Kept(Arc::clone(kept))),
            Source::Foreign(source) => Ok(Holder::Foreign(Arc::clone(source))),
            // Taken out: whoever logs extensions further inside has no business with it.
            Source::Callers(callers) => match extensions.remove::<CallerToken>().map(CallerToken::bearer) {
                Some(Some(token)) => Ok(Holder::Kept(callers.of(&token))),
                Some(None) => Err(refusal::no_bearer()),
                None => Err(refusal::no_caller()),
            },
        }
    }
}

/// Who has the token for one request.
#[derive(Debug, Clone)]
pub(super) enum Holder {
    Kept(Arc<Kept>),
    Foreign(Arc<dyn CredentialSource>),
}

impl Holder {
    pub(super) fn credential(&self) -> Answer<Result<Credential, Failure>> {
        match self {
            Self::Kept(kept) => kept.credential(),
            Self::Foreign(source) => foreign(source.credential()),
        }
    }

    /// Another credential than this one, which was rejected.
    pub(super) fn replace(&self, rejected: &Credential) -> Answer<Result<Credential, Failure>> {
        match self {
            Self::Kept(kept) => kept.replace(rejected),
            Self::Foreign(source) => {
                source.report_rejected(rejected);
                foreign(source.credential())
            }
        }
    }
}

fn foreign(answer: Answer<Result<Credential, CredentialError>>) -> Answer<Result<Credential, Failure>> {
    match answer {
        Answer::Ready(outcome) => Answer::Ready(outcome.map_err(|error| failure(&error))),
        Answer::Pending(future) => {
            Answer::pending(async move { future.await.map_err(|error| failure(&error)) })
        }
    }
}

fn failure(error: &CredentialError) -> Failure {
    let retry_after = std::time::Duration::from_secs(1);
    Failure { error: IssueError::of_source(error), retry_after }
}

fn of_kept(answer: Answer<Result<Credential, Failure>>) -> Answer<Result<Credential, CredentialError>> {
    match answer {
        Answer::Ready(outcome) => Answer::Ready(outcome.map_err(credential_error)),
        Answer::Pending(future) => Answer::pending(async move { future.await.map_err(credential_error) }),
    }
}

/// Nobody says whose token it would be.
fn of_nobody() -> CredentialError {
    let error = IssueError::refused("a token on behalf of a caller needs the caller's: use TokenLayer");
    CredentialError::new(CredentialErrorKind::Refused).with_source(error)
}

fn credential_error(failure: Failure) -> CredentialError {
    let kind = match failure.error.kind {
        IssueErrorKind::Unavailable => CredentialErrorKind::Unavailable,
        IssueErrorKind::Refused | IssueErrorKind::Caller => CredentialErrorKind::Refused,
    };
    CredentialError::new(kind).with_source(failure.error)
}

impl CredentialSource for TokenSource {
    fn credential(&self) -> Answer<Result<Credential, CredentialError>> {
        match &self.0 {
            Source::Kept { kept, .. } => of_kept(kept.credential()),
            Source::Foreign(source) => source.credential(),
            Source::Callers(_) => Answer::Ready(Err(of_nobody())),
        }
    }

    fn report_rejected(&self, rejected: &Credential) {
        match &self.0 {
            // The task goes on without who began it.
            Source::Kept { kept, .. } => drop(kept.replace(rejected)),
            Source::Foreign(source) => source.report_rejected(rejected),
            Source::Callers(_) => {}
        }
    }
}
