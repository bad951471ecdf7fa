//! The line that a request leaves in the log.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Answer, Authentication, Challenges, Health, HealthCheck, ManualClock, Principal, Rejection,
    RejectionClass, RequestFacts,
};
use gambeson_otel_setup::{Endpoint, Telemetry};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::Layer as _;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::{call, get, slow, telemetry};

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<(Level, String)>>>);

/// A subscriber for whoever has none of their own. Without one, a log line that another test reaches first, at a moment
/// when nobody listens, is remembered as one that nobody wants.
pub(crate) static SOMEBODY: LazyLock<bool> =
    LazyLock::new(|| tracing::subscriber::set_global_default(Registry::default()).is_ok());

impl Recorder {
    fn listen(&self) -> DefaultGuard {
        assert!(*SOMEBODY, "no other test sets a subscriber for all");
        tracing::subscriber::set_default(Registry::default().with(self.clone()))
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("gambeson") {
            let mut text = Text(String::new());
            event.record(&mut text);
            self.0.lock().unwrap().push((*event.metadata().level(), text.0));
        }
    }
}

#[tokio::test]
async fn one_line_says_what_happened() {
    let recorder = Recorder::default();
    let _guard = recorder.listen();
    let (telemetry, clock) = telemetry();
    let app = telemetry.layer().layer(slow(clock.clone()));
    for path in ["/notes?code=secret", "/livez"] {
        let mut request = get(path);
        let alice = Principal::user("https://id.example", "alice").build();
        let facts = RequestFacts::ensure(&mut request);
        facts.authenticate(Authentication::Verified(alice, Challenges::none())).unwrap();
        let response = call(&app, request).await;
        clock.advance(Duration::from_micros(420));
        response.into_body().collect().await.unwrap();
    }
    let lines = recorder.0.lock().unwrap().clone();
    assert_eq!(lines.len(), 2);
    let (level, line) = &lines[0];
    assert_eq!(*level, Level::INFO);
    for part in [
        "method=\"GET\"",
        "route=\"/notes\"",
        "status=200",
        "ms=30.42 ",
        "bytes=5",
        "subject=\"alice\"",
        "trace_id=",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!line.contains("secret"), "{line}");
    assert_eq!(lines[1].0, Level::DEBUG);
}

/// The level of the line of an answer to `path`, refused by this class or not.
async fn level(path: &'static str, status: u16, class: Option<RejectionClass>) -> Level {
    let recorder = Recorder::default();
    let _guard = recorder.listen();
    let app = telemetry().0.layer().layer(tower::service_fn(move |request: Request<()>| {
        let response = Response::builder().status(status).body(Full::new(Bytes::new())).unwrap();
        if let Some(class) = class {
            let refusal = Rejection::new("my-crate", class, "no", response.status());
            RequestFacts::of(request.extensions()).unwrap().set_rejection(refusal);
        }
        std::future::ready(Ok::<_, Infallible>(response))
    }));
    call(&app, get(path)).await;
    let lines = recorder.0.lock().unwrap();
    lines[0].0
}

#[tokio::test]
async fn only_faults_of_this_app_are_errors() {
    use RejectionClass::{Bug, Credential, Dependency, Limit};
    for (path, status, class, wanted) in [
        ("/notes", 200, None, Level::INFO),
        ("/notes", 401, Some(Credential), Level::INFO),
        ("/notes", 503, Some(Limit), Level::WARN),
        ("/notes", 503, Some(Dependency), Level::WARN),
        ("/notes", 500, Some(Bug), Level::ERROR),
        ("/notes", 503, None, Level::ERROR),
        ("/readyz", 503, None, Level::DEBUG),
        ("/readyz", 500, None, Level::ERROR),
        ("/metrics", 401, Some(Credential), Level::INFO),
    ] {
        assert_eq!(level(path, status, class).await, wanted, "{path} {status} {class:?}");
    }
}

/// Says each time how often it was asked.
#[derive(Debug, Default)]
struct Away(AtomicU64);

impl HealthCheck for Away {
    fn name(&self) -> &str {
        "store"
    }

    fn check(&self) -> Answer<Health> {
        let asked = self.0.fetch_add(1, Ordering::Relaxed);
        Answer::Ready(Health::Unhealthy(format!("last seen {asked} s ago")))
    }
}

#[test]
fn a_part_that_is_missing_is_told_once_a_minute_whatever_it_says() {
    let recorder = Recorder::default();
    let _guard = recorder.listen();
    let clock = ManualClock::default();
    let telemetry =
        Telemetry::builder("test", "1").clock(Arc::new(clock.clone())).ready_after(Away::default());
    let telemetry = telemetry.build().unwrap();
    telemetry.readiness().set_ready();
    for _ in 0..60 {
        assert_eq!(telemetry.endpoints().respond(Endpoint::Ready).status(), 503);
        clock.advance(Duration::from_secs(1));
    }
    let lines = || recorder.0.lock().unwrap().len();
    assert_eq!(lines(), 1);
    assert_eq!(telemetry.endpoints().respond(Endpoint::Ready).status(), 503);
    assert_eq!(lines(), 2);
    let (level, line) = recorder.0.lock().unwrap()[1].clone();
    assert_eq!(level, Level::WARN);
    assert!(line.contains("part=\"store\"") && line.contains("last seen"), "{line}");
}
