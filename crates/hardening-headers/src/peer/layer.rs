//! The layer at place 0, and its service and future.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use gambeson_core::{
    Clock, ConfigError, Entropy, RequestFacts, RequestHead, RequestId, Scheme, SystemClock, SystemEntropy,
    Timestamp,
};
use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::client_cert::X_FORWARDED_CLIENT_CERT;
use super::learn::{self, X_REQUEST_ID};
use super::proxies::TrustedProxies;
use super::telemetry::{self, Warnings};
use crate::check::{Finding, Silences};
use crate::random::RandomPool;

/// Establishes who is on the other end and what the request is called; see the [module](super).
#[derive(Debug, Clone)]
pub struct PeerLayer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    proxies: TrustedProxies,
    direct: Option<Scheme>,
    random: RandomPool,
    fallback: AtomicU64,
    warnings: Warnings,
}

impl PeerLayer {
    /// Believes these proxies and nobody else. What [`TrustedProxies::check`] refuses is logged, and not believed; a `Stack` does not
    /// build with it.
    #[must_use]
    pub fn new(proxies: TrustedProxies) -> Self {
        Self::by_clock(proxies, &SystemClock::new())
    }

    /// As [`new`](Self::new), by another clock than the system's, which says how old a list of networks is.
    #[must_use]
    pub fn by_clock(proxies: TrustedProxies, clock: &dyn Clock) -> Self {
        telemetry::weak(&proxies, clock.now());
        Self::told_elsewhere(proxies)
    }

    /// Logs nothing about the proxies: whoever makes it does.
    pub(crate) fn told_elsewhere(proxies: TrustedProxies) -> Self {
        Self::with(proxies, None, Arc::new(SystemEntropy::new()))
    }

    /// Looks for trust that its proxies can't give.
    ///
    /// # Errors
    /// As [`TrustedProxies::check`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.shared.proxies.check()
    }

    fn with(proxies: TrustedProxies, direct: Option<Scheme>, entropy: Arc<dyn Entropy>) -> Self {
        let shared = Shared {
            proxies,
            direct,
            random: RandomPool::new(entropy),
            fallback: AtomicU64::new(0),
            warnings: Warnings::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The scheme of connections whose server does not tell ([`serve`](crate) does); unknown unless said.
    #[must_use]
    pub fn direct_scheme(self, scheme: Scheme) -> Self {
        Self::with(self.shared.proxies.clone(), Some(scheme), self.shared.random.source())
    }

    /// Says nothing of what is silenced.
    pub(crate) fn leave(self, silences: &Silences) -> Self {
        self.shared.warnings.leave(silences);
        self
    }

    /// Which proxies it believes, in a few words for a report.
    #[must_use]
    pub fn summary(&self) -> String {
        self.shared.proxies.summary()
    }

    /// What is weak at this moment about the proxies it believes.
    #[must_use]
    pub fn findings(&self, now: Timestamp) -> Vec<Finding> {
        self.shared.proxies.findings(now)
    }

    /// What is weak at this moment about the proxies it believes, each in a few words.
    #[must_use]
    pub fn weaknesses(&self, now: Timestamp) -> Vec<String> {
        self.shared.proxies.weaknesses(now)
    }

    /// Where request ids come from; the system's random source unless said.
    #[must_use]
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self::with(self.shared.proxies.clone(), self.shared.direct, entropy)
    }
}

impl<S> Layer<S> for PeerLayer {
    type Service = Peer<S>;

    fn layer(&self, inner: S) -> Peer<S> {
        Peer { inner, shared: Arc::clone(&self.shared) }
    }
}

/// The service that [`PeerLayer`] makes.
#[derive(Debug, Clone)]
pub struct Peer<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Peer<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = PeerFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let facts = RequestFacts::ensure(&mut request);
        let id = self.shared.introduce(&facts, &mut request);
        PeerFuture { inner: self.inner.call(request), id: HeaderValue::from_str(id.as_str()).ok() }
    }
}

impl Shared {
    /// Fills the facts; what an outer layer put there already stays.
    fn introduce<B>(&self, facts: &RequestFacts, request: &mut Request<B>) -> RequestId {
        if facts.peer().is_none() {
            let head = RequestHead::from(&*request);
            let peer = learn::peer(&self.proxies, self.direct, &head);
            if peer.neighbour.is_none() {
                self.warnings.no_address();
            } else if !peer.neighbour_trusted && learn::is_forwarded(request.headers()) {
                self.warnings.undeclared(&peer);
            }
            let told = request.headers().contains_key(X_FORWARDED_CLIENT_CERT);
            if told && self.proxies.certificate {
                if !(peer.neighbour_trusted && self.proxies.tell_certificates()) {
                    // Nor must an app that reads the field itself see what a stranger chose.
                    request.headers_mut().remove(X_FORWARDED_CLIENT_CERT);
                } else if peer.certificate.is_none() {
                    self.warnings.certificate(&peer);
                }
            }
            facts.set_peer(peer);
        }
        let trusted = facts.peer().is_some_and(|peer| peer.neighbour_trusted);
        if facts.request_id().is_none() {
            let given = if trusted { learn::request_id(request.headers()) } else { None };
            if given.is_none() {
                // An app that reads the field must not see what a stranger chose.
                request.headers_mut().remove(X_REQUEST_ID);
            }
            facts.set_request_id(given.unwrap_or_else(|| self.new_id()));
        }
        facts.request_id().copied().unwrap_or_else(|| self.new_id())
    }

    /// A new id. It names a request and guards nothing, so without randomness a counter will do.
    fn new_id(&self) -> RequestId {
        RequestId::from_random(self.random.take().unwrap_or_else(|_| {
            let count = self.fallback.fetch_add(1, Ordering::Relaxed);
            u128::from(count).to_be_bytes()
        }))
    }
}

pin_project! {
    /// The response future of [`Peer`]: puts the request id onto the answer.
    #[derive(Debug)]
    pub struct PeerFuture<F> {
        #[pin]
        inner: F,
        id: Option<HeaderValue>,
    }
}

impl<F, B, E> Future for PeerFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if let Some(id) = this.id.take() {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        Poll::Ready(Ok(response))
    }
}
