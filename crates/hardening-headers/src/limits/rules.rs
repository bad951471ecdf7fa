//! What is kept of the limits: for which routes, by which clock, and whether it is enforced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gambeson_core::{Clock, Mode, RequestFacts, RequestHead, SystemClock, Timer};

use super::config::Limits;
use super::routes::RouteRule;
use super::telemetry;

/// Tells the time and waits for it.
#[derive(Debug, Clone)]
pub(super) struct Time {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timer: Arc<dyn Timer>,
}

impl Default for Time {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock::new()), timer: Arc::new(SystemClock::new()) }
    }
}

/// The limits of every request, and those of some routes.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) base: Limits,
    pub(super) routes: Vec<RouteRule>,
    pub(super) time: Time,
    pub(super) observed: Arc<AtomicU64>,
}

impl Rules {
    pub(super) fn new(base: Limits) -> Self {
        Self { base, routes: Vec::new(), time: Time::default(), observed: Arc::default() }
    }

    pub(super) fn are_off(&self) -> bool {
        self.base.are_off() && self.routes.is_empty()
    }

    /// The limits of this request.
    pub(super) fn of(&self, head: &RequestHead<'_>) -> &Limits {
        match self.routes.as_slice() {
            [] => &self.base,
            routes => routes.iter().find(|rule| rule.is_for(head)).map_or(&self.base, |rule| &rule.limits),
        }
    }

    /// Whether a refusal is carried out now.
    pub(super) fn enforces(&self) -> bool {
        match self.base.mode {
            Mode::Enforce => true,
            mode => mode.enforces(self.time.clock.now()),
        }
    }

    /// Whether what has this name is refused now; else it is counted and said.
    pub(super) fn refuses(&self, slug: &'static str, facts: &RequestFacts) -> bool {
        let enforces = self.enforces();
        if !enforces {
            self.observed.fetch_add(1, Ordering::Relaxed);
            telemetry::observed(slug, facts);
        }
        enforces
    }
}
