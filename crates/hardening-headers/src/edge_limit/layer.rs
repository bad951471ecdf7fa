//! The layer and its service.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{ConfigError, Mode, ProblemJson, Rejection, RequestFacts, RequestHead, Respond};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::builder::EdgeLimitBuilder;
use super::early::Early;
use super::future::{EdgeLimitFuture, Passage};
use super::limiter::{EdgeLimitReport, Limiter, Verdict};
use super::rate::EdgeRate;
use super::{rejection, telemetry};
use crate::check::{self, Finding};

/// Limits how often one client network may call; see the [module](super).
#[derive(Debug)]
pub struct EdgeLimitLayer<R = ProblemJson> {
    shared: Arc<Shared<R>>,
}

#[derive(Debug)]
struct Shared<R> {
    limiter: Option<Arc<Limiter>>,
    respond: R,
}

impl EdgeLimitLayer {
    /// A layer with this rate that answers with problem details.
    ///
    /// # Errors
    /// As [`EdgeLimitBuilder::build`].
    pub fn new(rate: EdgeRate) -> Result<Self, ConfigError> {
        Self::builder(rate).build()
    }

    /// A layer with this rate, of which more can be chosen.
    #[must_use]
    pub fn builder(rate: EdgeRate) -> EdgeLimitBuilder {
        EdgeLimitBuilder::new(rate)
    }

    /// A layer that limits nothing, with the same types.
    #[must_use]
    pub fn off() -> Self {
        Self::with(None, ProblemJson)
    }
}

impl<R> EdgeLimitLayer<R> {
    pub(super) fn with(limiter: Option<Arc<Limiter>>, respond: R) -> Self {
        Self { shared: Arc::new(Shared { limiter, respond }) }
    }

    /// Counts one for the network of this address, as a request is counted: for what comes by another way, such as the messages of a
    /// WebSocket. A layer that is off lets everything pass.
    ///
    /// # Errors
    /// The network is over its rate.
    pub fn check(&self, address: IpAddr) -> Result<(), Rejection> {
        let Some(limiter) = &self.shared.limiter else { return Ok(()) };
        match limiter.decide_address(address) {
            Verdict::Pass { .. } => Ok(()),
            Verdict::Refuse { after } => Err(limiter.refusal(after)),
        }
    }

    /// Charges the network of this address `units` more, without asking: for what only the app knows to be abuse.
    /// At most two bursts of debt are kept.
    pub fn penalise(&self, address: IpAddr, units: u32) {
        if let Some(limiter) = &self.shared.limiter {
            limiter.charge_address(address, units);
        }
    }

    /// Counts what a layer further out answers itself.
    pub(crate) fn early(&self) -> Early {
        Early::new(self.shared.limiter.clone())
    }

    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.shared.limiter.is_none()
    }

    /// The rate it keeps; `None` for a layer that is off.
    #[must_use]
    pub fn rate(&self) -> Option<EdgeRate> {
        self.shared.limiter.as_ref().map(|limiter| limiter.rate)
    }

    /// What is weak about it.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.rate().map_or_else(|| vec![check::no_rate()], |rate| rate.findings())
    }

    /// Enforce, or observe until when; enforce for a layer that is off.
    #[must_use]
    pub fn current_mode(&self) -> Mode {
        self.rate().map_or(Mode::Enforce, |rate| rate.mode)
    }

    /// How many requests were let pass that enforcing would have refused, by this layer and its clones.
    #[must_use]
    pub fn observed(&self) -> u64 {
        self.report().observed
    }

    /// What it has seen since it was built.
    #[must_use]
    pub fn report(&self) -> EdgeLimitReport {
        self.shared.limiter.as_ref().map(|limiter| limiter.report()).unwrap_or_default()
    }
}

impl<R> Clone for EdgeLimitLayer<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S, R> Layer<S> for EdgeLimitLayer<R> {
    type Service = EdgeLimit<S, R>;

    fn layer(&self, inner: S) -> EdgeLimit<S, R> {
        EdgeLimit { inner, shared: Arc::clone(&self.shared) }
    }
}

/// The service that [`EdgeLimitLayer`] makes.
#[derive(Debug)]
pub struct EdgeLimit<S, R = ProblemJson> {
    inner: S,
    shared: Arc<Shared<R>>,
}

impl<S: Clone, R> Clone for EdgeLimit<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for EdgeLimit<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = EdgeLimitFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let facts = RequestFacts::ensure(&mut request);
        match self.shared.admit(&RequestHead::from(&request), &facts) {
            Ok(passage) => EdgeLimitFuture::running(self.inner.call(request), passage),
            Err(refusal) => {
                let response = self.shared.respond.respond(&refusal, &facts);
                facts.set_rejection(refusal);
                EdgeLimitFuture::refused(response)
            }
        }
    }
}

impl<R> Shared<R> {
    /// Whether the request may pass, and what is left to do when its answer is there.
    fn admit(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Result<Option<Passage>, Rejection> {
        let Some(limiter) = &self.limiter else { return Ok(None) };
        if limiter.exempt.holds(head) {
            return Ok(None);
        }
        let Some(peer) = facts.peer() else {
            telemetry::layer_order();
            return Err(rejection::layer_order());
        };
        match limiter.decide(peer) {
            Verdict::Pass { who, left } => {
                Ok(Some(Passage { limiter: Arc::clone(limiter), facts: facts.clone(), who, left }))
            }
            Verdict::Refuse { after } => Err(limiter.refusal(after)),
        }
    }
}
