//! The layer and its service.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use gambeson_core::{
    Clock, ConfigError, ConfigProblems, Mode, ProblemJson, RequestFacts, RequestHead, Respond, Timer,
};
use http::{HeaderMap, Request, Response, header};
use tower_layer::Layer;
use tower_service::Service;

use super::config::Limits;
use super::future::{LimitFuture, Passage};
use super::rejection;
use super::request_body::{RequestBody, Watch};
use super::response_body::ResponseBody;
use super::route_problems;
use super::routes::RouteLimits;
use super::rules::Rules;
use crate::EdgeLimitLayer;
use crate::alarm::Alarm;
use crate::edge_limit::Early;

/// Limits the size and the time of requests; see the [module](super).
#[derive(Debug)]
pub struct LimitsLayer<R = ProblemJson> {
    shared: Arc<Shared<R>>,
}

#[derive(Debug)]
pub(super) struct Shared<R> {
    pub(super) rules: Arc<Rules>,
    pub(super) respond: R,
    early: Early,
}

impl LimitsLayer {
    /// A layer with these limits that answers with problem details.
    ///
    /// # Errors
    /// A size, time or rate of zero; all of them at once.
    pub fn new(limits: Limits) -> Result<Self, ConfigError> {
        Self::with_routes(limits, &[])
    }

    /// A layer with these limits, and others for some routes; the first that matches counts.
    ///
    /// A route is known by axum's `MatchedPath` (feature `axum`; the layer has to be applied with `Router::layer`); without one a
    /// template stands for the path that is the same letter by letter, as gRPC methods are.
    ///
    /// # Errors
    /// A size, time or rate of zero, routes that are none or never match, and entries that change nothing; all of them at once.
    pub fn with_routes(limits: Limits, routes: &[RouteLimits]) -> Result<Self, ConfigError> {
        let mut problems = ConfigProblems::new();
        limits.check("hardening-headers.limits", &mut problems);
        route_problems::look_through(routes, &mut problems);
        let routes = routes.iter().filter_map(|route| route.prepared(limits, &mut problems)).collect();
        problems.into_result(Self::with(
            Rules { routes, ..Rules::new(limits) },
            ProblemJson,
            Early::default(),
        ))
    }

    /// A layer that limits nothing, with the same types.
    #[must_use]
    pub fn off() -> Self {
        Self::with(Rules::new(Limits::off()), ProblemJson, Early::default())
    }
}

impl Default for LimitsLayer {
    fn default() -> Self {
        Self::with(Rules::new(Limits::default()), ProblemJson, Early::default())
    }
}

impl<R> LimitsLayer<R> {
    fn with(rules: Rules, respond: R, early: Early) -> Self {
        Self { shared: Arc::new(Shared { rules: Arc::new(rules), respond, early }) }
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.shared.rules.are_off()
    }

    /// What it limits, where a route has no limits of its own.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.shared.rules.base
    }

    /// Routes that have limits of their own, and those.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (String, &Limits)> {
        self.shared.rules.routes.iter().map(|rule| (rule.route(), &rule.limits))
    }

    /// Enforce, or observe until when; enforce for a layer that is off.
    #[must_use]
    pub fn current_mode(&self) -> Mode {
        if self.is_off() { Mode::Enforce } else { self.limits().mode }
    }

    /// How often enforcing would have refused a request or ended a body, by this layer and its clones.
    #[must_use]
    pub fn observed(&self) -> u64 {
        self.shared.rules.observed.load(Ordering::Relaxed)
    }

    /// Answers refusals so.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> LimitsLayer<T> {
        LimitsLayer::with(Rules::clone(&self.shared.rules), respond, self.shared.early.clone())
    }

    /// Counts what it refuses itself as a request of the client's network, which gets 429 when that is over its rate. For a limiter
    /// inside of this layer, which sees nothing of those requests; `Stack` and `Config::layers` do it.
    #[must_use]
    pub fn counted_by<T>(self, limiter: &EdgeLimitLayer<T>) -> Self
    where
        R: Clone,
    {
        Self::with(Rules::clone(&self.shared.rules), self.shared.respond.clone(), limiter.early())
    }

    /// The clock of the deadlines; the system's unless said.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self
    where
        R: Clone,
    {
        self.edit(|rules| rules.time.clock = clock)
    }

    /// The timer of the deadlines, of the same kind as the clock; the system's unless said.
    #[must_use]
    pub fn timer(self, timer: Arc<dyn Timer>) -> Self
    where
        R: Clone,
    {
        self.edit(|rules| rules.time.timer = timer)
    }

    fn edit(self, change: impl FnOnce(&mut Rules)) -> Self
    where
        R: Clone,
    {
        let mut rules = Rules::clone(&self.shared.rules);
        change(&mut rules);
        Self::with(rules, self.shared.respond.clone(), self.shared.early.clone())
    }
}

impl<R> Clone for LimitsLayer<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S, R> Layer<S> for LimitsLayer<R> {
    type Service = Limited<S, R>;

    fn layer(&self, inner: S) -> Limited<S, R> {
        Limited { inner, shared: Arc::clone(&self.shared) }
    }
}

/// The service that [`LimitsLayer`] makes.
#[derive(Debug)]
pub struct Limited<S, R = ProblemJson> {
    inner: S,
    shared: Arc<Shared<R>>,
}

impl<S: Clone, R> Clone for Limited<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Limited<S, R>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = LimitFuture<S::Future, ResBody, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let rules = &self.shared.rules;
        if rules.are_off() {
            return LimitFuture::running(
                self.inner.call(request.map(|body| RequestBody::new(body, None, None))),
                None,
            );
        }
        let facts = RequestFacts::ensure(&mut request);
        let head = RequestHead::from(&request);
        let limits = rules.of(&head);
        let announced = limits.body.is_some_and(|limit| announces_more(request.headers(), limit));
        if announced && rules.refuses(rejection::BODY_TOO_LARGE, &facts) {
            let refusal = self.shared.early.refusal(&head, &facts).unwrap_or_else(rejection::body_too_large);
            let response = self.shared.respond.respond(&refusal, &facts);
            facts.set_rejection(refusal);
            return LimitFuture::refused(response);
        }
        // What was observed already is not counted a second time when it comes.
        let cap = limits.body.filter(|_| rules.enforces());
        let watch = Watch::new(facts.clone(), Arc::clone(rules), limits, cap.is_some() || announced);
        let passage = Passage {
            handler: limits.handler,
            stream_idle: limits.stream_idle,
            facts,
            shared: Arc::clone(&self.shared),
            alarm: Alarm::default(),
        };
        let request = request.map(|body| RequestBody::new(body, cap, Some(watch)));
        LimitFuture::running(self.inner.call(request), Some(passage))
    }
}

/// Whether the request says itself that its body is longer than that.
fn announces_more(headers: &HeaderMap, limit: u64) -> bool {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).is_some_and(|text| {
        match text.trim().parse::<u64>() {
            Ok(length) => length > limit,
            // More digits than 64 bits hold is certainly more; anything else is not a length, and counted as it comes.
            Err(error) => matches!(error.kind(), std::num::IntErrorKind::PosOverflow),
        }
    })
}
