//! The handle on everything that is observed.

use std::fmt;
use std::sync::Arc;

use gambeson_core::{
    Clock, ConfigError, ConfigProblems, Entropy, HealthCheck, Readiness, RouteSource, SystemClock,
    SystemEntropy,
};

use crate::metrics::{Exposition, Metrics, text};
use crate::route::RouteNames;
use crate::trace::Ids;
use crate::{Endpoints, TelemetryLayer};

/// Metrics, readiness and health of one service. A clone is one atomic increment.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Shared>);

pub(crate) struct Shared {
    service: Box<str>,
    version: Box<str>,
    pub(crate) metrics: Metrics,
    pub(crate) ids: Ids,
    pub(crate) routes: Option<Box<dyn RouteSource>>,
    pub(crate) route_names: RouteNames,
    pub(crate) clock: Arc<dyn Clock>,
    readiness: Readiness,
    health: Vec<Box<dyn HealthCheck>>,
}

impl Telemetry {
    /// Settings of the telemetry of this service in this version.
    pub fn builder(service: impl Into<Box<str>>, version: impl Into<Box<str>>) -> TelemetryBuilder {
        TelemetryBuilder {
            service: service.into(),
            version: version.into(),
            most_series: 2_000,
            routes: None,
            readiness: Readiness::new(),
            health: Vec::new(),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::new()),
        }
    }

    /// The layer that observes requests; all layers of one handle count together.
    #[must_use]
    pub fn layer(&self) -> TelemetryLayer {
        TelemetryLayer::of(self.0.clone())
    }

    /// `/livez`, `/readyz` and `/metrics`.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints::of(self.clone())
    }

    /// Whether the service takes requests: set it ready at the end of the start, and drain it at the end.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.0.readiness.clone()
    }

    /// All metrics as OpenMetrics 1.0, of the media type [`METRICS_CONTENT_TYPE`](crate::METRICS_CONTENT_TYPE).
    ///
    /// Health checks that answer at once are asked; one that has to wait is left out.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        let shared = &self.0;
        let at_once = |check: &dyn HealthCheck| check.check().ready().ok();
        let health =
            shared.health.iter().filter_map(|check| Some((check.name(), at_once(&**check)?))).collect();
        text(&shared.metrics, &Exposition { service: &shared.service, version: &shared.version, health })
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("service", &self.service)
            .field("version", &self.version)
            .field("readiness", &self.readiness)
            .finish_non_exhaustive()
    }
}

/// Settings of [`Telemetry`].
#[must_use]
pub struct TelemetryBuilder {
    service: Box<str>,
    version: Box<str>,
    most_series: usize,
    routes: Option<Box<dyn RouteSource>>,
    readiness: Readiness,
    health: Vec<Box<dyn HealthCheck>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl TelemetryBuilder {
    /// Where routes are known from, asked before the inner service is called. Default: nowhere; then the route counts that
    /// an inner layer, such as rbac's, records in the request's facts.
    pub fn routes(self, source: impl RouteSource) -> Self {
        Self { routes: Some(Box::new(source)), ..self }
    }

    /// How many series of request durations are kept apart; what comes later is counted together as
    /// `otel_metric_overflow="true"`. Default 2,000; 1 to 100,000. A series takes about 250 bytes.
    pub fn most_series(self, most: usize) -> Self {
        Self { most_series: most, ..self }
    }

    /// Also shows this part's health in `/metrics`; may be called again.
    pub fn health(mut self, check: impl HealthCheck + 'static) -> Self {
        self.health.push(Box::new(check));
        self
    }

    /// A readiness that others flip too. Default: an own one, which is starting.
    pub fn readiness(self, readiness: Readiness) -> Self {
        Self { readiness, ..self }
    }

    /// Another clock: a manual one in tests.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Another source of trace ids: a fixed one in tests.
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
    }

    /// The handle.
    ///
    /// # Errors
    /// An empty service name, or a number of series out of its range.
    pub fn build(self) -> Result<Telemetry, ConfigError> {
        let mut problems = ConfigProblems::new();
        if self.service.is_empty() {
            problems.add("telemetry.service", "", "name the service: dashboards and alerts are found by it");
        }
        if !(1..=100_000).contains(&self.most_series) {
            problems.add("telemetry.most_series", self.most_series.to_string(), "give 1 to 100000");
        }
        problems.check()?;
        Ok(Telemetry(Arc::new(Shared {
            service: self.service,
            version: self.version,
            metrics: Metrics::new(self.most_series),
            ids: Ids::new(self.entropy),
            routes: self.routes,
            route_names: RouteNames::new(self.most_series),
            clock: self.clock,
            readiness: self.readiness,
            health: self.health,
        })))
    }
}

impl fmt::Debug for TelemetryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryBuilder").field("service", &self.service).finish_non_exhaustive()
    }
}
