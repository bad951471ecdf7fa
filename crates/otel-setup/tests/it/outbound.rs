//! Calls to other services.

use std::convert::Infallible;
use std::future::{pending, ready};

use gambeson_core::{BoxError, Refused, Rejection, RejectionClass, TransportError, TransportErrorKind};
use gambeson_otel_setup::{ClientLayer, ResendCount, Telemetry};
use gambeson_testing::contract::{self, Cases};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

use crate::sink::{exporting, flushed};
use crate::{call, get, telemetry};

#[tokio::test]
async fn the_layer_keeps_the_laws() {
    let layer = || telemetry().0.client_layer("payments");
    contract::check_outbound(layer, Cases::passing(|| get("/pay"))).await;
    contract::check_outbound(ClientLayer::off, Cases::passing(|| get("/pay"))).await;
}

/// The header fields that a host gets, from a call with forged ones.
async fn headers_at(telemetry: &Telemetry, host: &str) -> HeaderMap {
    let layer = telemetry.client_layer("payments").propagate_to(["pay.example"]);
    let client = layer.layer(service_fn(|call: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(call.headers().clone())))
    }));
    let call = Request::get(format!("http://{host}/pay"));
    let call = call.header("traceparent", "forged").header("tracestate", "forged=1").body(()).unwrap();
    client.oneshot(call).await.unwrap().into_body()
}

#[tokio::test]
async fn only_named_hosts_get_the_trace() {
    let (builder, _, _) = exporting();
    let telemetry = builder.build().unwrap();
    assert!(headers_at(&telemetry, "elsewhere.example").await.is_empty());
    let headers = headers_at(&telemetry, "PAY.example:8080").await;
    let parent = headers["traceparent"].to_str().unwrap();
    assert!(parent.starts_with("00-") && parent.ends_with("-03") && parent.len() == 55, "{parent}");
    assert!(!headers.contains_key("tracestate"));
}

#[tokio::test]
async fn a_call_hangs_under_its_request_also_for_the_called() {
    let (builder, sink, _) = exporting();
    let telemetry = builder.build().unwrap();
    let layer = telemetry.client_layer("payments").propagate_to(["pay.example"]);
    let client = layer.layer(service_fn(|call: Request<()>| {
        let parent = call.headers()["traceparent"].clone();
        ready(Ok::<_, Infallible>(Response::builder().status(404).header("x-seen", parent).body(()).unwrap()))
    }));
    let app = telemetry.layer().layer(service_fn(move |_: Request<()>| {
        let client = client.clone();
        async move {
            let mut call = Request::get("https://pay.example/v1/charge?card=1").body(()).unwrap();
            call.extensions_mut().insert(ResendCount(2));
            let answer = client.oneshot(call).await.unwrap();
            let seen = answer.headers()["x-seen"].clone();
            Ok::<_, Infallible>(
                Response::builder().header("x-seen", seen).body(Full::<bytes::Bytes>::default()).unwrap(),
            )
        }
    }));
    let seen = call(&app, get("/notes")).await.headers()["x-seen"].to_str().unwrap().to_owned();
    let spans = flushed(&telemetry, &sink).await;
    let (out, server) = (&spans[0], &spans[1]);
    assert_eq!((out.kind, out.name.as_str(), out.status), (3, "GET", 2));
    assert_eq!((&out.trace_id, &out.parent), (&server.trace_id, &server.span_id));
    assert_eq!(seen, format!("00-{}-{}-03", out.trace_id, out.span_id));
    for (attribute, value) in [
        ("gambeson.dependency", "payments"),
        ("server.address", "pay.example"),
        ("server.port", "443"),
        ("url.scheme", "https"),
        ("http.response.status_code", "404"),
        ("error.type", "404"),
        ("http.request.resend_count", "2"),
    ] {
        assert_eq!(out.get(attribute), Some(value), "{attribute}");
    }
    assert!(!format!("{out:?}").contains("card"));
}

/// The `error.type` of a call that ends so, in the metric and on the span.
async fn error_of<F>(outcome: impl Fn() -> F + Clone) -> (String, Option<String>, u64)
where
    F: Future<Output = Result<Response<()>, BoxError>>,
{
    let (builder, sink, _) = exporting();
    let telemetry = builder.build().unwrap();
    let client = telemetry.client_layer("payments").layer(service_fn(move |_: Request<()>| outcome()));
    {
        let mut future = Box::pin(client.oneshot(get("http://pay.example/")));
        let _ = std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context))).await;
    }
    let text = telemetry.metrics_text();
    let line = text.lines().find(|l| l.starts_with("http_client_request_duration_seconds_count")).unwrap();
    let label = line.split("error_type=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let span = flushed(&telemetry, &sink).await.remove(0);
    let refused = span.get("gambeson.rejection").or(span.get("error.type")).map(str::to_owned);
    (label, refused, span.status)
}

#[tokio::test]
async fn refusals_errors_and_cancels_are_told_apart() {
    let refused = || {
        let status = http::StatusCode::SERVICE_UNAVAILABLE;
        let refusal = Rejection::new("my-crate", RejectionClass::Dependency, "circuit-open", status);
        ready(Err(Refused(refusal).into()))
    };
    assert_eq!(error_of(refused).await, ("dependency".into(), Some("circuit-open".into()), 2));
    let timeout = || ready(Err(TransportError::new(TransportErrorKind::Timeout).into()));
    assert_eq!(error_of(timeout).await, ("timeout".into(), Some("timeout".into()), 2));
    let other = || ready(Err("odd".into()));
    assert_eq!(error_of(other).await, ("_OTHER".into(), Some("_OTHER".into()), 2));
    assert_eq!(error_of(pending).await, ("cancelled".into(), None, 0));
}
