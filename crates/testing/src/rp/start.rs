//! What an app is told when it is started, and what it tells.

use std::any::Any;
use std::fmt;

/// What the provider knows the app by.
#[derive(Clone)]
pub struct Given {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
}

impl Given {
    /// The provider, for example `http://127.0.0.1:41234`; its metadata is below, at `/.well-known/openid-configuration`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The app's `client_id`.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The app's `client_secret`; by `client_secret_basic` unless the app prefers `client_secret_post`.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.client_secret
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// An app that has been started. Dropped, it drops what was given to keep.
pub struct Running {
    pub(super) origin: String,
    kept: Vec<Box<dyn Any + Send>>,
}

impl Running {
    /// At this origin, for example `http://127.0.0.1:3000`: the one that the browser uses and that the app builds its
    /// redirect URI on.
    pub fn at(origin: impl Into<String>) -> Self {
        Self { origin: origin.into().trim_end_matches('/').to_owned(), kept: Vec::new() }
    }

    /// Keeps this until the test is over: a server that stops when it is dropped, a process, a folder.
    #[must_use]
    pub fn keep(mut self, kept: impl Any + Send) -> Self {
        self.kept.push(Box::new(kept));
        self
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("origin", &self.origin).finish_non_exhaustive()
    }
}
