use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use gambeson_core::{ManualClock, RequestFacts, Timestamp};
use gambeson_hardening_headers::limits::{BodyTooSlow, Limits, LimitsLayer, RequestBody};
use gambeson_testing::contract::{self, Cases};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, LengthLimitError};
use tower::{Layer, Service, ServiceExt, service_fn};

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000))
}

fn timed(limits: Limits, clock: &ManualClock) -> LimitsLayer {
    LimitsLayer::new(limits).unwrap().clock(Arc::new(clock.clone())).timer(Arc::new(clock.clone()))
}

/// A body without a length: these parts, and then its end, or nothing more.
struct Parts {
    parts: std::collections::VecDeque<&'static str>,
    ends: bool,
}

impl Parts {
    fn new(parts: &[&'static str], ends: bool) -> Self {
        Self { parts: parts.to_vec().into(), ends }
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.parts.pop_front() {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(part.as_bytes()))))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_body_that_announces_itself_too_large_is_refused_before_the_handler() {
    let called = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&called);
    let app = LimitsLayer::new(Limits::new().body(4)).unwrap().layer(service_fn(
        move |_: Request<RequestBody<Full<Bytes>>>| {
            seen.store(true, Ordering::SeqCst);
            async { Ok::<_, Infallible>(Response::new(Bytes::new())) }
        },
    ));
    for length in ["5", "99999999999999999999999999"] {
        let mut request = Request::post("/").header("content-length", length).body(Full::default()).unwrap();
        let facts = RequestFacts::ensure(&mut request);
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(facts.rejection().unwrap().slug(), "body-too-large");
    }
    assert!(!called.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_413_through_axum_extractors() {
    async fn echo(body: Bytes) -> Bytes {
        body
    }
    let limits = LimitsLayer::new(Limits::new().body(8)).unwrap();
    let app: Router = Router::new().route("/", post(echo)).layer(limits);
    let ask = async |parts: &[&'static str]| {
        let body = axum::body::Body::new(Parts::new(parts, true));
        let mut request = Request::post("/").body(body).unwrap();
        let facts = RequestFacts::ensure(&mut request);
        let status = app.clone().oneshot(request).await.unwrap().status();
        (status, facts.rejection().map(|refusal| refusal.slug()))
    };
    assert_eq!(ask(&["1234", "5678"]).await, (StatusCode::OK, None));
    let over = ask(&["1234", "5678", "9"]).await;
    assert_eq!(over, (StatusCode::PAYLOAD_TOO_LARGE, Some("body-too-large")));
}

/// What reading the body ends with, and the facts.
async fn read(layer: LimitsLayer, body: Parts, during: impl Future<Output = ()>) -> (String, RequestFacts) {
    let app = layer.layer(service_fn(async |request: Request<RequestBody<Parts>>| {
        let mut body = request.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => length += frame.into_data().map_or(0, |data| data.len()),
                Err(error) if error.is::<LengthLimitError>() => return answer("too long"),
                Err(error) if error.is::<BodyTooSlow>() => return answer("too slow"),
                Err(error) => return answer(error.to_string()),
            }
            assert!(!body.is_end_stream());
        }
        answer(length.to_string())
    }));
    let mut request = Request::post("/").body(body).unwrap();
    let facts = RequestFacts::ensure(&mut request);
    let (response, ()) = tokio::join!(app.oneshot(request), during);
    (String::from_utf8(response.unwrap().into_body().to_vec()).unwrap(), facts)
}

fn answer(text: impl Into<String>) -> Result<Response<Bytes>, Infallible> {
    Ok(Response::new(Bytes::from(text.into())))
}

#[tokio::test]
async fn the_body_error_is_not_wrapped() {
    let limits = LimitsLayer::new(Limits::new().body(3)).unwrap();
    assert_eq!(read(limits, Parts::new(&["12", "34"], true), async {}).await.0, "too long");
    assert_eq!(read(LimitsLayer::off(), Parts::new(&["12", "34"], true), async {}).await.0, "4");
}

#[tokio::test]
async fn a_body_that_stops_coming_ends_at_its_deadline() {
    let clock = clock();
    let limits = timed(Limits::new().body_deadline(Duration::from_secs(5)).body_rate(2), &clock);
    // Four bytes at two a second move the deadline from 5 s to 7 s.
    let time = async {
        clock.advance(Duration::from_secs(6));
        tokio::task::yield_now().await;
        assert!(clock.sleepers() > 0);
        clock.advance(Duration::from_secs(1));
    };
    let (end, facts) = read(limits, Parts::new(&["1234"], false), time).await;
    assert_eq!((end.as_str(), facts.rejection().unwrap().slug()), ("too slow", "body-too-slow"));
}

#[tokio::test]
async fn a_handler_that_never_answers_is_dropped_and_answered_for() {
    struct Held(Arc<AtomicBool>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let clock = clock();
    let dropped = Arc::new(AtomicBool::new(false));
    let held = Arc::clone(&dropped);
    let mut app = timed(Limits::new().handler(Duration::from_secs(2)), &clock).layer(service_fn(
        move |_: Request<RequestBody<Full<Bytes>>>| {
            let held = Held(Arc::clone(&held));
            async move {
                std::future::pending::<()>().await;
                drop(held);
                answer("")
            }
        },
    ));
    let mut request = Request::get("/").body(Full::default()).unwrap();
    let facts = RequestFacts::ensure(&mut request);
    let mut asked = Box::pin(app.call(request));
    assert!(poll_once(&mut asked).await.is_pending());
    clock.advance(Duration::from_millis(1_999));
    assert!(poll_once(&mut asked).await.is_pending());
    clock.advance(Duration::from_millis(1));
    let response = asked.as_mut().await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(facts.rejection().unwrap().slug(), "handler-deadline");
    assert!(dropped.load(Ordering::SeqCst), "the handler's future went before the answer");
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

#[tokio::test]
async fn an_answer_at_once_starts_no_timer() {
    let clock = clock();
    let app = timed(Limits::new(), &clock)
        .layer(service_fn(async |_: Request<RequestBody<Full<Bytes>>>| answer("at once")));
    app.oneshot(Request::get("/").body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(clock.sleepers(), 0);
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let limits = Limits::new().handler(Duration::ZERO).body_deadline(Duration::ZERO).body_rate(0);
    assert_eq!(LimitsLayer::new(limits).unwrap_err().problems().len(), 3);
}

#[tokio::test]
async fn keeps_the_laws_of_a_layer() {
    let layer = LimitsLayer::new(Limits::new()).unwrap();
    let pass = || Request::post("/").body(Bytes::from("four")).unwrap();
    let refuse = || Request::post("/").header("content-length", "2000000").body(Bytes::new()).unwrap();
    contract::check(move || layer.clone(), Cases::passing(pass).refusing(refuse)).await;
    contract::check(LimitsLayer::off, Cases::passing(pass)).await;
}
