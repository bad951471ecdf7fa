//! The line that a request leaves in the log.

use std::fmt;
use std::sync::{Arc, Mutex};

use gambeson_core::{Authentication, Challenges, Principal, RequestFacts};
use http_body_util::BodyExt;
use tower::Layer as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::{call, get, slow, telemetry};

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<(Level, String)>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "gambeson::http" {
            let mut text = Text(String::new());
            event.record(&mut text);
            self.0.lock().unwrap().push((*event.metadata().level(), text.0));
        }
    }
}

#[tokio::test]
async fn one_line_says_what_happened() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(recorder.clone()));
    let (telemetry, clock) = telemetry();
    let app = telemetry.layer().layer(slow(clock));
    for path in ["/notes?code=secret", "/livez"] {
        let mut request = get(path);
        let alice = Principal::user("https://id.example", "alice").build();
        let facts = RequestFacts::ensure(&mut request);
        facts.authenticate(Authentication::Verified(alice, Challenges::none())).unwrap();
        call(&app, request).await.into_body().collect().await.unwrap();
    }
    let lines = recorder.0.lock().unwrap().clone();
    assert_eq!(lines.len(), 2);
    let (level, line) = &lines[0];
    assert_eq!(*level, Level::INFO);
    for part in [
        "method=\"GET\"",
        "route=\"/notes\"",
        "status=200",
        "ms=30",
        "bytes=5",
        "subject=\"alice\"",
        "trace_id=",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!line.contains("secret"), "{line}");
    assert_eq!(lines[1].0, Level::DEBUG);
}
