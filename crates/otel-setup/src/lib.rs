//! What happened: metrics, traces and logs of a tower service under the OpenTelemetry conventions.
//!
//! In this version: [`TelemetryLayer`] (the trace of a request, `http.server.request.duration`, active requests, refusals,
//! one readable log line a request), [`Telemetry`] with `/livez`, `/readyz` and `/metrics` as [`Endpoints`], and
//! [`logs`] for the terminal. The export through OTLP, the layer for clients and service level objectives are not here yet.
//!
//! ```
//! use gambeson_otel_setup::Telemetry;
//!
//! let telemetry = Telemetry::builder("shop", "1.0.0").build()?;
//! let layer = telemetry.layer();
//! telemetry.readiness().set_ready();
//! assert!(telemetry.metrics_text().ends_with("# EOF\n"));
//! # Ok::<(), gambeson_core::ConfigError>(())
//! ```
#![forbid(unsafe_code)]

mod endpoints;
mod layer;
pub mod logs;
mod metrics;
mod route;
mod telemetry;
mod trace;

pub use endpoints::{Endpoint, Endpoints};
pub use layer::{ResponseBody, ResponseFuture, TelemetryLayer, TelemetryService};
pub use metrics::METRICS_CONTENT_TYPE;
#[cfg(feature = "axum-router")]
pub use route::AxumRoute;
pub use telemetry::{Telemetry, TelemetryBuilder};
