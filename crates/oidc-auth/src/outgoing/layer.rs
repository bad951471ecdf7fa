//! The layer and what describes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gambeson_core::{ConfigError, ConfigProblems, Profile, Rejection};
use http::{Request, header};
use tower_layer::Layer;

use super::caller_token::CallerToken;
use super::origin::Origin;
use super::refusal;
use super::repeat::SentOnce;
use super::service::{TokenService, is_equipped};
use super::source::{Holder, TokenSource};
use super::telemetry;

/// Puts a token on requests to declared origins; see the [module](super).
#[derive(Debug, Clone)]
pub struct TokenLayer<R = SentOnce> {
    shared: Option<Arc<Shared>>,
    repeat: R,
}

/// What all clones share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) source: TokenSource,
    origins: Vec<Origin>,
    elsewhere: AtomicU64,
}

impl Shared {
    /// Who has the token for this request; `None` when none belongs on it: it goes elsewhere, or has a credential of its own.
    pub(super) fn holder<B>(&self, request: &mut Request<B>) -> Result<Option<Holder>, Rejection> {
        let own = request.headers().contains_key(header::AUTHORIZATION);
        let declared = self.is_declared(request);
        if self.source.is_of_callers() && (own || !declared) {
            // Whoever logs extensions further inside has no business with it.
            request.extensions_mut().remove::<CallerToken>();
            // A copied field would be the caller's own token, which only the provider may see, wherever the request goes.
            let copied = own && !is_equipped(request);
            return if copied || declared { Err(refusal::own_authorization()) } else { Ok(None) };
        }
        if own || !declared {
            return Ok(None);
        }
        self.source.holder(request.extensions_mut()).map(Some)
    }

    fn is_declared<B>(&self, request: &Request<B>) -> bool {
        if !self.origins.iter().any(|origin| origin.holds(request.uri())) {
            if let Some(origin) = self.origins.first() {
                telemetry::elsewhere(origin, self.elsewhere.fetch_add(1, Ordering::Relaxed) + 1);
            }
            return false;
        }
        true
    }
}

impl TokenLayer {
    /// A layer with tokens of this source. At least one origin must be named.
    pub fn builder(source: TokenSource) -> TokenLayerBuilder {
        TokenLayerBuilder { source, origins: Vec::new(), run_in: Profile::default() }
    }

    /// A layer that adds nothing, with the same types.
    #[must_use]
    pub fn off() -> Self {
        Self { shared: None, repeat: SentOnce }
    }
}

impl<R> TokenLayer<R> {
    /// Sends requests that can be copied once more, with a fresh token, when they are answered 401. Default: [`SentOnce`],
    /// since only the app knows what its bodies are.
    #[must_use]
    pub fn repeat_with<R2>(self, repeat: R2) -> TokenLayer<R2> {
        TokenLayer { shared: self.shared, repeat }
    }

    /// Where its tokens come from; `None` when it is switched off.
    #[must_use]
    pub fn source(&self) -> Option<&TokenSource> {
        self.shared.as_ref().map(|shared| &shared.source)
    }

    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.shared.is_none()
    }
}

impl<S, R: Clone> Layer<S> for TokenLayer<R> {
    type Service = TokenService<S, R>;

    fn layer(&self, inner: S) -> TokenService<S, R> {
        TokenService { inner, shared: self.shared.clone(), repeat: self.repeat.clone() }
    }
}

/// Describes a [`TokenLayer`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct TokenLayerBuilder {
    source: TokenSource,
    origins: Vec<String>,
    run_in: Profile,
}

impl TokenLayerBuilder {
    /// An origin that gets the token, such as `https://orders.example.com`; may repeat. No other gets it.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// In [`Profile::Development`] an origin may be plain http on loopback. Default [`Profile::Production`].
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// The layer.
    ///
    /// # Errors
    /// No origin, or ones that are none or not allowed under the profile; all at once.
    pub fn build(self) -> Result<TokenLayer, ConfigError> {
        let mut problems = ConfigProblems::new();
        if self.origins.is_empty() {
            problems.add(
                "outgoing.origins",
                "",
                "name who gets the token, such as https://orders.example.com",
            );
        }
        let mut origins = Vec::with_capacity(self.origins.len());
        for text in &self.origins {
            match Origin::parse(text, self.run_in) {
                Ok(origin) => origins.push(origin),
                Err(cure) => problems.add("outgoing.origins", text, cure),
            }
        }
        let shared = Shared { source: self.source, origins, elsewhere: AtomicU64::new(0) };
        problems.into_result(TokenLayer { shared: Some(Arc::new(shared)), repeat: SentOnce })
    }
}
