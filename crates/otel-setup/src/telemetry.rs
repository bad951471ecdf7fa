//! The handle on everything that is observed.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gambeson_core::{Clock, ConfigError, HealthCheck, Readiness, RouteSource, Timer};

use crate::context::Recorder;
use crate::export::Exporter;
use crate::ids::Ids;
use crate::metrics::{CostCounter, Exports, Exposition, Metrics, text};
use crate::route::RouteNames;
use crate::start::Start;
use crate::{
    ClientLayer, Config, Endpoints, Sampling, ShutdownReport, SpanReport, TelemetryBuilder, TelemetryLayer,
};

/// Traces, metrics, readiness and health of one service. A clone is one atomic increment.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) service: Box<str>,
    pub(crate) version: Box<str>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) routes: Option<Box<dyn RouteSource>>,
    pub(crate) route_names: RouteNames,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) sampling: Sampling,
    /// `None`: no spans are exported.
    pub(crate) recorder: Option<Arc<Recorder>>,
    pub(crate) exporter: Option<Exporter>,
    /// Routes that leave no span.
    pub(crate) untraced: Vec<Cow<'static, str>>,
    pub(crate) client_address: bool,
    pub(crate) readiness: Readiness,
    pub(crate) health: Vec<Box<dyn HealthCheck>>,
    pub(crate) start: Start,
}

impl Telemetry {
    /// Settings of the telemetry of this service in this version.
    pub fn builder(service: impl Into<Box<str>>, version: impl Into<Box<str>>) -> TelemetryBuilder {
        TelemetryBuilder::new(service.into(), version.into())
    }

    /// The telemetry that this configuration describes; what can't be written into a file is in [`Telemetry::builder`].
    ///
    /// # Errors
    /// As [`TelemetryBuilder::build`].
    pub fn from_config(config: Config) -> Result<Self, ConfigError> {
        TelemetryBuilder::of(config).build()
    }

    pub(crate) fn of(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// The layer that observes requests; all layers of one handle count together.
    #[must_use]
    pub fn layer(&self) -> TelemetryLayer {
        TelemetryLayer::of(self.0.clone())
    }

    /// The layer that observes calls to the service of this name (your name for it: `payments`, not its address).
    #[must_use]
    pub fn client_layer(&self, dependency: impl Into<Arc<str>>) -> ClientLayer {
        ClientLayer::of(self.0.clone(), dependency.into())
    }

    /// Takes the costs of requests as the counter `gambeson_cost`.
    #[must_use]
    pub fn cost_sink(&self) -> CostCounter {
        CostCounter::of(self.0.metrics.clone())
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

    /// Whether the start is over: whether each part of [`TelemetryBuilder::ready_after`] was there once.
    pub(crate) fn has_started(&self) -> bool {
        self.0.start.is_over(self.0.clock.monotonic())
    }

    /// Whether anything is exported: whether there is an endpoint, and nothing switched it off.
    #[must_use]
    pub fn exports(&self) -> bool {
        self.0.exporter.is_some()
    }

    /// What became of the recorded spans so far.
    #[must_use]
    pub fn span_report(&self) -> SpanReport {
        self.0.exporter.as_ref().map_or_else(SpanReport::default, |exporter| exporter.queue.report())
    }

    /// Sends what waits, for a process that may be frozen when its answer is out. Whether all was tried within `limit`;
    /// [`Telemetry::span_report`] says with which success. At once `true` when nothing is exported.
    pub async fn flush_within(&self, limit: Duration) -> bool {
        match &self.0.exporter {
            Some(exporter) => exporter.flush(&*self.0.timer, self.0.clock.monotonic().plus(limit)).await,
            None => true,
        }
    }

    /// Sends what waits and ends the export; what has not arrived within `limit` is lost, and reported as such.
    ///
    /// To be called last, after the server has drained: spans that end later are counted as lost. A second call gives the
    /// same report.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the export ending by itself, without a report.
    pub async fn shutdown(&self, limit: Duration) -> ShutdownReport {
        let started = self.0.clock.monotonic();
        let (spans, metrics_exported) = match &self.0.exporter {
            Some(exporter) => exporter.end(&*self.0.timer, started.plus(limit)).await,
            None => (SpanReport::default(), None),
        };
        let took = self.0.clock.monotonic().since(started);
        ShutdownReport { spans, metrics_exported, took }
    }

    /// All metrics as OpenMetrics 1.0, of the media type [`METRICS_CONTENT_TYPE`](crate::METRICS_CONTENT_TYPE).
    ///
    /// Health checks that answer at once are asked; one that has to wait is left out.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        let shared = &self.0;
        let at_once = |check: &dyn HealthCheck| check.check().ready().ok();
        let parts = shared.health.iter().map(|part| &**part).chain(shared.start.parts());
        let health = parts.filter_map(|part| Some((part.name(), at_once(part)?))).collect();
        let exports = shared.exporter.as_ref().map(|exporter| Exports {
            spans: exporter.queue.report(),
            waiting: exporter.queue.waiting(),
            metrics: exporter.metric_exports.exported.load(Ordering::Relaxed),
            metrics_failed: exporter.metric_exports.failed.load(Ordering::Relaxed),
        });
        let about = Exposition { service: &shared.service, version: &shared.version, health, exports };
        text(&shared.metrics, &about)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("service", &self.service)
            .field("version", &self.version)
            .field("readiness", &self.readiness)
            .field("exports", &self.exporter.is_some())
            .finish_non_exhaustive()
    }
}
