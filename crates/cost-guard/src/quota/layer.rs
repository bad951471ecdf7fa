//! The layer and its service.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use gambeson_core::{
    EndpointSpec, Mode, ProblemJson, Rejection, RejectionClass, RequestFacts, RequestHead, Respond,
};
use http::{HeaderMap, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::future::QuotaFuture;
use super::quotas::{Left, Over};
use super::telemetry;
use crate::exempt::ExemptEndpoints;
use crate::guard::{CostGuard, Shared};
use crate::scope::Scope;

/// Limits how often a caller may ask; see the [module](super).
#[derive(Debug)]
pub struct QuotaLayer<R = ProblemJson> {
    state: Arc<State<R>>,
}

#[derive(Debug)]
struct State<R> {
    checks: Option<Checks>,
    respond: R,
}

#[derive(Debug, Clone)]
struct Checks {
    guard: Arc<Shared>,
    mode: Mode,
    fields_on_pass: bool,
    exempt: ExemptEndpoints,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    refused: AtomicU64,
    observed: AtomicU64,
}

impl CostGuard {
    /// The layer that counts requests against the quotas of this guard.
    #[must_use]
    pub fn quota_layer(&self) -> QuotaLayer {
        let checks = Checks {
            guard: Arc::clone(&self.shared),
            mode: Mode::Enforce,
            fields_on_pass: false,
            exempt: ExemptEndpoints::default(),
            counts: Arc::default(),
        };
        QuotaLayer::with(Some(checks), ProblemJson)
    }
}

impl QuotaLayer {
    /// A layer that limits nothing, with the same types.
    #[must_use]
    pub fn off() -> Self {
        Self::with(None, ProblemJson)
    }
}

impl<R> QuotaLayer<R> {
    fn with(checks: Option<Checks>, respond: R) -> Self {
        Self { state: Arc::new(State { checks, respond }) }
    }

    fn edit(self, change: impl FnOnce(&mut Checks)) -> Self
    where
        R: Clone,
    {
        let mut checks = self.state.checks.clone();
        if let Some(checks) = &mut checks {
            change(checks);
        }
        Self::with(checks, self.state.respond.clone())
    }

    /// Answers refusals so; problem details unless said.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> QuotaLayer<T> {
        QuotaLayer::with(self.state.checks.clone(), respond)
    }

    /// Whether it refuses; it does unless said.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self
    where
        R: Clone,
    {
        self.edit(|checks| checks.mode = mode)
    }

    /// Tells the client what is left on answers that pass too; costs three allocations.
    #[must_use]
    pub fn fields_on_pass(self) -> Self
    where
        R: Clone,
    {
        self.edit(|checks| checks.fields_on_pass = true)
    }

    /// Lets through, uncounted, those of these endpoints that say they are exempt from rate limits. Paths are compared whole.
    #[must_use]
    pub fn exempt<'a>(self, endpoints: impl IntoIterator<Item = &'a EndpointSpec>) -> Self
    where
        R: Clone,
    {
        let endpoints: Vec<&EndpointSpec> = endpoints.into_iter().collect();
        self.edit(|checks| checks.exempt.add(&endpoints))
    }

    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state.checks.is_none()
    }

    /// Enforce, or observe until when; enforce for a layer that is off.
    #[must_use]
    pub fn current_mode(&self) -> Mode {
        self.state.checks.as_ref().map_or(Mode::Enforce, |checks| checks.mode)
    }

    /// How many requests were let pass that enforcing would have refused, by this layer and its clones.
    #[must_use]
    pub fn observed(&self) -> u64 {
        self.state.checks.as_ref().map_or(0, |checks| checks.counts.observed.load(Ordering::Relaxed))
    }

    /// The scopes that its quotas count, as they were written.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.state.checks.iter().flat_map(|checks| checks.guard.quotas.names())
    }

    /// How many callers' counts are kept in memory.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.state.checks.as_ref().map_or(0, |checks| checks.guard.quotas.keys())
    }
}

enum Verdict {
    Pass(Option<Left>),
    Refuse(Rejection),
}

impl Checks {
    fn judge(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Verdict {
        let quotas = &self.guard.quotas;
        if quotas.is_empty() || self.exempt.holds(head) {
            return Verdict::Pass(None);
        }
        if quotas.needs_caller && facts.authentication().is_none() {
            telemetry::layer_order();
            return Verdict::Refuse(layer_order());
        }
        let scope = Scope::of(facts);
        let mut keys = self.guard.ring.scoped(&scope);
        self.guard.recall(&mut keys, &scope, &mut Default::default());
        let taken = quotas.take(&mut keys, scope.principal.is_none(), quotas.moment(&*self.guard.clock));
        match taken {
            Ok(left) => Verdict::Pass(left.filter(|_| self.fields_on_pass)),
            Err(over) => self.over(over),
        }
    }

    fn over(&self, over: Over) -> Verdict {
        let quotas = &self.guard.quotas;
        let name = quotas.name(over.quota);
        if !self.mode.enforces(self.guard.clock.now()) {
            telemetry::observed(name, self.counts.observed.fetch_add(1, Ordering::Relaxed) + 1);
            return Verdict::Pass(None);
        }
        telemetry::refused(name, self.counts.refused.fetch_add(1, Ordering::Relaxed) + 1);
        let mut headers = HeaderMap::with_capacity(2);
        if let Some(fields) = quotas.fields(over.quota) {
            fields.write(&mut headers, 0, over.after);
        }
        let status = StatusCode::TOO_MANY_REQUESTS;
        let refusal = Rejection::new("gambeson-cost-guard", RejectionClass::Limit, "quota-exceeded", status)
            .detail("too many requests: wait and try again")
            .retry_after(over.after);
        let fold = |refusal: Rejection, (name, value)| match name {
            Some(name) => refusal.header(name, value),
            None => refusal,
        };
        Verdict::Refuse(headers.into_iter().fold(refusal, fold))
    }
}

/// Nobody can be counted when nobody was asked who they are.
pub(crate) fn layer_order() -> Rejection {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Rejection::new("gambeson-cost-guard", RejectionClass::Bug, "layer-order", status)
        .cause("no authentication layer ran: put one outside of the layers of cost-guard")
}

impl<R> Clone for QuotaLayer<R> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<S, R> Layer<S> for QuotaLayer<R> {
    type Service = QuotaService<S, R>;

    fn layer(&self, inner: S) -> QuotaService<S, R> {
        QuotaService { inner, state: Arc::clone(&self.state) }
    }
}

/// The service that [`QuotaLayer`] makes.
#[derive(Debug)]
pub struct QuotaService<S, R = ProblemJson> {
    inner: S,
    state: Arc<State<R>>,
}

impl<S: Clone, R> Clone for QuotaService<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), state: Arc::clone(&self.state) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for QuotaService<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = QuotaFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Some(checks) = &self.state.checks else {
            return QuotaFuture::running(self.inner.call(request), None);
        };
        let facts = RequestFacts::ensure(&mut request);
        match checks.judge(&RequestHead::from(&request), &facts) {
            Verdict::Pass(left) => {
                let left = left.map(|left| (Arc::clone(&checks.guard.quotas), left));
                QuotaFuture::running(self.inner.call(request), left)
            }
            Verdict::Refuse(rejection) => {
                facts.set_rejection(rejection.clone());
                QuotaFuture::refused(self.state.respond.respond(&rejection, &facts))
            }
        }
    }
}
