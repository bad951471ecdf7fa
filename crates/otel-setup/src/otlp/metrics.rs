//! Metrics as `ExportMetricsServiceRequest`, cumulative since the start.

use std::sync::atomic::Ordering;

use gambeson_core::Timestamp;

use super::wire::Message;
use super::{Resource, SCHEMA_URL, nanos};
use crate::export::SpanReport;
use crate::metrics::{BOUNDS, CallLabels, ErrorLabel, Histogram, Labels, METHODS, Metrics};

/// Attributes of a `HistogramDataPoint`.
const OF_HISTOGRAM: u64 = 9;
/// Attributes of a `NumberDataPoint`.
const OF_NUMBER: u64 = 7;
const CUMULATIVE: u64 = 2;
const OVERFLOW: &str = "otel.metric.overflow";

/// When the counting began, and now.
#[derive(Clone, Copy)]
struct Span {
    began: u64,
    now: u64,
}

/// The state of all metrics.
pub(crate) fn metrics_request(
    resource: &Resource,
    metrics: &Metrics,
    spans: &SpanReport,
    began: Timestamp,
    now: Timestamp,
) -> Vec<u8> {
    let time = Span { began: nanos(began), now: nanos(now) };
    let mut request = Message::default();
    request.message(1, |resource_metrics| {
        resource.write(resource_metrics, 1);
        resource_metrics.message(2, |scope| {
            scope.scope(1);
            server(scope, metrics, time);
            active(scope, metrics, time);
            client(scope, metrics, time);
            refusals(scope, metrics, time);
            costs(scope, metrics, time);
            of_spans(scope, spans, time);
            scope.string(3, SCHEMA_URL);
        });
    });
    request.into_bytes()
}

/// One metric with its data, of the field number that says its kind; left out when it has no data.
fn metric(scope: &mut Message, name: &str, unit: &str, kind: u64, data: impl FnOnce(&mut Message)) {
    let mut points = Message::default();
    data(&mut points);
    let points = points.into_bytes();
    if points.is_empty() {
        return;
    }
    scope.message(2, |metric| {
        metric.string(1, name);
        metric.string(3, unit);
        metric.message(kind, |out| {
            out.append(&points);
            out.varint(2, CUMULATIVE);
            if kind == SUM && name != ACTIVE {
                const MONOTONIC: u64 = 3;
                out.varint(MONOTONIC, 1);
            }
        });
    });
}

const SUM: u64 = 7;
const HISTOGRAM: u64 = 9;
const ACTIVE: &str = "http.server.active_requests";

fn server(scope: &mut Message, metrics: &Metrics, time: Span) {
    metric(scope, "http.server.request.duration", "s", HISTOGRAM, |points| {
        for series in metrics.series.entries() {
            histogram(points, &series.durations, time, |out| server_labels(out, &series.labels()));
        }
        overflow(points, &metrics.overflow, time);
    });
}

fn client(scope: &mut Message, metrics: &Metrics, time: Span) {
    metric(scope, "http.client.request.duration", "s", HISTOGRAM, |points| {
        for series in metrics.calls.entries() {
            histogram(points, &series.durations, time, |out| client_labels(out, &series.labels()));
        }
        overflow(points, &metrics.calls_overflow, time);
    });
}

fn server_labels(out: &mut Message, labels: &Labels<'_>) {
    out.text(OF_HISTOGRAM, "http.request.method", labels.method.as_str());
    out.text(OF_HISTOGRAM, "url.scheme", scheme(labels.https));
    if let Some(route) = labels.route {
        out.text(OF_HISTOGRAM, "http.route", route);
    }
    ended(out, labels.status, labels.error);
}

fn client_labels(out: &mut Message, labels: &CallLabels<'_>) {
    out.text(OF_HISTOGRAM, "gambeson.dependency", labels.dependency);
    out.text(OF_HISTOGRAM, "http.request.method", labels.method.as_str());
    out.text(OF_HISTOGRAM, "url.scheme", scheme(labels.https));
    if !labels.host.is_empty() {
        out.text(OF_HISTOGRAM, "server.address", labels.host);
        out.int(OF_HISTOGRAM, "server.port", i64::from(labels.port));
    }
    ended(out, labels.status, labels.error);
}

fn scheme(https: bool) -> &'static str {
    if https { "https" } else { "http" }
}

fn ended(out: &mut Message, status: u16, error: ErrorLabel) {
    if status != 0 {
        out.int(OF_HISTOGRAM, "http.response.status_code", i64::from(status));
    }
    match error {
        ErrorLabel::None => {}
        ErrorLabel::Status => out.text(OF_HISTOGRAM, "error.type", &status.to_string()),
        ErrorLabel::Word(word) => out.text(OF_HISTOGRAM, "error.type", word),
    }
}

fn overflow(points: &mut Message, durations: &Histogram, time: Span) {
    if durations.snapshot().count > 0 {
        histogram(points, durations, time, |out| out.boolean(OF_HISTOGRAM, OVERFLOW, true));
    }
}

fn histogram(points: &mut Message, durations: &Histogram, time: Span, labels: impl FnOnce(&mut Message)) {
    let snapshot = durations.snapshot();
    let mut before = 0;
    let mut own = |cumulative: u64| cumulative - std::mem::replace(&mut before, cumulative);
    let mut counts: Vec<u64> = snapshot.cumulative.into_iter().map(&mut own).collect();
    counts.push(own(snapshot.count));
    points.message(1, |point| {
        labels(point);
        point.fixed64(2, time.began);
        point.fixed64(3, time.now);
        point.fixed64(4, snapshot.count);
        point.double(5, snapshot.sum_nanos as f64 / 1e9);
        point.packed64(6, counts.into_iter());
        point.packed64(7, BOUNDS.iter().map(|(nanos, _)| (*nanos as f64 / 1e9).to_bits()));
    });
}

fn active(scope: &mut Message, metrics: &Metrics, time: Span) {
    metric(scope, ACTIVE, "{request}", SUM, |points| {
        for (method, pair) in METHODS.iter().zip(&metrics.active) {
            for (https, gauge) in [false, true].into_iter().zip(pair) {
                let now = gauge.load(Ordering::Relaxed);
                if now != 0 || (*method == "GET" && !https) {
                    number(points, now, time, |out| {
                        out.text(OF_NUMBER, "http.request.method", method);
                        out.text(OF_NUMBER, "url.scheme", scheme(https));
                    });
                }
            }
        }
    });
}

fn refusals(scope: &mut Message, metrics: &Metrics, time: Span) {
    metric(scope, "gambeson.rejections", "{rejection}", SUM, |points| {
        for refusals in metrics.refusals.entries() {
            count(points, refusals.count.load(Ordering::Relaxed), time, |out| {
                out.text(OF_NUMBER, "class", refusals.class);
                out.text(OF_NUMBER, "package", refusals.package);
                out.text(OF_NUMBER, "slug", refusals.slug);
            });
        }
        let overflow = metrics.refusals_overflow.load(Ordering::Relaxed);
        if overflow > 0 {
            count(points, overflow, time, |out| out.boolean(OF_NUMBER, OVERFLOW, true));
        }
    });
}

fn costs(scope: &mut Message, metrics: &Metrics, time: Span) {
    metric(scope, "gambeson.cost", "{currency}", SUM, |points| {
        for spent in metrics.costs.table.entries() {
            money(points, spent.nanos.load(Ordering::Relaxed), time, |out| {
                spent.labels().for_each(|(name, value)| out.text(OF_NUMBER, name, value));
            });
        }
        for (currency, nanos) in metrics.costs.overflow.entries() {
            money(points, nanos.load(Ordering::Relaxed), time, |out| {
                out.text(OF_NUMBER, "gambeson.currency", currency.as_str());
                out.boolean(OF_NUMBER, OVERFLOW, true);
            });
        }
    });
}

fn of_spans(scope: &mut Message, spans: &SpanReport, time: Span) {
    metric(scope, "gambeson.telemetry.exported_spans", "{span}", SUM, |points| {
        count(points, spans.exported, time, |_| ());
    });
    metric(scope, "gambeson.telemetry.lost_spans", "{span}", SUM, |points| {
        for (reason, lost) in spans.lost.by_reason() {
            count(points, lost, time, |out| out.text(OF_NUMBER, "reason", reason));
        }
    });
}

fn count(points: &mut Message, count: u64, time: Span, labels: impl FnOnce(&mut Message)) {
    number(points, i64::try_from(count).unwrap_or(i64::MAX), time, labels);
}

fn number(points: &mut Message, value: i64, time: Span, labels: impl FnOnce(&mut Message)) {
    point(points, time, labels, |point| point.fixed64(6, value.cast_unsigned()));
}

fn money(points: &mut Message, nanos: u64, time: Span, labels: impl FnOnce(&mut Message)) {
    point(points, time, labels, |point| point.double(4, nanos as f64 / 1e9));
}

fn point(
    points: &mut Message,
    time: Span,
    labels: impl FnOnce(&mut Message),
    value: impl FnOnce(&mut Message),
) {
    points.message(1, |point| {
        point.fixed64(2, time.began);
        point.fixed64(3, time.now);
        value(point);
        labels(point);
    });
}
