//! Where a token comes from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{BoxFuture, CredentialError, CredentialErrorKind, Timestamp};
use http::HeaderValue;

use crate::token_endpoint::ExchangeError;

/// Gets one token, each time it is asked. Whoever asks sees to it that it is not asked too often.
pub(super) trait Issue: Send + Sync + fmt::Debug {
    /// What logs call it.
    fn name(&self) -> &str;

    /// A token that is good now.
    fn issue(self: Arc<Self>) -> BoxFuture<Result<Issued, IssueError>>;
}

/// A token as it came.
#[derive(Debug)]
pub(super) struct Issued {
    /// Sensitive: shows nothing.
    pub(super) authorization: HeaderValue,
    /// `None`: nobody said.
    pub(super) ends_at: Option<Timestamp>,
    /// When it is worth looking again, however long it lives: a file changes unasked.
    pub(super) look_again: Option<Duration>,
}

impl Issued {
    /// A bearer token (RFC 6750 §2.1).
    pub(super) fn bearer(token: &str, ends_at: Option<Timestamp>) -> Result<Self, IssueError> {
        let plain = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let value = plain.then(|| HeaderValue::try_from(format!("Bearer {token}")).ok()).flatten();
        let mut authorization = value
            .ok_or_else(|| IssueError::unavailable("what came as a token can't stand in a header field"))?;
        authorization.set_sensitive(true);
        Ok(Self { authorization, ends_at, look_again: None })
    }
}

/// Why no token came, in words for operators. Holds no part of a token.
#[derive(Debug, Clone)]
pub(super) struct IssueError {
    pub(super) kind: IssueErrorKind,
    text: Arc<str>,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IssueErrorKind {
    /// Try again later.
    Unavailable,
    /// The issuer does not give this app what it asks for.
    Refused,
    /// The token of the caller is no good.
    Caller,
}

impl IssueError {
    pub(super) fn new(kind: IssueErrorKind, text: impl Into<Arc<str>>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Why a source of credentials gave none.
    pub(super) fn of_source(error: &CredentialError) -> Self {
        let kind = match error.kind() {
            CredentialErrorKind::Refused => IssueErrorKind::Refused,
            _ => IssueErrorKind::Unavailable,
        };
        let cause = std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
        Self::new(kind, format!("{error}{cause}"))
    }

    pub(super) fn unavailable(text: impl Into<Arc<str>>) -> Self {
        Self::new(IssueErrorKind::Unavailable, text)
    }

    pub(super) fn refused(text: impl Into<Arc<str>>) -> Self {
        Self::new(IssueErrorKind::Refused, text)
    }
}

impl From<ExchangeError> for IssueError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Refused(text)
            | ExchangeError::Malformed(text)
            | ExchangeError::ClientRefused(text) => Self::refused(text),
            ExchangeError::Unavailable(text) => Self::unavailable(text),
        }
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for IssueError {}
