//! What happened: traces, metrics and logs of a tower service under the OpenTelemetry conventions.
//!
//! - [`TelemetryLayer`]: one server span a request with W3C Trace Context, `http.server.request.duration`, active requests, refusals,
//!   and one readable log line.
//! - [`ClientLayer`]: the same for calls to other services.
//! - [`AppSpans`]: the app's own `tracing` spans as children of the request's span.
//! - The export of spans and metrics through OTLP over HTTP, on a thread of its own. A collector that is absent, slow or
//!   mad costs telemetry, never requests; what is lost is counted by reason and told at the end.
//! - [`Telemetry`]: the handle, with `/livez`, `/readyz` and `/metrics` as [`Endpoints`]; [`logs`] for the terminal.
//!
//! ```
//! use gambeson_otel_setup::{Sampling, Telemetry};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//! # runtime.block_on(async {
//! let telemetry = Telemetry::builder("shop", "1.0.0").sampling(Sampling::parent_ratio(0.1)).build()?;
//! let layer = telemetry.layer();
//! telemetry.readiness().set_ready();
//! assert!(telemetry.metrics_text().ends_with("# EOF\n"));
//! assert!(!telemetry.exports(), "no endpoint, no export");
//! // At the end, after the server has drained:
//! let report = telemetry.shutdown(std::time::Duration::from_secs(5)).await;
//! assert!(report.is_complete());
//! # let _ = layer;
//! # Ok::<(), gambeson_core::ConfigError>(())
//! # }).unwrap();
//! ```
//!
//! # Environment
//!
//! [`TelemetryBuilder::env`] reads these; an empty one counts as not set, one that can't be read is a
//! [`ConfigError`](gambeson_core::ConfigError).
//!
//! | variable | meaning |
//! |---|---|
//! | `OTEL_SDK_DISABLED` | `true`: nothing is exported; the trace context is still passed on, `/metrics` still answers |
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | the resource |
//! | `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER` | `otlp` or `none` |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `always_on`, `always_off`, `traceidratio`, each with or without `parentbased_` |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_TRACES_ENDPOINT`, `…_METRICS_ENDPOINT` | the collector; the first one gets `/v1/traces` and `/v1/metrics` |
//! | `OTEL_EXPORTER_OTLP_HEADERS`, `…_TRACES_HEADERS`, `…_METRICS_HEADERS` | `key=value,…`, percent-encoded |
//! | `OTEL_EXPORTER_OTLP_TIMEOUT`, `…_TRACES_TIMEOUT`, `…_METRICS_TIMEOUT` | milliseconds for one request; 10,000 |
//! | `OTEL_EXPORTER_OTLP_CERTIFICATE` | a PEM file of further trusted roots |
//! | `OTEL_EXPORTER_OTLP_INSECURE` | `true`: plain `http` to other machines in production |
//! | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf` only |
//! | `OTEL_EXPORTER_OTLP_COMPRESSION` | `none` only |
//! | `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | 5,000 ms, 16,384, 512 |
//! | `OTEL_METRIC_EXPORT_INTERVAL` | milliseconds; 60,000 |
//!
//! # Not here yet
//!
//! Export of log records, compression, OTLP over gRPC, exemplars, baggage, and service level objectives.
#![forbid(unsafe_code)]

mod app_spans;
mod builder;
mod config;
mod context;
mod endpoints;
mod environment;
mod export;
mod ids;
mod layer;
pub mod logs;
mod metrics;
mod otlp;
mod outbound;
mod plan;
mod route;
mod sampling;
mod span;
mod start;
mod telemetry;
mod traceparent;
mod tracestate;

pub use app_spans::AppSpans;
pub use builder::TelemetryBuilder;
pub use config::Config;
pub use context::current_trace;
pub use endpoints::{Endpoint, Endpoints};
pub use export::{Losses, ShutdownReport, SpanReport};
pub use layer::{ResponseBody, ResponseFuture, TelemetryLayer, TelemetryService};
pub use metrics::{CostCounter, METRICS_CONTENT_TYPE};
pub use outbound::{CallFuture, ClientLayer, ClientService, ResendCount};
#[cfg(feature = "axum-router")]
pub use route::AxumRoute;
pub use sampling::Sampling;
pub use telemetry::Telemetry;
