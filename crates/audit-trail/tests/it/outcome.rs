//! How each act ended, whichever way it did.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use gambeson_audit_trail::AuditLayer;
use gambeson_core::{
    AuditEvent, AuditKind, AuditSink, Authentication, Challenges, Durability, FixedEntropy, ManualClock,
    Outcome, Principal, Rejection, RejectionClass, RequestFacts, RequestId, Timestamp,
};
use gambeson_testing::RecordingAuditSink;
use gambeson_testing::contract::{self, Cases};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full};
use tower::{Layer, ServiceExt, service_fn};

type Seen = (Outcome, Option<String>, Option<String>);

fn layer(sink: &RecordingAuditSink) -> AuditLayer {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    AuditLayer::new(Arc::new(sink.clone()))
        .clock(Arc::new(clock))
        .entropy(Arc::new(FixedEntropy::starting_at(5)))
}

fn request(method: Method) -> Request<()> {
    let mut request = Request::builder().method(method).uri("/notes/7").body(()).unwrap();
    let caller = Principal::user("https://id.example", "alice").build();
    let facts = RequestFacts::ensure(&mut request);
    facts.authenticate(Authentication::Verified(caller, Challenges::none())).unwrap();
    request
}

fn seen(sink: &RecordingAuditSink) -> Vec<Seen> {
    let events = sink.events();
    assert!(events.iter().all(|event| event.action == "request.outcome"));
    let detail = |event: &AuditEvent, name: &str| {
        event.details.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone())
    };
    events
        .iter()
        .map(|event| (event.outcome, event.reason.as_deref().map(Into::into), detail(event, "status")))
        .collect()
}

fn one(outcome: Outcome, reason: Option<&str>, status: Option<&str>) -> Vec<Seen> {
    vec![(outcome, reason.map(Into::into), status.map(Into::into))]
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from("text"));
    *response.status_mut() = status;
    response
}

async fn with_status(status: StatusCode, rejection: Option<Rejection>) -> Vec<Seen> {
    let sink = RecordingAuditSink::new();
    let app = layer(&sink).layer(service_fn(move |request: Request<()>| {
        if let Some(rejection) = rejection.clone() {
            RequestFacts::of(request.extensions()).unwrap().set_rejection(rejection);
        }
        async move { Ok::<_, Infallible>(answer(status)) }
    }));
    let response = app.oneshot(request(Method::PUT)).await.unwrap();
    assert!(sink.events().is_empty(), "it has not ended before its body has");
    response.into_body().collect().await.unwrap();
    seen(&sink)
}

#[tokio::test]
async fn an_answer_says_how_it_ended() {
    let (success, denied, failed) = (Outcome::Success, Outcome::Denied, Outcome::Failed);
    for (status, outcome, reason) in [
        (StatusCode::OK, success, None),
        (StatusCode::SEE_OTHER, success, None),
        (StatusCode::UNAUTHORIZED, denied, Some("status")),
        (StatusCode::FORBIDDEN, denied, Some("status")),
        (StatusCode::NOT_FOUND, failed, Some("client-error")),
        (StatusCode::BAD_GATEWAY, failed, Some("server-error")),
    ] {
        assert_eq!(with_status(status, None).await, one(outcome, reason, Some(status.as_str())));
    }
    for (class, outcome) in [
        (RejectionClass::Permission, denied),
        (RejectionClass::Limit, denied),
        (RejectionClass::Dependency, failed),
        (RejectionClass::Bug, failed),
    ] {
        let rejection = Rejection::new("rbac", class, "a-slug", StatusCode::FORBIDDEN);
        let told = with_status(StatusCode::FORBIDDEN, Some(rejection.clone())).await;
        assert_eq!(told, one(outcome, Some("a-slug"), Some("403")));
        assert_eq!(with_status(StatusCode::OK, Some(rejection)).await, one(success, None, Some("200")));
    }
}

#[tokio::test]
async fn decision_and_outcome_have_one_id() {
    for given in [None, RequestId::parse(b"from-the-edge")] {
        let sink = RecordingAuditSink::new();
        let decisions = RecordingAuditSink::new();
        let (decided, inner) = (decisions.clone(), layer(&sink));
        let app = inner.layer(service_fn(move |request: Request<()>| {
            let facts = RequestFacts::of(request.extensions()).unwrap();
            let now = Timestamp::default();
            let event = AuditEvent::new(AuditKind::Authorization, "notes:write", Outcome::Success, now);
            let _ = decided.record(event.with_facts(facts), Durability::Async);
            async { Ok::<_, Infallible>(answer(StatusCode::OK)) }
        }));
        let request = request(Method::PUT);
        if let Some(id) = given {
            RequestFacts::of(request.extensions()).unwrap().set_request_id(id);
        }
        app.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        let (decision, outcome) = (&decisions.events()[0].context, &sink.events()[0].context);
        assert!(decision.request_id.is_some() && (given.is_none() || decision.request_id == given));
        assert_eq!(decision, outcome, "who, where and the id are the same");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_shows() {
    let sink = RecordingAuditSink::new();
    let app = layer(&sink)
        .layer(service_fn(|_: Request<()>| pending::<Result<Response<Full<Bytes>>, Infallible>>()));
    let mut answer = Box::pin(app.oneshot(request(Method::PUT)));
    assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(sink.events().is_empty());
    drop(answer);
    assert_eq!(seen(&sink), one(Outcome::Failed, Some("cancelled"), None));
}

/// Two frames, and an end that only asking again tells; or an error, or a panic, in place of the second.
struct Slow(u8, Option<SizeHint>);

impl Body for Slow {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.0 += 1;
        Poll::Ready(match self.0 {
            1 | 2 => Some(Ok(Frame::data(Bytes::from_static(b"half")))),
            11 => Some(Err("broken")),
            21 => panic!("in the body"),
            _ => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.1.unwrap_or_default()
    }
}

async fn body_of(
    sink: &RecordingAuditSink,
    method: Method,
    body: fn() -> Slow,
) -> Pin<Box<impl Body<Data = Bytes, Error = &'static str> + use<>>> {
    let app = layer(sink)
        .layer(service_fn(move |_: Request<()>| async move { Ok::<_, Infallible>(Response::new(body())) }));
    Box::pin(app.oneshot(request(method)).await.unwrap().into_body())
}

#[tokio::test]
async fn a_body_is_followed_to_its_end() {
    let ok = one(Outcome::Success, None, Some("200"));
    let whole = RecordingAuditSink::new();
    body_of(&whole, Method::GET, || Slow(0, None)).await.collect().await.unwrap();
    assert_eq!(seen(&whole), ok);

    let cut = RecordingAuditSink::new();
    let mut body = body_of(&cut, Method::GET, || Slow(0, None)).await;
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(seen(&cut), one(Outcome::Failed, Some("cut-off"), Some("200")));

    let exact = RecordingAuditSink::new();
    let mut body = body_of(&exact, Method::GET, || Slow(0, Some(SizeHint::with_exact(8)))).await;
    for _ in 0..2 {
        body.frame().await.unwrap().unwrap();
    }
    drop(body);
    assert_eq!(seen(&exact), ok, "a server that has sent all does not ask for the end");

    for (status, length, frames) in [(200, Some(8), 2), (204, None, 0), (304, None, 0)] {
        let sink = RecordingAuditSink::new();
        let app = layer(&sink).layer(service_fn(move |_: Request<()>| async move {
            let mut response = Response::new(Slow(0, None));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
                .headers_mut()
                .extend(length.map(|bytes: u64| (http::header::CONTENT_LENGTH, bytes.into())));
            Ok::<_, Infallible>(response)
        }));
        let mut body = Box::pin(app.oneshot(request(Method::GET)).await.unwrap().into_body());
        for _ in 0..frames {
            body.frame().await.unwrap().unwrap();
        }
        drop(body);
        let ended = one(Outcome::Success, None, Some(&status.to_string()));
        assert_eq!(seen(&sink), ended, "a server asks for no more than was announced");
    }

    let head = RecordingAuditSink::new();
    drop(body_of(&head, Method::HEAD, || Slow(0, None)).await);
    assert_eq!(seen(&head), ok, "nobody reads the body of an answer to HEAD");

    let broken = RecordingAuditSink::new();
    assert!(body_of(&broken, Method::GET, || Slow(10, None)).await.collect().await.is_err());
    assert_eq!(seen(&broken), one(Outcome::Failed, Some("body-error"), Some("200")));
}

#[tokio::test]
async fn a_panic_shows_wherever_it_is_caught() {
    let in_body = RecordingAuditSink::new();
    let mut body = body_of(&in_body, Method::GET, || Slow(20, None)).await;
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let _ = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
    }));
    assert!(polled.is_err() && in_body.events().is_empty());
    drop(body);
    assert_eq!(seen(&in_body), one(Outcome::Failed, Some("panicked"), Some("200")));

    for in_call in [true, false] {
        let sink = RecordingAuditSink::new();
        let app = layer(&sink).layer(service_fn(move |_: Request<()>| {
            assert!(!in_call, "in the call");
            let broken: fn() -> Result<Response<Empty<Bytes>>, Infallible> = || panic!("in the future");
            async move { broken() }
        }));
        let mut answer = pin!(Some(app.oneshot(request(Method::PUT))));
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let answer = answer.as_mut().as_pin_mut().unwrap();
            let _ = answer.poll(&mut Context::from_waker(Waker::noop()));
        }));
        assert!(polled.is_err());
        // As the hardening layer does: the future goes when the stack is whole again.
        answer.set(None);
        assert_eq!(seen(&sink), one(Outcome::Failed, Some("panicked"), None), "in call: {in_call}");
    }
}

#[tokio::test]
async fn strangers_and_what_is_not_asked_for_are_left_out() {
    let sink = RecordingAuditSink::new();
    let app = |layer: AuditLayer| {
        layer.layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(answer(StatusCode::OK)) }))
    };
    let told = async |layer: AuditLayer, request: Request<()>| {
        let before = sink.events().len();
        app(layer).oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        sink.events().len() - before
    };
    let nobody = || Request::put("/").body(()).unwrap();
    assert_eq!(told(layer(&sink), nobody()).await, 0);
    assert_eq!(told(layer(&sink).strangers(), nobody()).await, 1);
    let unsafe_only = || layer(&sink).only(|head| !head.method.is_safe());
    assert_eq!(told(unsafe_only(), request(Method::GET)).await, 0);
    assert_eq!(told(unsafe_only(), request(Method::DELETE)).await, 1);
    assert_eq!(told(AuditLayer::off(), request(Method::DELETE)).await, 0);
    assert!(sink.durabilities().iter().all(|durability| *durability == Durability::Async));
}

#[tokio::test]
async fn it_tells_how_long_it_took() {
    let sink = RecordingAuditSink::new();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let passing = clock.clone();
    let app = layer(&sink).clock(Arc::new(clock)).layer(service_fn(move |_: Request<()>| {
        passing.advance(Duration::from_millis(250));
        async { Ok::<_, Infallible>(answer(StatusCode::OK)) }
    }));
    app.oneshot(request(Method::PUT)).await.unwrap().into_body().collect().await.unwrap();
    assert!(sink.events()[0].details.contains(&("millis", "250".into())));
}

#[tokio::test]
async fn it_keeps_the_laws_of_a_layer() {
    let sink = RecordingAuditSink::new();
    contract::check(move || layer(&sink), Cases::passing(|| request(Method::PUT))).await;
    contract::check(AuditLayer::off, Cases::passing(|| request(Method::PUT))).await;
}
