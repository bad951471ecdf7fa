//! Metrics as text: OpenMetrics 1.0.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::Ordering;

use gambeson_core::Health;

use super::histogram::{BOUNDS, Histogram};
use super::{CallLabels, ErrorLabel, Labels, METHODS, Metrics};
use crate::export::SpanReport;

/// What is said beside the counted metrics.
pub(crate) struct Exposition<'a> {
    pub(crate) service: &'a str,
    pub(crate) version: &'a str,
    pub(crate) health: Vec<(&'a str, Health)>,
    /// `None`: nothing is exported.
    pub(crate) exports: Option<Exports>,
}

/// How the export goes.
pub(crate) struct Exports {
    pub(crate) spans: SpanReport,
    pub(crate) waiting: usize,
    pub(crate) metrics: u64,
    pub(crate) metrics_failed: u64,
}

/// All metrics, ended by `# EOF`.
pub(crate) fn text(metrics: &Metrics, about: &Exposition<'_>) -> String {
    let mut out = String::with_capacity(4_096);
    target(&mut out, about);
    durations(&mut out, metrics);
    active(&mut out, metrics);
    calls(&mut out, metrics);
    refusals(&mut out, metrics);
    costs(&mut out, metrics);
    health(&mut out, about);
    if let Some(exports) = &about.exports {
        of_exports(&mut out, exports);
    }
    out.push_str("# EOF\n");
    out
}

fn family(out: &mut String, name: &str, kind: &str, unit: Option<&str>, help: &str) {
    let _ = writeln!(out, "# TYPE {name} {kind}");
    if let Some(unit) = unit {
        let _ = writeln!(out, "# UNIT {name} {unit}");
    }
    let _ = writeln!(out, "# HELP {name} {help}");
}

fn target(out: &mut String, about: &Exposition<'_>) {
    family(out, "target", "info", None, "The service.");
    out.push_str("target_info{");
    label(out, "service_name", about.service);
    label(out, "service_version", about.version);
    close(out);
    out.push_str(" 1\n");
}

fn durations(out: &mut String, metrics: &Metrics) {
    const NAME: &str = "http_server_request_duration_seconds";
    family(
        out,
        NAME,
        "histogram",
        Some("seconds"),
        "From the request's head to the end of the answer's body.",
    );
    let mut labels = String::new();
    for series in metrics.series.entries() {
        labels.clear();
        write_labels(&mut labels, &series.labels());
        histogram(out, NAME, &labels, &series.durations);
    }
    if metrics.overflow.snapshot().count > 0 {
        histogram(out, NAME, "otel_metric_overflow=\"true\",", &metrics.overflow);
    }
}

fn write_labels(out: &mut String, labels: &Labels<'_>) {
    label(out, "http_request_method", labels.method.as_str());
    label(out, "url_scheme", if labels.https { "https" } else { "http" });
    if let Some(route) = labels.route {
        label(out, "http_route", route);
    }
    write_end(out, labels.status, labels.error);
}

fn write_end(out: &mut String, status: u16, error: ErrorLabel) {
    if status != 0 {
        let _ = write!(out, "http_response_status_code=\"{status}\",");
    }
    match error {
        ErrorLabel::None => {}
        ErrorLabel::Status => {
            let _ = write!(out, "error_type=\"{status}\",");
        }
        ErrorLabel::Word(word) => label(out, "error_type", word),
    }
}

fn calls(out: &mut String, metrics: &Metrics) {
    const NAME: &str = "http_client_request_duration_seconds";
    let overflow = metrics.calls_overflow.snapshot().count > 0;
    if metrics.calls.entries().next().is_none() && !overflow {
        return;
    }
    family(out, NAME, "histogram", Some("seconds"), "Calls to other services, to the head of the answer.");
    let mut labels = String::new();
    for series in metrics.calls.entries() {
        labels.clear();
        write_call_labels(&mut labels, &series.labels());
        histogram(out, NAME, &labels, &series.durations);
    }
    if overflow {
        histogram(out, NAME, "otel_metric_overflow=\"true\",", &metrics.calls_overflow);
    }
}

fn write_call_labels(out: &mut String, labels: &CallLabels<'_>) {
    label(out, "gambeson_dependency", labels.dependency);
    label(out, "http_request_method", labels.method.as_str());
    label(out, "url_scheme", if labels.https { "https" } else { "http" });
    if !labels.host.is_empty() {
        label(out, "server_address", labels.host);
        let _ = write!(out, "server_port=\"{}\",", labels.port);
    }
    write_end(out, labels.status, labels.error);
}

fn histogram(out: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    let snapshot = histogram.snapshot();
    for ((_, bound), count) in BOUNDS.iter().zip(snapshot.cumulative) {
        let _ = writeln!(out, "{name}_bucket{{{labels}le=\"{bound}\"}} {count}");
    }
    let _ = writeln!(out, "{name}_bucket{{{labels}le=\"+Inf\"}} {}", snapshot.count);
    let bare = labels.trim_end_matches(',');
    let _ = writeln!(out, "{name}_count{{{bare}}} {}", snapshot.count);
    let (seconds, nanos) = (snapshot.sum_nanos / 1_000_000_000, snapshot.sum_nanos % 1_000_000_000);
    let _ = writeln!(out, "{name}_sum{{{bare}}} {seconds}.{nanos:09}");
}

fn active(out: &mut String, metrics: &Metrics) {
    const NAME: &str = "http_server_active_requests";
    family(out, NAME, "gauge", None, "Requests whose answer has not ended.");
    for (method, pair) in METHODS.iter().zip(&metrics.active) {
        for (scheme, gauge) in ["http", "https"].iter().zip(pair) {
            let now = gauge.load(Ordering::Relaxed);
            if now != 0 || (*method == "GET" && *scheme == "http") {
                let _ =
                    writeln!(out, "{NAME}{{http_request_method=\"{method}\",url_scheme=\"{scheme}\"}} {now}");
            }
        }
    }
}

fn refusals(out: &mut String, metrics: &Metrics) {
    const NAME: &str = "gambeson_rejections";
    family(out, NAME, "counter", None, "Requests that a layer refused.");
    for refusals in metrics.refusals.entries() {
        let _ = write!(out, "{NAME}_total{{");
        label(out, "class", refusals.class);
        label(out, "package", refusals.package);
        label(out, "slug", refusals.slug);
        close(out);
        let _ = writeln!(out, " {}", refusals.count.load(Ordering::Relaxed));
    }
    let overflow = metrics.refusals_overflow.load(Ordering::Relaxed);
    if overflow > 0 {
        let _ = writeln!(out, "{NAME}_total{{otel_metric_overflow=\"true\"}} {overflow}");
    }
}

fn costs(out: &mut String, metrics: &Metrics) {
    const NAME: &str = "gambeson_cost";
    let costs = &metrics.costs;
    if costs.table.entries().next().is_none() && costs.overflow.entries().next().is_none() {
        return;
    }
    family(out, NAME, "counter", None, "Money spent, in units of its currency.");
    for spent in costs.table.entries() {
        let _ = write!(out, "{NAME}_total{{");
        spent.labels().for_each(|(name, value)| label(out, &name.replace('.', "_"), value));
        close(out);
        money(out, spent.nanos.load(Ordering::Relaxed));
    }
    for (currency, nanos) in costs.overflow.entries() {
        let _ = write!(out, "{NAME}_total{{gambeson_currency=\"{}\",", currency.as_str());
        out.push_str("otel_metric_overflow=\"true\"}");
        money(out, nanos.load(Ordering::Relaxed));
    }
}

fn money(out: &mut String, nanos: u64) {
    let _ = writeln!(out, " {}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
}

fn of_exports(out: &mut String, exports: &Exports) {
    const EXPORTED: &str = "gambeson_telemetry_exported_spans";
    family(out, EXPORTED, "counter", None, "Spans that the collector took.");
    let _ = writeln!(out, "{EXPORTED}_total {}", exports.spans.exported);
    const LOST: &str = "gambeson_telemetry_lost_spans";
    family(out, LOST, "counter", None, "Spans that did not arrive.");
    for (reason, lost) in exports.spans.lost.by_reason() {
        let _ = writeln!(out, "{LOST}_total{{reason=\"{reason}\"}} {lost}");
    }
    const WAITING: &str = "gambeson_telemetry_waiting_spans";
    family(out, WAITING, "gauge", None, "Spans that wait for the exporter.");
    let _ = writeln!(out, "{WAITING} {}", exports.waiting);
    const METRICS: &str = "gambeson_telemetry_metric_exports";
    family(out, METRICS, "counter", None, "Exports of the metrics.");
    for (outcome, count) in [("exported", exports.metrics), ("failed", exports.metrics_failed)] {
        let _ = writeln!(out, "{METRICS}_total{{outcome=\"{outcome}\"}} {count}");
    }
}

fn health(out: &mut String, about: &Exposition<'_>) {
    const NAME: &str = "gambeson_health";
    family(out, NAME, "gauge", None, "1 healthy, 0.5 degraded, 0 unhealthy.");
    // A series that is there twice would make the whole answer unreadable: of two parts of one name the worse counts.
    let mut parts = BTreeMap::new();
    for (part, health) in &about.health {
        let value = match health {
            Health::Healthy => "1",
            Health::Degraded(_) => "0.5",
            _ => "0",
        };
        let worst = parts.entry(*part).or_insert(value);
        *worst = value.min(*worst);
    }
    for (part, value) in parts {
        let _ = write!(out, "{NAME}{{");
        label(out, "part", part);
        close(out);
        let _ = writeln!(out, " {value}");
    }
}

fn label(out: &mut String, name: &str, value: &str) {
    let _ = write!(out, "{name}=\"");
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push_str("\",");
}

/// Ends a label set that [`label`] wrote.
fn close(out: &mut String) {
    if out.ends_with(',') {
        out.pop();
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_cannot_break_out() {
        let metrics = Metrics::new(1);
        let about = Exposition { service: "a\"b\\c\nd", version: "1", health: Vec::new(), exports: None };
        let text = text(&metrics, &about);
        assert!(text.contains(r#"target_info{service_name="a\"b\\c\nd",service_version="1"} 1"#), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
