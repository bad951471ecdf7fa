use gambeson_core::{Access, Answer, Health, HealthCheck};
use gambeson_otel_setup::{Endpoint, METRICS_CONTENT_TYPE, Telemetry};
use http::StatusCode;

#[derive(Debug)]
struct Trail;

impl HealthCheck for Trail {
    fn name(&self) -> &str {
        "trail"
    }

    fn check(&self) -> Answer<Health> {
        Answer::Ready(Health::Degraded("the disk is nearly full".into()))
    }
}

#[test]
fn readiness_follows_start_and_drain_and_nothing_else() {
    let telemetry = Telemetry::builder("test", "1").health(Trail).build().unwrap();
    let ready = || telemetry.endpoints().respond(Endpoint::Ready).status();
    assert_eq!(ready(), StatusCode::SERVICE_UNAVAILABLE);
    telemetry.readiness().set_ready();
    assert_eq!(ready(), StatusCode::OK);
    telemetry.readiness().drain();
    assert_eq!(ready(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(telemetry.endpoints().respond(Endpoint::Live).status(), StatusCode::OK);
}

#[derive(Debug, Clone, Default)]
struct Store(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl HealthCheck for Store {
    fn name(&self) -> &str {
        "store"
    }

    fn check(&self) -> Answer<Health> {
        Answer::Ready(match self.0.load(std::sync::atomic::Ordering::Relaxed) {
            true => Health::Healthy,
            false => Health::Unhealthy("no connection".into()),
        })
    }
}

#[test]
fn a_part_that_the_start_needs_is_waited_for_once() {
    let store = Store::default();
    let is_there = |it| store.0.store(it, std::sync::atomic::Ordering::Relaxed);
    let telemetry = Telemetry::builder("test", "1").ready_after(store.clone()).build().unwrap();
    let ready = || telemetry.endpoints().respond(Endpoint::Ready);
    is_there(true);
    assert_eq!(ready().status(), StatusCode::SERVICE_UNAVAILABLE, "nobody has said that it listens");
    telemetry.readiness().set_ready();
    is_there(false);
    let refused = ready();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.into_body(), "starting\n", "the reason is for operators");
    assert!(telemetry.metrics_text().contains("gambeson_health{part=\"store\"} 0\n"));
    is_there(true);
    assert_eq!(ready().status(), StatusCode::OK);
    is_there(false);
    assert_eq!(ready().status(), StatusCode::OK, "it was there once");
    telemetry.readiness().drain();
    assert_eq!(ready().status(), StatusCode::SERVICE_UNAVAILABLE);
}

/// Does its work though something is wrong.
#[derive(Debug)]
struct Full;

impl HealthCheck for Full {
    fn name(&self) -> &str {
        "list"
    }

    fn check(&self) -> Answer<Health> {
        Answer::Ready(Health::Degraded("it is full".into()))
    }

    fn is_ready(&self) -> bool {
        true
    }
}

#[test]
fn a_part_says_itself_what_ready_means() {
    for (builder, ready) in [
        (Telemetry::builder("test", "1").ready_after(Full), StatusCode::OK),
        (Telemetry::builder("test", "1").ready_after(Trail), StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let telemetry = builder.build().unwrap();
        telemetry.readiness().set_ready();
        assert_eq!(telemetry.endpoints().respond(Endpoint::Ready).status(), ready);
    }
}

#[test]
fn operators_see_health_without_its_reasons_in_the_metrics() {
    let telemetry = Telemetry::builder("test", "1").health(Trail).build().unwrap();
    let answer = telemetry.endpoints().respond(Endpoint::Metrics);
    assert_eq!(answer.headers()["content-type"], METRICS_CONTENT_TYPE);
    let text = String::from_utf8(answer.into_body().to_vec()).unwrap();
    assert!(text.contains("gambeson_health{part=\"trail\"} 0.5\n"), "{text}");
    assert!(!text.contains("disk"));
}

#[test]
fn only_probes_are_public() {
    for spec in Telemetry::builder("test", "1").build().unwrap().endpoints().specs() {
        assert_eq!(
            matches!(spec.access, Access::Public(_)),
            spec.template != "/metrics",
            "{}",
            spec.template
        );
    }
}

#[test]
fn all_problems_of_the_settings_are_told() {
    let refused = Telemetry::builder("", "1").most_series(0).build().unwrap_err();
    assert_eq!(refused.problems().len(), 2);
}

#[cfg(feature = "axum-router")]
#[tokio::test]
async fn the_axum_router_answers_and_knows_its_routes() {
    use axum::body::Body;
    use gambeson_otel_setup::AxumRoute;
    use http::Request;
    use tower::ServiceExt;

    let telemetry = Telemetry::builder("test", "1").routes(AxumRoute).build().unwrap();
    let endpoints = telemetry.endpoints();
    let mut router = axum::Router::new().route("/notes/{id}", axum::routing::get(|| async { "a note" }));
    for (spec, handler) in endpoints.public().into_iter().chain(endpoints.management()) {
        router = router.route(&spec.template, handler);
    }
    let app = router.layer(telemetry.layer());
    let mut text = String::new();
    for path in ["/notes/7", "/livez", "/nowhere", "/metrics"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let body = app.clone().oneshot(request).await.unwrap().into_body();
        text = String::from_utf8(axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    }
    assert!(text.contains("http_route=\"/notes/{id}\""), "{text}");
    assert!(text.contains("http_route=\"/livez\""), "{text}");
    assert!(text.contains("url_scheme=\"http\",http_response_status_code=\"404\""), "{text}");
    assert!(text.ends_with("# EOF\n"));
}
