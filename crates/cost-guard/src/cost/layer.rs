//! The layer and its service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{Mode, ProblemJson, Rejection, RequestFacts, RequestHead, Respond};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::body::ResponseBody;
use super::future::CostFuture;
use crate::denied::Denied;
use crate::estimate::{Estimate, Estimator};
use crate::guard::CostGuard;
use crate::quota::layer_order;
use crate::scope::Scope;
use crate::tab::Tab;

/// Holds what a request may cost before the app sees it; see the [module](super).
#[derive(Debug)]
pub struct CostLayer<R = ProblemJson> {
    state: Arc<State<R>>,
}

#[derive(Debug)]
struct State<R> {
    gate: Option<Gate>,
    respond: R,
}

#[derive(Clone)]
struct Gate {
    guard: CostGuard,
    estimator: Arc<dyn Estimator>,
    mode: Mode,
    compat_429: bool,
}

impl CostGuard {
    /// The layer that holds what `estimator` says for each request that is not free.
    #[must_use]
    pub fn cost_layer(&self, estimator: impl Estimator) -> CostLayer {
        let estimator = Arc::new(estimator);
        let gate = Gate { guard: self.clone(), estimator, mode: Mode::Enforce, compat_429: false };
        CostLayer::with(Some(gate), ProblemJson)
    }
}

impl CostLayer {
    /// A layer that holds nothing, with the same types.
    #[must_use]
    pub fn off() -> Self {
        Self::with(None, ProblemJson)
    }
}

impl<R> CostLayer<R> {
    fn with(gate: Option<Gate>, respond: R) -> Self {
        Self { state: Arc::new(State { gate, respond }) }
    }

    /// Answers refusals so; problem details unless said.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> CostLayer<T> {
        CostLayer::with(self.state.gate.clone(), respond)
    }

    /// Whether it refuses; it does unless said. While observing, what would be refused is held all the same, so that it counts.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self
    where
        R: Clone,
    {
        let gate = self.state.gate.clone().map(|gate| Gate { mode, ..gate });
        Self::with(gate, self.state.respond.clone())
    }

    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state.gate.is_none()
    }

    /// Enforce, or observe until when; enforce for a layer that is off.
    #[must_use]
    pub fn current_mode(&self) -> Mode {
        self.state.gate.as_ref().map_or(Mode::Enforce, |gate| gate.mode)
    }

    /// The names of the budgets that it holds money in.
    pub fn budgets(&self) -> impl Iterator<Item = &str> {
        self.state.gate.iter().flat_map(|gate| gate.guard.budget_names())
    }

    /// Answers 429 in place of 402, for clients that don't know 402.
    #[must_use]
    pub fn compat_429(self) -> Self
    where
        R: Clone,
    {
        let gate = self.state.gate.clone().map(|gate| Gate { compat_429: true, ..gate });
        Self::with(gate, self.state.respond.clone())
    }
}

impl Gate {
    /// The bill to open; `None`: none is needed.
    fn judge(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Result<Option<Tab>, Rejection> {
        let estimate = self.estimator.estimate(head);
        if estimate.is_free() {
            return Ok(None);
        }
        if facts.authentication().is_none() {
            tracing::error!(
                "cost layer: no authentication layer ran; put one outside of CostLayer (layer-order)"
            );
            return Err(layer_order());
        }
        match self.guard.hold_for(&Scope::of(facts), &estimate, false) {
            Ok(hold) => Ok(Some(Tab::new(hold, false))),
            Err(denied) => self.denied(&denied, facts, &estimate),
        }
    }

    fn denied(
        &self,
        denied: &Denied,
        facts: &RequestFacts,
        estimate: &Estimate,
    ) -> Result<Option<Tab>, Rejection> {
        if self.mode.enforces(self.guard.shared.clock.now()) {
            return Err(if self.compat_429 { denied.rejection_429() } else { denied.rejection() });
        }
        tracing::warn!(reason = %denied, "cost layer: request let through that enforcing would refuse");
        let hold = self.guard.hold_for(&Scope::of(facts), estimate, true);
        Ok(hold.ok().map(|hold| Tab::new(hold, true)))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("guard", &self.guard).field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl<R> Clone for CostLayer<R> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<S, R> Layer<S> for CostLayer<R> {
    type Service = CostService<S, R>;

    fn layer(&self, inner: S) -> CostService<S, R> {
        CostService { inner, state: Arc::clone(&self.state) }
    }
}

/// The service that [`CostLayer`] makes.
#[derive(Debug)]
pub struct CostService<S, R = ProblemJson> {
    inner: S,
    state: Arc<State<R>>,
}

impl<S: Clone, R> Clone for CostService<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), state: Arc::clone(&self.state) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for CostService<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResponseBody<ResBody>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = CostFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Some(gate) = &self.state.gate else {
            return CostFuture::running(self.inner.call(request), None);
        };
        let facts = RequestFacts::ensure(&mut request);
        match gate.judge(&RequestHead::from(&request), &facts) {
            Ok(tab) => {
                if let Some(tab) = &tab {
                    request.extensions_mut().insert(tab.clone());
                }
                CostFuture::running(self.inner.call(request), tab)
            }
            Err(rejection) => {
                facts.set_rejection(rejection.clone());
                CostFuture::refused(self.state.respond.respond(&rejection, &facts))
            }
        }
    }
}
