//! When a request is over, and as what it counts.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Rejection, RejectionClass, RequestFacts};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{ACTIVE, call, count, get, slow, telemetry, value};

#[tokio::test]
async fn a_request_is_measured_to_the_end_of_its_body() {
    let (telemetry, clock) = telemetry();
    let app = telemetry.layer().layer(slow(clock.clone()));
    let response = call(&app, get("/notes")).await;
    assert_eq!(value(&telemetry, ACTIVE).as_deref(), Some("1"));
    clock.advance(Duration::from_millis(40));
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    assert_eq!(value(&telemetry, ACTIVE).as_deref(), Some("0"));
    let labels = "http_request_method=\"GET\",url_scheme=\"http\",http_route=\"/notes\",http_response_status_code=\"200\"";
    let line =
        |name: &str, more: &str| format!("http_server_request_duration_seconds_{name}{{{labels}{more}}}");
    assert_eq!(value(&telemetry, &line("bucket", ",le=\"0.05\"")).as_deref(), Some("0"));
    assert_eq!(value(&telemetry, &line("bucket", ",le=\"0.075\"")).as_deref(), Some("1"));
    assert_eq!(value(&telemetry, &line("sum", "")).as_deref(), Some("0.070000000"));
}

#[tokio::test]
async fn a_dropped_future_and_a_dropped_body_count_as_cancelled() {
    let (telemetry, clock) = telemetry();
    let mut hanging = telemetry
        .layer()
        .layer(service_fn(|_: Request<()>| pending::<Result<Response<Full<Bytes>>, Infallible>>()));
    drop(hanging.ready().await.unwrap().call(get("/notes")));
    let cancelled = count("http_route=\"/notes\",error_type=\"cancelled\"");
    assert_eq!(value(&telemetry, &cancelled).as_deref(), Some("1"));

    drop(call(&telemetry.layer().layer(slow(clock)), get("/notes")).await);
    let cancelled = count("http_route=\"/notes\",http_response_status_code=\"200\",error_type=\"cancelled\"");
    assert_eq!(value(&telemetry, &cancelled).as_deref(), Some("1"));
    assert_eq!(value(&telemetry, ACTIVE).as_deref(), Some("0"));
}

#[tokio::test]
async fn a_future_dropped_by_a_panic_is_counted() {
    let (telemetry, _) = telemetry();
    let app = telemetry.layer().layer(service_fn(|_: Request<()>| async {
        if std::hint::black_box(true) {
            panic!("on purpose");
        }
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    }));
    let task = tokio::task::LocalSet::new();
    assert!(
        task.run_until(async { tokio::task::spawn_local(app.oneshot(get("/notes"))).await }).await.is_err()
    );
    assert_eq!(value(&telemetry, ACTIVE).as_deref(), Some("0"));
}

#[tokio::test]
async fn a_body_the_protocol_does_not_send_has_ended() {
    let (telemetry, clock) = telemetry();
    let head = Request::builder().method(Method::HEAD).uri("/notes").body(()).unwrap();
    drop(call(&telemetry.layer().layer(slow(clock)), head).await);
    assert!(!telemetry.metrics_text().contains("cancelled"));
}

#[tokio::test]
async fn a_body_dropped_after_the_announced_bytes_has_ended() {
    let (telemetry, _) = telemetry();
    let app = telemetry.layer().layer(service_fn(|_: Request<()>| {
        let mut response = Response::new(Endless);
        response.headers_mut().insert("content-length", "5".parse().unwrap());
        ready(Ok::<_, Infallible>(response))
    }));
    let mut body = call(&app, get("/notes")).await.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    let whole = count("http_route=\"/notes\",http_response_status_code=\"200\"");
    assert_eq!(value(&telemetry, &whole).as_deref(), Some("1"));
}

#[tokio::test]
async fn failures_of_body_and_service_and_server_errors_are_told_apart() {
    let (telemetry, _) = telemetry();
    let app = telemetry
        .layer()
        .layer(service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Broken)))));
    assert!(call(&app, get("/a")).await.into_body().collect().await.is_err());
    let app = telemetry
        .layer()
        .layer(service_fn(|_: Request<()>| ready(Err::<Response<Full<Bytes>>, _>("broken"))));
    assert_eq!(app.oneshot(get("/b")).await.err(), Some("broken"));
    let app = telemetry.layer().layer(service_fn(|_: Request<()>| {
        let response = Response::builder().status(StatusCode::BAD_GATEWAY).body(Full::new(Bytes::new()));
        ready(Ok::<_, Infallible>(response.unwrap()))
    }));
    call(&app, get("/c")).await;
    for labels in [
        "http_route=\"/a\",http_response_status_code=\"200\",error_type=\"body\"",
        "http_route=\"/b\",error_type=\"service\"",
        "http_route=\"/c\",http_response_status_code=\"502\",error_type=\"502\"",
    ] {
        assert_eq!(value(&telemetry, &count(labels)).as_deref(), Some("1"), "{labels}");
    }
}

#[tokio::test]
async fn refusals_count_by_class_and_slug() {
    let (telemetry, _) = telemetry();
    let app = telemetry.layer().layer(service_fn(|request: Request<()>| {
        let refusal =
            Rejection::new("my-crate", RejectionClass::Limit, "too-many", StatusCode::TOO_MANY_REQUESTS);
        RequestFacts::of(request.extensions()).unwrap().set_rejection(refusal);
        let response = Response::builder().status(429).body(Full::new(Bytes::new()));
        ready(Ok::<_, Infallible>(response.unwrap()))
    }));
    call(&app, get("/notes")).await;
    let refusals = "gambeson_rejections_total{class=\"limit\",package=\"my-crate\",slug=\"too-many\"}";
    assert_eq!(value(&telemetry, refusals).as_deref(), Some("1"));
    let labels = "http_route=\"/notes\",http_response_status_code=\"429\"";
    assert_eq!(value(&telemetry, &count(labels)).as_deref(), Some("1"));
}

#[tokio::test]
async fn odd_methods_and_many_routes_stay_bounded() {
    let (telemetry, clock) = telemetry();
    let app = telemetry.layer().layer(slow(clock));
    for number in 0..50 {
        let method = Method::from_bytes(format!("ODD{number}").as_bytes()).unwrap();
        let odd = Request::builder().method(method).uri("/unknown").body(()).unwrap();
        call(&app, odd).await.into_body().collect().await.unwrap();
        call(&app, get(&format!("/{number}"))).await.into_body().collect().await.unwrap();
    }
    let text = telemetry.metrics_text();
    let series = text.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count{"));
    assert_eq!(series.count(), 4, "three series and the overflow: {text}");
    let odd = "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\",url_scheme=\"http\",http_response_status_code=\"200\"}";
    assert_eq!(value(&telemetry, odd).as_deref(), Some("50"));
    let overflow = "http_server_request_duration_seconds_count{otel_metric_overflow=\"true\"}";
    assert_eq!(value(&telemetry, overflow).as_deref(), Some("48"));
}

/// A body that goes on saying hello.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"hello")))))
    }
}

/// A body that fails.
struct Broken;

impl Body for Broken {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(Some(Err("broken")))
    }
}
