//! The layer and its service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{BoxError, Mode, Rejection, RequestFacts, RequestHead};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::body::SpendBody;
use super::future::{Paid, SpendFuture};
use crate::breaker::CircuitBreaker;
use crate::denied::Denied;
use crate::estimate::{Estimate, Estimator};
use crate::guard::CostGuard;
use crate::quota::layer_order;
use crate::scope::Scope;
use crate::tab::{Charge, Tab};

/// Pays for calls to a third party; see the [module](super).
#[derive(Clone)]
pub struct SpendLayer {
    shared: Option<Arc<Shared>>,
}

#[derive(Clone)]
struct Shared {
    guard: CostGuard,
    provider: Arc<str>,
    estimator: Arc<dyn Estimator>,
    breaker: Option<CircuitBreaker>,
    charge_errors: bool,
    mode: Mode,
}

impl CostGuard {
    /// The layer that pays `provider` for calls that may cost what `estimator` says.
    #[must_use]
    pub fn spend_layer(&self, provider: impl Into<Arc<str>>, estimator: impl Estimator) -> SpendLayer {
        let shared = Shared {
            guard: self.clone(),
            provider: provider.into(),
            estimator: Arc::new(estimator),
            breaker: None,
            charge_errors: false,
            mode: Mode::Enforce,
        };
        SpendLayer { shared: Some(Arc::new(shared)) }
    }
}

impl SpendLayer {
    /// A layer that pays for nothing, with the same types.
    #[must_use]
    pub fn off() -> Self {
        Self { shared: None }
    }

    fn edit(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        if let Some(shared) = &mut self.shared {
            change(Arc::make_mut(shared));
        }
        self
    }

    /// Opens this breaker when the provider answers that its account is out of money (`insufficient_quota`).
    #[must_use]
    pub fn breaker(self, breaker: Option<CircuitBreaker>) -> Self {
        self.edit(|shared| shared.breaker = breaker)
    }

    /// Charges the estimate of calls that failed before there was an answer, too: for providers that bill what timed out.
    #[must_use]
    pub fn charge_errors(self) -> Self {
        self.edit(|shared| shared.charge_errors = true)
    }

    /// Whether it refuses; it does unless said. While observing, what would be refused is counted all the same.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        self.edit(|shared| shared.mode = mode)
    }
}

impl Shared {
    /// The call's charge; `None`: it is free.
    fn pay(&self, head: &RequestHead<'_>) -> Result<Option<Paid>, Rejection> {
        let estimate = self.estimator.estimate(head);
        if estimate.is_free() {
            return Ok(None);
        }
        let charge = self.charge(head, &estimate)?;
        Ok(Some(Paid {
            charge,
            guard: self.guard.clone(),
            model: estimate.model().cloned(),
            breaker: self.breaker.clone(),
            charge_errors: self.charge_errors,
        }))
    }

    fn charge(&self, head: &RequestHead<'_>, estimate: &Estimate) -> Result<Charge, Rejection> {
        let tab = match head.extensions.get::<Tab>() {
            Some(tab) => tab.clone(),
            None => self.open(head.facts(), estimate)?,
        };
        tab.label(Some(&self.provider), estimate.model());
        let amount = self.guard.shared.amount(estimate).map_err(|denied| denied.rejection())?;
        tab.begin(amount).map_err(|denied| denied.rejection())
    }

    /// A bill for this call alone, on the account of the request that it is made for.
    fn open(&self, facts: Option<&RequestFacts>, estimate: &Estimate) -> Result<Tab, Rejection> {
        let Some(facts) = facts.filter(|facts| facts.authentication().is_some()) else {
            tracing::error!(
                "spend layer: nobody pays for this call; give it the extensions of its request with `carry` (layer-order)"
            );
            return Err(layer_order());
        };
        let scope = Scope::of(facts);
        let forced = |denied: Denied| {
            if self.mode.enforces(self.guard.shared.clock.now()) {
                return Err(denied.rejection());
            }
            tracing::warn!(reason = %denied, "spend layer: call let through that enforcing would refuse");
            let hold = self.guard.hold_for(&scope, estimate, true);
            hold.map(|hold| Tab::new(hold, true)).map_err(|denied| denied.rejection())
        };
        self.guard.hold_for(&scope, estimate, false).map(|hold| Tab::new(hold, false)).or_else(forced)
    }
}

impl<S> Layer<S> for SpendLayer {
    type Service = SpendService<S>;

    fn layer(&self, inner: S) -> SpendService<S> {
        SpendService { inner, shared: self.shared.clone() }
    }
}

/// The service that [`SpendLayer`] makes.
#[derive(Clone)]
pub struct SpendService<S> {
    inner: S,
    shared: Option<Arc<Shared>>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SpendService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Error: Into<BoxError>,
{
    type Response = Response<SpendBody<ResBody>>;
    type Error = BoxError;
    type Future = SpendFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<ReqBody>) -> SpendFuture<S::Future> {
        let Some(shared) = &self.shared else {
            return SpendFuture::running(self.inner.call(request), None);
        };
        match shared.pay(&RequestHead::from(&request)) {
            Ok(paid) => SpendFuture::running(self.inner.call(request), paid),
            Err(rejection) => {
                if let Some(facts) = RequestFacts::of(request.extensions()) {
                    facts.set_rejection(rejection.clone());
                }
                SpendFuture::refused(rejection)
            }
        }
    }
}

impl fmt::Debug for SpendLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = self.shared.as_ref().map(|shared| &*shared.provider);
        f.debug_struct("SpendLayer").field("provider", &provider).finish_non_exhaustive()
    }
}

impl<S: fmt::Debug> fmt::Debug for SpendService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpendService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
