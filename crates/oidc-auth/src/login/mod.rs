//! `LoginLayer`: signs browsers in and out.

mod attempt;
mod begin;
mod builder;
mod callback;
mod client;
mod cookies;
mod handle;
mod id_token;
mod logout;
mod memory;
mod origin;
mod paths;
mod provider;
mod random;
mod refresh;
mod refusal;
mod return_to;
mod seal;
mod service;
mod session;
mod step;
mod store;
mod telemetry;
mod visit;

use std::sync::Arc;

use gambeson_core::{Challenges, Negotiated};
use tower_layer::Layer;

pub use self::builder::LoginBuilder;
pub use self::handle::{Login, Sessions};
pub use self::memory::MemorySessions;
pub use self::paths::LoginPaths;
use self::service::Shared;
pub use self::service::{LoginService, ResponseFuture};
pub use self::session::{Session, SessionKey, SessionLifetime};
pub use self::store::{SessionStore, SessionStoreError, SessionStoreErrorKind, StoredSession};
use crate::layer::AuthLayer;

/// Signs browsers in and out, and says whose session a request is of. See the [module](self) for the whole page.
#[derive(Debug)]
pub struct LoginLayer<R = Negotiated>(Arc<Shared<R>>);

impl<R> Clone for LoginLayer<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl LoginLayer {
    /// Answers the paths of `login`; requests without a session go on as anonymous.
    #[must_use]
    pub fn new(login: Login) -> Self {
        Self::with(Some(login))
    }

    /// Switched off: does nothing, not even note that it ran.
    #[must_use]
    pub fn off() -> Self {
        Self::with(None)
    }

    fn with(login: Option<Login>) -> Self {
        Self(Arc::new(Shared { login, challenges: Challenges::none(), respond: Negotiated::new() }))
    }
}

impl<R: Clone> LoginLayer<R> {
    /// Takes over how `tokens` asks for credentials: in front of an [`AuthLayer`] the first word about an anonymous request
    /// is this layer's, and without this its 401 would carry no challenge.
    #[must_use]
    pub fn beside<T>(self, tokens: &AuthLayer<T>) -> Self {
        let shared = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Shared { challenges: tokens.challenges(), ..shared }))
    }

    /// Answers refusals in another way. Redirects need no responder.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> LoginLayer<T> {
        let Shared { login, challenges, .. } = Arc::unwrap_or_clone(self.0);
        LoginLayer(Arc::new(Shared { login, challenges, respond }))
    }
}

impl<S, R> Layer<S> for LoginLayer<R> {
    type Service = LoginService<S, R>;

    fn layer(&self, inner: S) -> LoginService<S, R> {
        LoginService { inner, shared: Arc::clone(&self.0) }
    }
}
