use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use gambeson_core::{ManualClock, Mode, PeerInfo, RequestFacts, Timestamp};
use gambeson_hardening_headers::limits::{
    BodyTooSlow, Limits, LimitsLayer, RequestBody, ResponseBody, RouteLimits, StreamIdle,
};
use gambeson_hardening_headers::{EdgeLimitLayer, EdgeRate};
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
async fn read(layer: &LimitsLayer, body: Parts, during: impl Future<Output = ()>) -> (String, RequestFacts) {
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
    let told = response.unwrap().into_body().collect().await.unwrap().to_bytes();
    (String::from_utf8(told.to_vec()).unwrap(), facts)
}

fn answer(text: impl Into<String>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from(text.into()))))
}

#[tokio::test]
async fn the_body_error_is_not_wrapped() {
    let limits = LimitsLayer::new(Limits::new().body(3)).unwrap();
    assert_eq!(read(&limits, Parts::new(&["12", "34"], true), async {}).await.0, "too long");
    assert_eq!(read(&LimitsLayer::off(), Parts::new(&["12", "34"], true), async {}).await.0, "4");
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
    let (end, facts) = read(&limits, Parts::new(&["1234"], false), time).await;
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
    let limits = Limits::new().body(0).handler(Duration::ZERO).body_deadline(Duration::ZERO).body_rate(0);
    let limits = limits.body_idle(Duration::ZERO).stream_idle(Duration::ZERO);
    assert_eq!(LimitsLayer::new(limits).unwrap_err().problems().len(), 6);
    let routes = [
        RouteLimits::new("files"),
        RouteLimits::new("PO ST /files"),
        RouteLimits::new("P\u{e9} /files"),
        RouteLimits::new("/files").body_idle(Duration::ZERO),
        RouteLimits::new("/none").body(0),
    ];
    let error = LimitsLayer::with_routes(Limits::new(), &routes).unwrap_err().to_string();
    assert_eq!(error.matches("route-limits.route = ").count(), 3, "{error}");
    assert!(error.contains("route-limits.body-idle"), "{error}");
    assert!(
        error.contains("route-limits.body = 0 B") && error.contains("write 1 byte where no body"),
        "{error}"
    );
}

#[test]
fn times_of_a_body_that_the_handlers_ends_before_are_told_for_each_route() {
    let minute = Duration::from_secs(60);
    let found = |base: Limits, routes: &[RouteLimits]| {
        let found = LimitsLayer::with_routes(base, routes).unwrap().findings();
        found
            .iter()
            .map(|found| format!("{} {} = {}", found.id(), found.field(), found.value()))
            .collect::<Vec<_>>()
    };
    let upload = || RouteLimits::new("POST /files/{name}");
    assert_eq!(
        found(Limits::new(), &[upload().body_deadline(minute)]),
        ["HH095 hardening-headers.route-limits.body-deadline = POST /files/{name}: 60s, and handler = 30s"]
    );
    for fine in
        [upload().body_deadline(minute).handler(minute), upload().body_deadline(minute).no_handler_deadline()]
    {
        assert_eq!(found(Limits::new(), &[fine]), [""; 0]);
    }
    let late = "HH095 hardening-headers.limits.body-deadline = 60s, and handler = 30s";
    assert_eq!(found(Limits::new().body_deadline(minute), &[upload().body(1)]), [late], "once");
    assert_eq!(found(Limits::new().body_deadline(minute), &[upload().handler(minute)]), [late], "only there");
}

/// What a client has earned by a fast beginning is no right to stop.
#[tokio::test]
async fn a_body_that_stops_between_two_parts_ends_however_much_has_come() {
    let clock = clock();
    let limits = timed(Limits::new().body_deadline(Duration::from_secs(5)).body_rate(1), &clock);
    // Forty bytes at one a second would be forty seconds more.
    let part = "0123456789012345678901234567890123456789";
    let time = async {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(29));
        tokio::task::yield_now().await;
        assert!(clock.sleepers() > 0);
        clock.advance(Duration::from_secs(1));
    };
    let (end, facts) = read(&limits, Parts::new(&[part], false), time).await;
    assert_eq!((end.as_str(), facts.rejection().unwrap().slug()), ("too slow", "body-too-slow"));
}

/// A stream of answers: what was sent into it, and no end.
struct Stream(tokio::sync::mpsc::UnboundedReceiver<&'static str>);

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|part| part.map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes())))))
    }
}

impl From<Bytes> for Stream {
    fn from(_: Bytes) -> Self {
        Self(tokio::sync::mpsc::unbounded_channel().1)
    }
}

type Sender = tokio::sync::mpsc::UnboundedSender<&'static str>;

/// An answer that goes on as long as somebody sends.
async fn stream(layer: &LimitsLayer) -> (Sender, ResponseBody<Stream>) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut receiver = Some(receiver);
    let app = layer.layer(service_fn(move |_: Request<RequestBody<Full<Bytes>>>| {
        let body = Stream(receiver.take().unwrap());
        async { Ok::<_, Infallible>(Response::new(body)) }
    }));
    let answer = app.oneshot(Request::get("/").body(Full::default()).unwrap()).await.unwrap();
    (sender, answer.into_body())
}

#[tokio::test]
async fn an_answer_that_does_not_go_on_is_cut_off() {
    let clock = clock();
    let layer = timed(Limits::new().stream_idle(Duration::from_secs(10)), &clock);
    let (sender, mut body) = stream(&layer).await;
    for _ in 0..3 {
        let mut frame = body.frame();
        assert!(poll_once(&mut frame).await.is_pending());
        clock.advance(Duration::from_secs(9));
        assert!(poll_once(&mut frame).await.is_pending());
        sender.send("still here").unwrap();
        assert!(frame.await.unwrap().unwrap().is_data());
    }
    let mut frame = body.frame();
    assert!(poll_once(&mut frame).await.is_pending());
    clock.advance(Duration::from_secs(9));
    assert!(poll_once(&mut frame).await.is_pending(), "only nine seconds since it waits");
    clock.advance(Duration::from_secs(1));
    assert!(frame.await.unwrap().unwrap_err().is::<StreamIdle>(), "no proper end");
    assert!(body.is_end_stream() && body.frame().await.is_none());
}

#[tokio::test]
async fn a_stream_without_idle_limit_and_one_that_ends_are_left_alone() {
    let clock = clock();
    let mut limits = Limits::new();
    limits.stream_idle = None;
    let (sender, mut body) = stream(&timed(limits, &clock)).await;
    assert!(poll_once(&mut body.frame()).await.is_pending());
    assert_eq!(clock.sleepers(), 0);
    drop(sender);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn routes_have_limits_of_their_own() {
    async fn length(body: Bytes) -> String {
        body.len().to_string()
    }
    let upload = RouteLimits::new("POST /files/{name}").body(8);
    let limits = LimitsLayer::with_routes(Limits::new().body(4), &[upload]).unwrap();
    let app: Router = Router::new()
        .route("/files/{name}", post(length).put(length))
        .route("/notes", post(length))
        .layer(limits);
    let status = async |method: &str, path: &str, body: &'static str| {
        let request = Request::builder().method(method).uri(path).body(axum::body::Body::from(body)).unwrap();
        app.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    assert_eq!(status("POST", "/files/a", "12345678").await, if cfg!(feature = "axum") { 200 } else { 413 });
    assert_eq!(status("POST", "/files/a", "123456789").await, 413);
    assert_eq!(status("PUT", "/files/a", "12345").await, 413, "another method");
    assert_eq!(status("POST", "/notes", "12345").await, 413);
    assert_eq!(status("POST", "/notes", "1234").await, 200);
}

/// A limit that is the default somewhere else is said all the same.
#[test]
fn what_a_route_says_counts_whatever_all_routes_have() {
    let (minute, base) = (Duration::from_secs(60), Limits::new().body(50 << 20).body_rate(1));
    let base =
        base.body_deadline(Duration::from_secs(600)).body_idle(minute).handler(minute).stream_idle(minute);
    assert_eq!(RouteLimits::new("/").over(base), base);
    let default = Limits::new();
    let said = RouteLimits::new("POST /login").body(1 << 20).body_rate(default.body_rate);
    let said = said.body_deadline(default.body_deadline.unwrap()).body_idle(default.body_idle.unwrap());
    let said = said.handler(default.handler.unwrap()).stream_idle(default.stream_idle.unwrap());
    assert_eq!(said.over(base), default);
    let off = RouteLimits::new("/").no_body_limit().no_body_deadline().no_handler_deadline().over(base);
    assert_eq!((off.body, off.body_deadline, off.handler, off.body_idle), (None, None, None, base.body_idle));
}

#[tokio::test]
async fn where_no_router_matched_a_route_is_the_whole_path() {
    let routes = [RouteLimits::new("/notes.v1.Notes/Import").body(8)];
    let app = LimitsLayer::with_routes(Limits::new().body(4), &routes).unwrap();
    let app = app.layer(service_fn(async |_: Request<RequestBody<Full<Bytes>>>| answer("")));
    for (path, expected) in [("/notes.v1.Notes/Import", 200), ("/notes.v1.Notes/Import/", 413), ("/", 413)] {
        let request = Request::post(path).header("content-length", "8").body(Full::default()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status().as_u16(), expected, "{path}");
    }
}

/// All four limits let pass, and count each once.
#[tokio::test]
async fn observing_counts_what_enforcing_would_refuse_until_its_end() {
    let clock = clock();
    let until = Timestamp::from_unix_seconds(1_800_000_000).plus(Duration::from_secs(3_600));
    let limits = Limits::new().body(3).body_deadline(Duration::from_secs(5)).handler(Duration::from_secs(2));
    let limits = limits.stream_idle(Duration::from_secs(10)).mode(Mode::Observe { until });
    let layer = timed(limits, &clock);
    assert_eq!(layer.current_mode(), Mode::Observe { until });

    let (end, facts) = read(&layer, Parts::new(&["12", "34", "56"], true), async {}).await;
    assert_eq!((end.as_str(), facts.rejection().is_none(), layer.observed()), ("6", true, 1));

    let app = layer.layer(service_fn(async |_: Request<RequestBody<Full<Bytes>>>| answer("")));
    let announced =
        || Request::post("/").header("content-length", "4").body(Full::new("1234".into())).unwrap();
    assert_eq!(app.clone().oneshot(announced()).await.unwrap().status(), 200);
    assert_eq!(layer.observed(), 2);

    let (sender, mut body) = stream(&layer).await;
    let mut frame = body.frame();
    assert!(poll_once(&mut frame).await.is_pending());
    clock.advance(Duration::from_secs(10));
    assert!(poll_once(&mut frame).await.is_pending());
    assert_eq!(layer.observed(), 3);
    sender.send("late").unwrap();
    assert!(frame.await.unwrap().is_ok());

    let mut slow = layer.layer(service_fn(|_: Request<RequestBody<Parts>>| {
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
    }));
    let mut asked = Box::pin(slow.call(Request::post("/").body(Parts::new(&[], false)).unwrap()));
    assert!(poll_once(&mut asked).await.is_pending());
    clock.advance(Duration::from_secs(60));
    assert!(poll_once(&mut asked).await.is_pending() && poll_once(&mut asked).await.is_pending());
    assert_eq!(layer.observed(), 4);

    let mut reading = layer.layer(service_fn(async |request: Request<RequestBody<Parts>>| {
        let end = request.into_body().collect().await;
        answer(if end.is_ok() { "read" } else { "failed" })
    }));
    let mut asked = Box::pin(reading.call(Request::post("/").body(Parts::new(&["1"], false)).unwrap()));
    assert!(poll_once(&mut asked).await.is_pending());
    clock.advance(Duration::from_secs(60));
    assert!(poll_once(&mut asked).await.is_pending());
    assert_eq!(layer.observed(), 6, "the body and the handler");

    clock.advance(Duration::from_secs(3_600));
    assert_eq!(app.oneshot(announced()).await.unwrap().status(), 413);
    assert_eq!(layer.observed(), 6);
}

/// A flood of what is refused here never gets to the limiter inside, and counts all the same.
#[tokio::test]
async fn what_is_refused_here_is_counted_by_the_limiter_inside() {
    let limiter = EdgeLimitLayer::new(EdgeRate::per_minute(3)).unwrap();
    let layer = LimitsLayer::new(Limits::new().body(4)).unwrap().counted_by(&limiter);
    let app = layer.layer(service_fn(async |_: Request<RequestBody<Full<Bytes>>>| answer("")));
    let status = async |address: [u8; 4]| {
        let mut request = Request::post("/").header("content-length", "5").body(Full::default()).unwrap();
        let mut peer = PeerInfo::new();
        peer.address = Some(address.into());
        RequestFacts::ensure(&mut request).set_peer(peer);
        app.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    for expected in [413, 413, 413, 429, 429] {
        assert_eq!(status([192, 0, 2, 1]).await, expected);
    }
    assert_eq!(status([192, 0, 2, 2]).await, 413, "another network");
    assert_eq!(limiter.report().refused, 2);
}

#[tokio::test]
async fn keeps_the_laws_of_a_layer() {
    let layer = LimitsLayer::new(Limits::new()).unwrap();
    let pass = || Request::post("/").body(Bytes::from("four")).unwrap();
    let refuse = || Request::post("/").header("content-length", "2000000").body(Bytes::new()).unwrap();
    contract::check(move || layer.clone(), Cases::passing(pass).refusing(refuse)).await;
    contract::check(LimitsLayer::off, Cases::passing(pass)).await;
}
