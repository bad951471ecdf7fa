use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{BoxError, Refused, RequestFacts, RequestHead};
use gambeson_cost_guard::{
    BreakerPolicy, BreakerState, Budget, Calendar, CircuitBreakerLayer, CostGuard, Estimate, Meter, Scope,
    SpendLayer, Usage, carry,
};
use gambeson_testing::RecordingCostSink;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{builder, clock, person, poll, request, usd};

const BILL: &str = r#"{"text":"short","usage":{"prompt_tokens":800,"completion_tokens":160}}"#;

struct Bench {
    guard: CostGuard,
    costs: RecordingCostSink,
}

impl Bench {
    fn new() -> Self {
        let costs = RecordingCostSink::new();
        let budget = Budget::money("user/{subject}", usd(50)).per(Calendar::day("UTC"));
        let guard = builder(&clock()).budget(budget).costs(Arc::new(costs.clone())).build().unwrap();
        Self { guard, costs }
    }

    fn layer(&self) -> SpendLayer {
        let usage = Usage::call().with(Meter::InputToken, 1_000).with(Meter::OutputToken, 200);
        let estimate = Estimate::usage("demo/summarizer-1", usage);
        self.guard.spend_layer("demo", move |_: &RequestHead<'_>| estimate.clone())
    }

    fn standing(&self) -> (i64, i64) {
        let one = &self.guard.remaining(&Scope::principal(&person("alice")))[0];
        (one.spent.nanos() / 1_000_000, one.held.nanos() / 1_000_000)
    }
}

fn call() -> Request<Full<Bytes>> {
    let mut incoming = request("/x", "/x", Some("alice"));
    RequestFacts::hand_on(incoming.extensions_mut(), Some(Arc::new(Box::new("who let it pass"))));
    let mut call = Request::post("/v1/summaries").body(Full::default()).unwrap();
    carry(incoming.extensions(), call.extensions_mut());
    let facts = RequestFacts::of(call.extensions()).unwrap();
    assert!(facts.principal().is_some() && facts.decision_point().is_none(), "nobody has let the call pass");
    call
}

async fn answer(layer: SpendLayer, status: u16, kind: &str, body: &'static str) -> Result<Bytes, BoxError> {
    let upstream = layer.layer(service_fn(async |_: Request<Full<Bytes>>| {
        let answer = Response::builder().status(status).header("content-type", kind);
        Ok::<_, BoxError>(answer.body(Full::new(Bytes::from(body))).unwrap())
    }));
    Ok(upstream.oneshot(call()).await?.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn a_call_is_charged_what_its_answer_says() {
    let bench = Bench::new();
    assert_eq!(answer(bench.layer(), 200, "application/json", BILL).await.unwrap(), BILL);
    assert_eq!(bench.standing(), (13, 0));
    let record = &bench.costs.records()[0];
    assert_eq!(
        (record.provider.as_deref(), record.model.as_deref()),
        (Some("demo"), Some("demo/summarizer-1"))
    );
    assert!(!record.estimated);
}

#[tokio::test]
async fn an_unknown_usage_is_charged_as_estimated_and_failures_are_not() {
    let bench = Bench::new();
    answer(bench.layer(), 200, "text/event-stream", "data: x").await.unwrap();
    assert_eq!(bench.standing(), (15, 0));
    assert!(bench.costs.records()[0].estimated);
    answer(bench.layer(), 500, "application/json", BILL).await.unwrap();
    let failing =
        || service_fn(async |_: Request<Full<Bytes>>| Err::<Response<Full<Bytes>>, BoxError>("reset".into()));
    bench.layer().layer(failing()).oneshot(call()).await.unwrap_err();
    assert_eq!(bench.standing(), (15, 0));
    bench.layer().charge_errors().layer(failing()).oneshot(call()).await.unwrap_err();
    assert_eq!(bench.standing(), (30, 0));
    // Whoever hangs up may be billed all the same.
    let never = service_fn(|_: Request<Full<Bytes>>| {
        std::future::pending::<Result<Response<Full<Bytes>>, BoxError>>()
    });
    let mut asked = Box::pin(bench.layer().layer(never).oneshot(call()));
    assert!(poll(&mut asked).is_pending());
    assert_eq!(bench.standing(), (30, 15));
    drop(asked);
    assert_eq!(bench.standing(), (45, 0));
    let error = answer(bench.layer(), 200, "application/json", BILL).await.unwrap_err();
    let Refused(rejection) = error.downcast_ref().unwrap();
    assert_eq!((rejection.status().as_u16(), rejection.slug()), (402, "budget-exhausted"));
}

#[tokio::test]
async fn nobody_pays_for_a_call_without_a_request() {
    let bench = Bench::new();
    let upstream = bench.layer().layer(service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    }));
    let error = upstream.oneshot(Request::new(Full::default())).await.unwrap_err();
    assert_eq!(error.downcast_ref::<Refused>().unwrap().0.slug(), "layer-order");
}

#[tokio::test]
async fn an_account_without_money_opens_the_breaker() {
    let bench = Bench::new();
    let breaker = CircuitBreakerLayer::new("demo", BreakerPolicy::new()).unwrap().clock(Arc::new(clock()));
    let layer = bench.layer().breaker(breaker.breaker());
    let body = r#"{"error":{"code":"insufficient_quota","message":"pay first"}}"#;
    answer(layer, 429, "application/json", body).await.unwrap();
    let open = BreakerState::Open { remaining: Duration::from_secs(60) };
    assert_eq!(breaker.breaker().unwrap().state(), open);
    // What the breaker refuses is not charged.
    let stack = (bench.layer(), breaker);
    let upstream = stack.layer(service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    }));
    assert_eq!(
        upstream.oneshot(call()).await.unwrap_err().downcast_ref::<Refused>().unwrap().0.slug(),
        "circuit-open"
    );
    assert_eq!(bench.standing(), (0, 0));
}
