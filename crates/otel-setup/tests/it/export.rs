//! The way to the collector, and what is lost on it.

use std::cell::Cell;
use std::time::Duration;

use gambeson_core::TransportErrorKind;
use gambeson_otel_setup::{Config, ShutdownReport, Telemetry};
use http_body_util::BodyExt;
use tower::Layer;

use crate::sink::{Answer, Sink, exporting, flushed, passing_time};
use crate::{call, get, slow, value};

async fn requests(telemetry: &Telemetry, clock: &gambeson_core::ManualClock, count: usize) {
    let app = telemetry.layer().layer(slow(clock.clone()));
    for _ in 0..count {
        call(&app, get("/notes")).await.into_body().collect().await.unwrap();
    }
}

/// Ends the telemetry while its time passes.
async fn ended(telemetry: &Telemetry, clock: &gambeson_core::ManualClock) -> ShutdownReport {
    let done = Cell::new(false);
    let ending = async {
        let report = telemetry.shutdown(Duration::from_secs(5)).await;
        done.set(true);
        report
    };
    let (report, ()) = tokio::join!(ending, passing_time(clock, || done.get()));
    assert_eq!(report.spans.ended, report.spans.exported + report.spans.lost.total(), "{report:?}");
    report
}

const SECRET: &str = "Bearer s3cret";

#[tokio::test]
async fn requests_go_where_the_settings_say_with_their_headers() {
    let (builder, sink, clock) = exporting();
    let builder = builder.header(http::header::AUTHORIZATION, SECRET.parse().unwrap());
    assert!(!format!("{builder:?}").contains("s3cret"));
    let telemetry = builder.build().unwrap();
    requests(&telemetry, &clock, 1).await;
    assert_eq!(flushed(&telemetry, &sink).await.len(), 1);
    let arrived = sink.arrived();
    let uris: Vec<_> = arrived.iter().map(|request| request.uri.as_str()).collect();
    assert_eq!(uris, ["http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/metrics"]);
    for request in arrived {
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
        assert_eq!(request.headers["authorization"], SECRET);
        assert!(request.headers["authorization"].is_sensitive());
    }
}

#[tokio::test]
async fn metrics_leave_with_their_labels() {
    let (builder, sink, clock) = exporting();
    let telemetry = builder.build().unwrap();
    requests(&telemetry, &clock, 3).await;
    flushed(&telemetry, &sink).await;
    let metrics = sink.last_metrics();
    let (labels, count) = &metrics["http.server.request.duration"][0];
    assert_eq!(
        (labels["http.route"].as_str(), labels["http.response.status_code"].as_str(), *count),
        ("/notes", "200", 3.0)
    );
    assert_eq!(metrics["http.server.active_requests"][0].1, 0.0);
    assert_eq!(metrics["gambeson.telemetry.exported_spans"][0].1, 3.0);
    let before = sink.arrived().len();
    passing_time(&clock, || sink.arrived().len() > before).await;
    assert!(sink.arrived().last().unwrap().uri.ends_with("/v1/metrics"), "after a minute by themselves");
}

#[tokio::test]
async fn spans_leave_by_themselves_after_the_delay() {
    let (builder, sink, clock) = exporting();
    let telemetry = builder.build().unwrap();
    requests(&telemetry, &clock, 1).await;
    passing_time(&clock, || !sink.spans().is_empty()).await;
}

#[tokio::test]
async fn what_can_be_retried_is_until_it_arrives() {
    for fault in [
        Answer::Status(503, None),
        Answer::Status(429, Some("3")),
        Answer::Error(TransportErrorKind::Connect),
        Answer::Error(TransportErrorKind::Timeout),
    ] {
        let (builder, sink, clock) = exporting();
        let telemetry = builder.build().unwrap();
        sink.next([fault.clone(), fault]);
        requests(&telemetry, &clock, 1).await;
        passing_time(&clock, || telemetry.span_report().exported == 1).await;
        assert_eq!(sink.spans().len(), 3, "sent three times");
        assert!(ended(&telemetry, &clock).await.is_complete());
    }
}

#[tokio::test]
async fn a_collector_that_asks_for_a_pause_gets_it() {
    let (builder, sink, clock) = exporting();
    let telemetry = builder.build().unwrap();
    sink.next([Answer::Status(503, Some("120"))]);
    requests(&telemetry, &clock, 1).await;
    let before = gambeson_core::Clock::monotonic(&clock);
    passing_time(&clock, || telemetry.span_report().lost.export_failed == 1).await;
    requests(&telemetry, &clock, 1).await;
    passing_time(&clock, || telemetry.span_report().exported == 1).await;
    let waited = gambeson_core::Clock::monotonic(&clock).since(before);
    assert!(waited >= Duration::from_secs(120), "{waited:?}");
}

#[tokio::test]
async fn what_can_not_is_lost_and_counted() {
    for (fault, lost) in [
        (Answer::Status(400, None), "export_failed"),
        (Answer::Status(500, Some("1")), "export_failed"),
        (Answer::Body(b"<!doctype html>"), "export_failed"),
        (Answer::Error(TransportErrorKind::TooLarge), "export_failed"),
        (Answer::Body(b"\x0a\x02\x08\x01"), "rejected"),
    ] {
        let (builder, sink, clock) = exporting();
        let telemetry = builder.build().unwrap();
        sink.next([fault.clone()]);
        requests(&telemetry, &clock, 1).await;
        flushed(&telemetry, &sink).await;
        let line = format!("gambeson_telemetry_lost_spans_total{{reason=\"{lost}\"}}");
        assert_eq!(value(&telemetry, &line).as_deref(), Some("1"), "{fault:?}");
        assert_eq!(telemetry.span_report().lost.total(), 1);
    }
}

#[tokio::test]
async fn an_absent_collector_costs_telemetry_and_nothing_else() {
    let (builder, sink, clock) = exporting();
    let mut config = Config::default();
    (config.queue, config.batch, config.service) = (100, 10, "test".into());
    config.endpoint = Some("http://127.0.0.1:4318".into());
    let telemetry = builder.config(config).build().unwrap();
    sink.always(Answer::Error(TransportErrorKind::Connect));
    requests(&telemetry, &clock, 1_000).await;
    let report = telemetry.span_report();
    assert!(report.lost.queue_full >= 800, "{report:?}");
    let report = ended(&telemetry, &clock).await;
    assert_eq!((report.spans.ended, report.spans.exported), (1_000, 0));
    assert_eq!(report.metrics_exported, Some(false));
    assert!(report.spans.lost.export_failed > 0, "{report:?}");
}

#[tokio::test]
async fn a_hanging_collector_does_not_hold_up_the_end() {
    let (builder, sink, clock) = exporting();
    let telemetry = builder.build().unwrap();
    sink.always(Answer::Hang);
    requests(&telemetry, &clock, 700).await;
    let report = ended(&telemetry, &clock).await;
    assert_eq!((report.spans.exported, report.spans.lost.shutdown), (0, 700));
    assert!(report.took >= Duration::from_secs(5) && report.took < Duration::from_secs(8), "{report:?}");
    requests(&telemetry, &clock, 1).await;
    assert_eq!(telemetry.span_report().lost.shutdown, 701, "after the end");
    assert_eq!(ended(&telemetry, &clock).await.spans, telemetry.span_report());
}

#[tokio::test]
async fn a_burst_to_a_healthy_collector_arrives() {
    let (builder, sink, clock) = exporting();
    let telemetry = builder.build().unwrap();
    requests(&telemetry, &clock, 10_000).await;
    let report = ended(&telemetry, &clock).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.spans.exported, sink.spans().len()), (10_000, 10_000));
    assert_eq!(report.metrics_exported, Some(true));
}

#[tokio::test]
async fn a_dropped_handle_sends_what_it_has_and_ends_its_thread() {
    let (builder, sink, clock) = exporting();
    let telemetry = builder.build().unwrap();
    requests(&telemetry, &clock, 2).await;
    drop(telemetry);
    passing_time(&clock, || sink.spans().len() == 2).await;
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_exported() {
    let sink = Sink::default();
    let telemetry =
        Telemetry::builder("test", "1").transport(std::sync::Arc::new(sink.clone())).build().unwrap();
    assert!(!telemetry.exports() && telemetry.flush_within(Duration::ZERO).await);
    assert!(telemetry.shutdown(Duration::ZERO).await.is_complete());
    assert!(sink.arrived().is_empty());
}
