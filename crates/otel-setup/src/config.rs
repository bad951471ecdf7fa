//! What can be written into a file.

use std::collections::BTreeMap;
use std::time::Duration;

use gambeson_core::{ConfigProblems, SecretRef};

use crate::Sampling;

/// The table `[otel-setup]` of a configuration file.
///
/// | key | default | meaning |
/// |---|---|---|
/// | `service`, `version` | none | as the builder's; a service is needed |
/// | `enabled` | true | false: nothing leaves the process |
/// | `endpoint` | none | the collector; none: nothing is exported |
/// | `traces-endpoint`, `metrics-endpoint` | none | the whole address for one signal, in place of `endpoint` |
/// | `traces`, `metrics` | true | false: this signal is not exported |
/// | `headers`, `secret-headers` | none | fields of each request to the collector |
/// | `timeout` | 10 s | for one request to the collector; up to 10 min |
/// | `retry-for` | 30 s | how long a batch is tried again |
/// | `batch-delay` | 5 s | how long a span waits for company |
/// | `metric-interval` | 60 s | between two exports of the metrics |
/// | `queue`, `batch` | 16,384, 512 | spans that wait at most, and leave at a time |
/// | `sampling` | every trace | see [`Sampling`] |
/// | `most-series` | 2,000 | series of one metric; 1 to 100,000 |
/// | `resource` | none | further attributes of the resource, such as `deployment.environment.name` |
/// | `server-address`, `server-port` | none | by which clients know the service |
/// | `client-address` | false | spans carry the client's address |
/// | `dangerously-plain-http` | false | `http` to other machines in production |
///
/// A waiting span takes about 500 bytes, a full queue about 8 MB.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
pub struct Config {
    /// The service's name, by which dashboards and alerts find it.
    pub service: Box<str>,
    /// The service's version.
    pub version: Box<str>,
    /// Whether anything is exported.
    pub enabled: bool,
    /// Where the collector is; `/v1/traces` and `/v1/metrics` are added.
    pub endpoint: Option<Box<str>>,
    /// Where traces go, whole.
    pub traces_endpoint: Option<Box<str>>,
    /// Where metrics go, whole.
    pub metrics_endpoint: Option<Box<str>>,
    /// Whether traces are exported.
    pub traces: bool,
    /// Whether metrics are exported.
    pub metrics: bool,
    /// Header fields of each request to the collector that are no secret.
    pub headers: BTreeMap<String, String>,
    /// Header fields whose value is a secret.
    pub secret_headers: BTreeMap<String, SecretRef>,
    /// For one request to the collector.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub timeout: Duration,
    /// How long a batch is tried again.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub retry_for: Duration,
    /// How long a span waits for company.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub batch_delay: Duration,
    /// Between two exports of the metrics.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub metric_interval: Duration,
    /// How many spans wait at most.
    pub queue: usize,
    /// How many spans leave at a time.
    pub batch: usize,
    /// Which traces are recorded.
    pub sampling: Sampling,
    /// How many series of one metric are kept apart.
    pub most_series: usize,
    /// Further attributes of the resource.
    pub resource: BTreeMap<String, String>,
    /// The name by which clients know the service.
    pub server_address: Option<Box<str>>,
    /// The port by which clients know the service.
    pub server_port: Option<u16>,
    /// Whether spans carry the client's address.
    pub client_address: bool,
    /// Whether telemetry may leave for other machines over plain `http` in production.
    pub dangerously_plain_http: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            service: Box::default(),
            version: Box::default(),
            enabled: true,
            endpoint: None,
            traces_endpoint: None,
            metrics_endpoint: None,
            traces: true,
            metrics: true,
            headers: BTreeMap::new(),
            secret_headers: BTreeMap::new(),
            timeout: Duration::from_secs(10),
            retry_for: Duration::from_secs(30),
            batch_delay: Duration::from_secs(5),
            metric_interval: Duration::from_secs(60),
            queue: 16_384,
            batch: 512,
            sampling: Sampling::default(),
            most_series: 2_000,
            resource: BTreeMap::new(),
            server_address: None,
            server_port: None,
            client_address: false,
            dangerously_plain_http: false,
        }
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(86_400);

impl Config {
    /// What is wrong with numbers and words; addresses and headers are looked at where they are used.
    pub(crate) fn check(&self, problems: &mut ConfigProblems) {
        if self.service.is_empty() {
            problems.add("telemetry.service", "", "name the service: dashboards and alerts are found by it");
        }
        let counts = [
            ("telemetry.most_series", self.most_series, 100_000),
            ("telemetry.queue", self.queue, 1_000_000),
            ("telemetry.batch", self.batch, self.queue.max(1)),
        ];
        for (field, value, most) in counts {
            if !(1..=most).contains(&value) {
                problems.add(field, value.to_string(), format!("give 1 to {most}"));
            }
        }
        let ten_minutes = Duration::from_secs(600);
        let durations = [
            ("telemetry.timeout", self.timeout, MILLISECOND, ten_minutes),
            ("telemetry.retry_for", self.retry_for, Duration::ZERO, ten_minutes),
            ("telemetry.batch_delay", self.batch_delay, MILLISECOND, ten_minutes),
            ("telemetry.metric_interval", self.metric_interval, MILLISECOND, DAY),
        ];
        for (field, value, least, most) in durations {
            if !(least..=most).contains(&value) {
                problems.add(field, format!("{value:?}"), format!("give {least:?} to {most:?}"));
            }
        }
        self.sampling.check(problems);
    }
}
