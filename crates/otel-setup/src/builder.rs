//! How [`Telemetry`] is put together.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use gambeson_core::{
    Clock, ConfigError, ConfigProblems, EndpointSpec, Entropy, HealthCheck, HttpTransport, Profile,
    Readiness, RouteSource, SecretResolver, SystemClock, SystemEntropy, Timer,
};
use http::HeaderMap;

use crate::context::Recorder;
use crate::environment::{self, Environment};
use crate::export::{Exporter, SpanQueue};
use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::plan::{Parts, plan};
use crate::route::RouteNames;
use crate::start::Start;
use crate::telemetry::Shared;
use crate::{Config, Endpoint, Sampling, Telemetry};

/// Settings of [`Telemetry`]. What is said later wins: configuration, then environment, then code.
#[must_use]
pub struct TelemetryBuilder {
    config: Config,
    environment: Environment,
    headers: HeaderMap,
    problems: ConfigProblems,
    profile: Profile,
    routes: Option<Box<dyn RouteSource>>,
    untraced: Vec<Cow<'static, str>>,
    readiness: Readiness,
    health: Vec<Box<dyn HealthCheck>>,
    start: Start,
    transport: Option<Arc<dyn HttpTransport>>,
    secrets: Option<Arc<dyn SecretResolver>>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    entropy: Arc<dyn Entropy>,
}

impl TelemetryBuilder {
    pub(crate) fn new(service: Box<str>, version: Box<str>) -> Self {
        Self::of(Config { service, version, ..Config::default() })
    }

    pub(crate) fn of(config: Config) -> Self {
        Self {
            config,
            environment: Environment::default(),
            headers: HeaderMap::new(),
            problems: ConfigProblems::new(),
            profile: Profile::default(),
            routes: None,
            untraced: probes(),
            readiness: Readiness::new(),
            health: Vec::new(),
            start: Start::default(),
            transport: None,
            secrets: None,
            clock: Arc::new(SystemClock::new()),
            timer: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::new()),
        }
    }

    /// All settings of a file at once. Its service and version count only where they are given.
    pub fn config(self, config: Config) -> Self {
        let or = |new: Box<str>, old: Box<str>| if new.is_empty() { old } else { new };
        let service = or(config.service.clone(), self.config.service);
        let version = or(config.version.clone(), self.config.version);
        Self { config: Config { service, version, ..config }, ..self }
    }

    /// Reads the `OTEL_…` variables of the process's environment: see [the list](crate#environment).
    pub fn env(self) -> Self {
        self.env_from_lookup(|name| std::env::var(name).ok())
    }

    /// As [`TelemetryBuilder::env`], with another way to look the variables up.
    pub fn env_from_lookup(mut self, lookup: impl Fn(&str) -> Option<String>) -> Self {
        self.environment = environment::read(&lookup, &mut self.config, &mut self.problems);
        self
    }

    /// In which profile the service runs. Default: production, which sends telemetry over plain `http` to this machine only.
    pub fn run_in(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// Where the collector is, for example `https://collector.example:4318`; `/v1/traces` and `/v1/metrics` are added.
    /// Default: nowhere, and nothing is exported.
    pub fn endpoint(mut self, endpoint: impl Into<Box<str>>) -> Self {
        self.config.endpoint = Some(endpoint.into());
        self
    }

    /// A header field of each request to the collector, such as its credential; may be called again.
    pub fn header(mut self, name: http::HeaderName, mut value: http::HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    /// Which traces are recorded. Default: see [`Sampling::default`].
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.config.sampling = sampling;
        self
    }

    /// How the collector is reached. Default: gambeson-client, with the feature `client`.
    ///
    /// It is used on the exporter's own thread, so it must not depend on the runtime of the app.
    pub fn transport(self, transport: Arc<dyn HttpTransport>) -> Self {
        Self { transport: Some(transport), ..self }
    }

    /// Where the values of [`Config::secret_headers`] come from.
    pub fn secrets(self, secrets: Arc<dyn SecretResolver>) -> Self {
        Self { secrets: Some(secrets), ..self }
    }

    /// Where routes are known from, asked before the inner service is called. Default: nowhere; then the route counts that
    /// an inner layer, such as rbac's, records in the request's facts.
    pub fn routes(self, source: impl RouteSource) -> Self {
        Self { routes: Some(Box::new(source)), ..self }
    }

    /// Endpoints that leave no span: of these, those that ask for it ([`Exempt::traces`](gambeson_core::Exempt)). Default: the probes
    /// and `/metrics`.
    pub fn exempt<'a>(mut self, endpoints: impl IntoIterator<Item = &'a EndpointSpec>) -> Self {
        let wanted = endpoints.into_iter().filter(|spec| spec.exempt.traces);
        self.untraced.extend(wanted.map(|spec| spec.template.clone()));
        self
    }

    /// How many series of request durations are kept apart, and as many of calls and of costs; what comes later is counted
    /// together as `otel_metric_overflow="true"`. Default 2,000; 1 to 100,000. A series takes about 250 bytes.
    pub fn most_series(mut self, most: usize) -> Self {
        self.config.most_series = most;
        self
    }

    /// The name and port by which clients know this service, as an attribute of its spans. Never taken from a request.
    /// Default: none.
    pub fn server_address(mut self, host: impl Into<Box<str>>, port: Option<u16>) -> Self {
        self.config.server_address = Some(host.into());
        self.config.server_port = port;
        self
    }

    /// Whether spans carry the client's address, which is personal data. Default false.
    pub fn client_address(mut self, allow: bool) -> Self {
        self.config.client_address = allow;
        self
    }

    /// Also shows this part's health in `/metrics`; may be called again.
    pub fn health(mut self, check: impl HealthCheck + 'static) -> Self {
        self.health.push(Box::new(check));
        self
    }

    /// Also keeps `/readyz` at 503 until this part was [ready](HealthCheck::is_ready) once, and names it with the reason in the log, once a minute;
    /// may be called again. Whoever brings the part there is not this crate: the check is asked only. Its health is in `/metrics` too.
    pub fn ready_after(mut self, check: impl HealthCheck + 'static) -> Self {
        self.start.wait_for(Box::new(check));
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

    /// Another timer: that of the manual clock in tests.
    pub fn timer(self, timer: Arc<dyn Timer>) -> Self {
        Self { timer, ..self }
    }

    /// Another source of trace ids: a fixed one in tests.
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
    }

    /// The handle. With an endpoint, a thread for the export is started.
    ///
    /// # Errors
    /// All that is wrong with the settings and the variables, or a thread that can't be started.
    pub fn build(mut self) -> Result<Telemetry, ConfigError> {
        self.config.check(&mut self.problems);
        let parts = Parts {
            config: &self.config,
            environment: &self.environment,
            headers: &self.headers,
            profile: self.profile,
            transport: self.transport.as_ref(),
            secrets: self.secrets.as_ref(),
            clock: &self.clock,
            timer: &self.timer,
            entropy: &self.entropy,
        };
        let plan = plan(&parts, &mut self.problems);
        self.problems.check()?;
        let metrics = Arc::new(Metrics::new(self.config.most_series));
        let ids = Arc::new(Ids::new(self.entropy));
        let queue = SpanQueue::new(self.config.queue, self.config.batch);
        let exporter = plan.map(|plan| Exporter::start(plan, queue, metrics.clone())).transpose()?;
        let recorder = exporter.as_ref().filter(|exporter| exporter.traces);
        let recorder =
            recorder.map(|exporter| Arc::new(Recorder { queue: exporter.queue.clone(), ids: ids.clone() }));
        Ok(Telemetry::of(Shared {
            route_names: RouteNames::new(self.config.most_series),
            client_address: self.config.client_address,
            sampling: self.config.sampling,
            service: self.config.service,
            version: self.config.version,
            metrics,
            ids,
            recorder,
            exporter,
            routes: self.routes,
            clock: self.clock,
            timer: self.timer,
            untraced: self.untraced,
            readiness: self.readiness,
            health: self.health,
            start: self.start,
        }))
    }
}

fn probes() -> Vec<Cow<'static, str>> {
    Endpoint::ALL.into_iter().map(|endpoint| endpoint.path().into()).collect()
}

impl fmt::Debug for TelemetryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
