//! Spans of the app, by way of `tracing`.

use std::convert::Infallible;

use bytes::Bytes;
use gambeson_otel_setup::{AppSpans, Sampling};
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, service_fn};
use tracing::Instrument;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::lines::SOMEBODY;
use crate::sink::{exporting, flushed};
use crate::{call, get};

/// A handler with a span that waits, one within it, and one that has nothing to do with the request.
async fn handle(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    async {
        tokio::task::yield_now().await;
        let inner = tracing::info_span!("query", rows = 3, password = "hidden", more = tracing::field::Empty);
        inner.record("more", true);
        inner.in_scope(|| tracing::error!("it broke"));
    }
    .instrument(tracing::info_span!("load"))
    .await;
    drop(tracing::info_span!(parent: None, "unrelated"));
    Ok(Response::new(Full::new(Bytes::new())))
}

#[tokio::test]
async fn spans_of_the_app_hang_under_the_request() {
    assert!(*SOMEBODY);
    let (builder, sink, _) = exporting();
    let telemetry = builder.build().unwrap();
    let _guard = tracing::subscriber::set_default(Registry::default().with(AppSpans::new()));
    let app = telemetry.layer().layer(service_fn(handle));
    tracing::info_span!("outside").in_scope(|| ());
    call(&app, get("/notes")).await;
    let spans = flushed(&telemetry, &sink).await;
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["query", "load", "GET /notes"]);
    let (query, load, server) = (&spans[0], &spans[1], &spans[2]);
    assert_eq!((&query.parent, &load.parent), (&load.span_id, &server.span_id));
    assert!(spans.iter().all(|span| span.trace_id == server.trace_id));
    assert_eq!((query.status, load.status, query.kind), (2, 0, 1));
    assert_eq!((query.get("rows"), query.get("more")), (Some("3"), Some("true")));
    assert_eq!(query.get("password"), Some("REDACTED"));
}

#[tokio::test]
async fn a_trace_that_is_not_recorded_has_no_spans() {
    assert!(*SOMEBODY);
    let (builder, sink, _) = exporting();
    let telemetry = builder.sampling(Sampling::never()).build().unwrap();
    let _guard = tracing::subscriber::set_default(Registry::default().with(AppSpans::new()));
    call(&telemetry.layer().layer(service_fn(handle)), get("/notes")).await;
    assert!(flushed(&telemetry, &sink).await.is_empty());
}
