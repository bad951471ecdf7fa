use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{BoxError, ManualClock, Mode, Refused, Rejection, RejectionClass, Timestamp};
use gambeson_cost_guard::{BreakerPolicy, BreakerState, CircuitBreakerLayer};
use http::{Request, Response, StatusCode};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{clock, poll};

const SECOND: Duration = Duration::from_secs(1);

/// A third party that answers with a status; 0: never.
#[derive(Clone, Default)]
struct Upstream {
    status: Arc<AtomicU16>,
    calls: Arc<AtomicUsize>,
    polls: Arc<AtomicUsize>,
}

impl Service<Request<Bytes>> for Upstream {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<Bytes>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let status = self.status.load(Ordering::Relaxed);
        Box::pin(async move {
            if status == 0 {
                pending::<()>().await;
            }
            let mut response = Response::builder().status(status);
            if status == 429 || status == 402 {
                response = response.header("retry-after", "120");
            }
            Ok(response.body(Bytes::new()).unwrap())
        })
    }
}

struct Bench {
    clock: ManualClock,
    upstream: Upstream,
    layer: CircuitBreakerLayer,
}

impl Bench {
    fn new(policy: BreakerPolicy) -> Self {
        let clock = clock();
        let layer = CircuitBreakerLayer::new("demo", policy).unwrap().clock(Arc::new(clock.clone()));
        Self { clock, upstream: Upstream::default(), layer }
    }

    async fn call(&self, status: u16) -> Result<u16, BoxError> {
        self.upstream.status.store(status, Ordering::Relaxed);
        let service = self.layer.layer(self.upstream.clone());
        service.oneshot(Request::new(Bytes::new())).await.map(|response| response.status().as_u16())
    }

    async fn refused(&self) -> Option<u64> {
        let calls = self.upstream.calls.load(Ordering::Relaxed);
        let error = self.call(200).await.unwrap_err();
        assert_eq!(self.upstream.calls.load(Ordering::Relaxed), calls);
        let Refused(rejection) = error.downcast_ref().unwrap();
        assert_eq!((rejection.status().as_u16(), rejection.slug()), (503, "circuit-open"));
        rejection.retry_after_seconds()
    }

    fn state(&self) -> BreakerState {
        self.layer.breaker().unwrap().state()
    }
}

#[tokio::test]
async fn it_opens_after_failures_in_a_row_and_closes_after_a_probe() {
    let bench = Bench::new(BreakerPolicy::new().failures_in_a_row(3).open_for(10 * SECOND));
    for status in [500, 500, 404, 500, 502] {
        assert_eq!(bench.call(status).await.unwrap(), status);
    }
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.call(503).await.unwrap();
    assert_eq!(bench.state(), BreakerState::Open { remaining: 10 * SECOND });
    let polls = bench.upstream.polls.load(Ordering::Relaxed);
    assert_eq!(bench.refused().await, Some(10));
    assert_eq!(bench.upstream.polls.load(Ordering::Relaxed), polls, "not even asked whether it is ready");
    bench.clock.advance(10 * SECOND);
    bench.call(500).await.unwrap();
    assert_eq!(bench.state(), BreakerState::Open { remaining: 20 * SECOND }, "twice as long");
    bench.clock.advance(20 * SECOND);
    assert_eq!(bench.call(200).await.unwrap(), 200);
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[tokio::test]
async fn a_long_row_of_good_calls_hides_no_failure() {
    let bench = Bench::new(BreakerPolicy::new().failures_in_a_row(100).failure_rate(50, 10));
    for _ in 0..30 {
        bench.call(200).await.unwrap();
    }
    for _ in 0..4 {
        bench.call(500).await.unwrap();
        bench.call(200).await.unwrap();
    }
    bench.call(500).await.unwrap();
    assert!(matches!(bench.state(), BreakerState::Open { .. }), "five of the last ten");
}

#[tokio::test]
async fn it_opens_at_a_rate_of_failures() {
    let bench = Bench::new(BreakerPolicy::new().failures_in_a_row(100).failure_rate(50, 10));
    for status in [200, 500, 200, 500, 200, 500, 200, 500, 200] {
        bench.call(status).await.unwrap();
        assert_eq!(bench.state(), BreakerState::Closed);
    }
    bench.call(500).await.unwrap();
    assert!(matches!(bench.state(), BreakerState::Open { .. }));
}

#[tokio::test]
async fn it_waits_as_long_as_the_provider_says() {
    let bench = Bench::new(BreakerPolicy::new());
    bench.call(402).await.unwrap();
    assert_eq!(bench.refused().await, Some(120), "spent money there opens at once");
    let bench = Bench::new(BreakerPolicy::new().failures_in_a_row(2));
    bench.call(429).await.unwrap();
    bench.call(429).await.unwrap();
    assert_eq!(bench.refused().await, Some(120));
    let bench = Bench::new(BreakerPolicy::new().open_at_most(30 * SECOND));
    bench.call(402).await.unwrap();
    assert_eq!(bench.refused().await, Some(30));
}

#[tokio::test]
async fn slow_calls_count_also_when_nobody_waited() {
    let bench = Bench::new(BreakerPolicy::new().failures_in_a_row(2).slow_after(5 * SECOND));
    for _ in 0..2 {
        bench.upstream.status.store(0, Ordering::Relaxed);
        let mut asked =
            Box::pin(bench.layer.layer(bench.upstream.clone()).oneshot(Request::new(Bytes::new())));
        assert!(poll(&mut asked).is_pending());
        bench.clock.advance(6 * SECOND);
    }
    assert!(matches!(bench.state(), BreakerState::Open { .. }));
}

#[tokio::test]
async fn a_dropped_probe_frees_its_place_and_a_lost_one_gives_it_up() {
    let bench =
        Bench::new(BreakerPolicy::new().failures_in_a_row(1).open_for(SECOND).probe_deadline(30 * SECOND));
    bench.call(500).await.unwrap();
    bench.clock.advance(SECOND);
    let probe = || {
        bench.upstream.status.store(0, Ordering::Relaxed);
        Box::pin(bench.layer.layer(bench.upstream.clone()).oneshot(Request::new(Bytes::new())))
    };
    let mut first = probe();
    assert!(poll(&mut first).is_pending());
    assert_eq!(bench.state(), BreakerState::HalfOpen);
    assert_eq!(bench.refused().await, Some(1), "one probe at a time");
    drop(first);
    let mut second = probe();
    assert!(poll(&mut second).is_pending(), "the place is free again");
    bench.clock.advance(30 * SECOND);
    assert_eq!(bench.refused().await, Some(2), "the second probe is given up, which is a failure");
    assert!(matches!(bench.state(), BreakerState::Open { .. }));
    bench.clock.advance(2 * SECOND);
    bench.call(200).await.unwrap();
    assert_eq!(bench.state(), BreakerState::Closed);
    drop(second);
    assert_eq!(bench.state(), BreakerState::Closed, "what a call of another era did does not matter");
}

#[tokio::test]
async fn failing_connections_count_too_and_hands_can_open_and_close() {
    let clock = clock();
    let layer = CircuitBreakerLayer::new("demo", BreakerPolicy::new().failures_in_a_row(2)).unwrap();
    let layer = layer.clock(Arc::new(clock));
    let failing =
        service_fn(async |_: Request<Bytes>| Err::<Response<Bytes>, BoxError>("connection refused".into()));
    for _ in 0..2 {
        let error = layer.layer(failing).oneshot(Request::new(Bytes::new())).await.unwrap_err();
        assert_eq!(error.to_string(), "connection refused");
    }
    let breaker = layer.breaker().unwrap();
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
    breaker.reset();
    assert_eq!(breaker.state(), BreakerState::Closed);
    breaker.trip(5 * SECOND);
    assert_eq!(breaker.state(), BreakerState::Open { remaining: 5 * SECOND });
}

#[tokio::test]
async fn observing_only_says_so() {
    let until = Timestamp::from_unix_seconds(1_900_000_000);
    let bench = Bench::new(BreakerPolicy::new().failures_in_a_row(1).mode(Mode::Observe { until }));
    bench.call(500).await.unwrap();
    assert!(matches!(bench.state(), BreakerState::Open { .. }));
    assert_eq!(bench.call(200).await.unwrap(), 200);
}

#[tokio::test]
async fn observing_ends_by_itself() {
    let until = Timestamp::from_unix_seconds(1_795_521_601);
    let bench = Bench::new(BreakerPolicy::new().failures_in_a_row(1).mode(Mode::Observe { until }));
    bench.call(500).await.unwrap();
    assert_eq!(bench.call(200).await.unwrap(), 200);
    bench.call(500).await.unwrap();
    bench.clock.advance(SECOND);
    assert!(matches!(bench.state(), BreakerState::Open { .. }));
    assert!(bench.refused().await.is_some());
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let policy = BreakerPolicy::new()
        .failures_in_a_row(0)
        .failure_rate(101, 65)
        .open_for(Duration::ZERO)
        .probes(0)
        .successes(0)
        .open_at_most(Duration::ZERO);
    assert_eq!(CircuitBreakerLayer::new("demo", policy).unwrap_err().problems().len(), 6);
}

/// What adds credentials further inside, and refuses a caller whose token is no good, when asked or before.
#[derive(Clone, Copy)]
struct Refusing {
    unready: bool,
}

fn no_token() -> BoxError {
    let class = RejectionClass::Credential;
    Refused(Rejection::new("demo", class, "caller-token-refused", StatusCode::UNAUTHORIZED)).into()
}

impl Service<Request<Bytes>> for Refusing {
    type Response = Response<Bytes>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<Bytes>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(if self.unready { Err(no_token()) } else { Ok(()) })
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        std::future::ready(Err(no_token()))
    }
}

#[tokio::test]
async fn a_call_that_was_refused_further_inside_counts_nothing() {
    let bench = Bench::new(BreakerPolicy::new().failures_in_a_row(2).open_for(10 * SECOND));
    for unready in [false, true] {
        for _ in 0..20 {
            let refused = bench.layer.layer(Refusing { unready }).oneshot(Request::new(Bytes::new())).await;
            assert!(refused.unwrap_err().is::<Refused>());
        }
        assert_eq!(bench.state(), BreakerState::Closed, "one caller's bad token is nobody else's trouble");
    }
    // A probe that was refused gives its place back, and tells nothing.
    bench.call(500).await.unwrap();
    bench.call(500).await.unwrap();
    bench.clock.advance(10 * SECOND);
    let refused = bench.layer.layer(Refusing { unready: false }).oneshot(Request::new(Bytes::new())).await;
    assert_eq!(refused.unwrap_err().downcast::<Refused>().unwrap().0.slug(), "caller-token-refused");
    assert_eq!(bench.state(), BreakerState::HalfOpen);
    assert_eq!(bench.call(200).await.unwrap(), 200);
    assert_eq!(bench.state(), BreakerState::Closed);
}
