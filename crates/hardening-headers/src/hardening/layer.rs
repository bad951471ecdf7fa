//! The layer and its service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{ProblemJson, RequestFacts, RequestHead, Respond};
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::admit;
use super::edge::Edge;
use super::future::{Around, HardeningFuture};
use super::telemetry;
use crate::EdgeLimitLayer;
use crate::edge_limit::Early;
use crate::panic;

/// Hardens every answer; see the [module](super). `R` says how refusals are answered.
pub struct HardeningLayer<R = ProblemJson>(Option<Arc<Shared<R>>>);

pub(super) struct Shared<R> {
    pub(super) edge: Edge,
    pub(super) respond: R,
    early: Early,
}

impl<R> HardeningLayer<R> {
    pub(super) fn new(edge: Edge, respond: R, early: Early) -> Self {
        Self(Some(Arc::new(Shared { edge, respond, early })))
    }

    pub(super) fn edge(&self) -> Option<&Edge> {
        self.0.as_ref().map(|shared| &shared.edge)
    }

    /// Answers refusals so: [`Negotiated`](gambeson_core::Negotiated) for pages, [`GrpcStatus`](gambeson_core::GrpcStatus)
    /// for tonic.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> HardeningLayer<T> {
        match &self.0 {
            Some(shared) => HardeningLayer::new(shared.edge.clone(), respond, shared.early.clone()),
            None => HardeningLayer::off(),
        }
    }

    /// Counts what it answers itself (refused hosts and other sites' requests, preflights, redirects) as a request of the client's
    /// network, which gets 429 when that is over its rate. For a limiter inside of this layer, which sees nothing of those requests;
    /// `Stack` and [`Config::layers`](crate::Config::layers) do it.
    #[must_use]
    pub fn counted_by<T>(self, limiter: &EdgeLimitLayer<T>) -> Self
    where
        R: Clone,
    {
        match &self.0 {
            Some(shared) => Self::new(shared.edge.clone(), shared.respond.clone(), limiter.early()),
            None => self,
        }
    }

    /// The layer switched off: every request and answer passes as it is, with the same types.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }
}

impl<R> Clone for HardeningLayer<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R> fmt::Debug for HardeningLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HardeningLayer").field("on", &self.0.is_some()).finish()
    }
}

impl<S, R> Layer<S> for HardeningLayer<R> {
    type Service = Hardened<S, R>;

    fn layer(&self, inner: S) -> Hardened<S, R> {
        Hardened { inner, shared: self.0.clone() }
    }
}

/// The service that [`HardeningLayer`] makes.
pub struct Hardened<S, R = ProblemJson> {
    inner: S,
    shared: Option<Arc<Shared<R>>>,
}

impl<S: Clone, R> Clone for Hardened<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: self.shared.clone() }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for Hardened<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hardened").field("inner", &self.inner).field("on", &self.shared.is_some()).finish()
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Hardened<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
    ResBody: Body,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = HardeningFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Some(shared) = &self.shared else {
            return HardeningFuture::off(self.inner.call(request));
        };
        let facts = RequestFacts::ensure(&mut request);
        let head = RequestHead::from(&request);
        let grant = shared.edge.grant(&head);
        let admitted = shared.edge.admit(&head, &facts, grant);
        if let Err(early) = admitted {
            let early = shared.early.refusal(&head, &facts).map_or(early, admit::Early::Refuse);
            return HardeningFuture::early(Around::new(shared, facts, grant, None), early);
        }
        let nonce = shared.edge.nonce_slot();
        if let Some(slot) = &nonce {
            request.extensions_mut().insert(slot.clone());
        }
        match panic::catch(|| self.inner.call(request)) {
            Ok(future) => HardeningFuture::running(Around::new(shared, facts, grant, nonce), future),
            Err(panicked) => {
                telemetry::panicked(&facts, &panicked);
                let around = Around::new(shared, facts, grant, None);
                HardeningFuture::early(around, admit::Early::Refuse(panic::rejection()))
            }
        }
    }
}
