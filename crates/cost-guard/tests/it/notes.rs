//! The notes app: three summaries a day a person, and what happens when the model is down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use gambeson_core::{BoxError, ManualClock, ProblemJson, Refused, RequestFacts, RequestHead, Respond};
use gambeson_cost_guard::{
    BreakerPolicy, BreakerState, Budget, Calendar, CircuitBreakerLayer, CostGuard, Estimate, Meter,
    RouteCosts, Scope, Usage, carry,
};
use http::{Extensions, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{builder, clock, person, request, usd};

const TEMPLATE: &str = "/api/notes/{id}/summary";

type Client = BoxCloneSyncService<Request<Full<Bytes>>, http::Response<Body>, BoxError>;

/// A model API that bills, and can be down.
#[derive(Clone, Default)]
struct Model {
    calls: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Model {
    fn answer(&self) -> http::Response<Full<Bytes>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = http::Response::builder().header("content-type", "application/json");
        let (status, body) = match self.down.load(Ordering::Relaxed) {
            true => (503, json!({ "error": { "code": "overloaded" } })),
            false => (
                200,
                json!({ "text": "short", "usage": { "prompt_tokens": 1_000, "completion_tokens": 200 } }),
            ),
        };
        answer.status(status).body(Full::new(Bytes::from(body.to_string()))).unwrap()
    }
}

struct Notes {
    clock: ManualClock,
    guard: CostGuard,
    breaker: CircuitBreakerLayer,
    model: Model,
    app: Router,
}

fn estimate() -> Estimate {
    let usage = Usage::call().with(Meter::InputToken, 1_000).with(Meter::OutputToken, 200);
    Estimate::usage("demo/summarizer-1", usage).feature("summaries")
}

impl Notes {
    fn new() -> Self {
        let clock = clock();
        let guard = builder(&clock)
            .budget(Budget::money("user/{subject}", usd(50)).per(Calendar::day("UTC")))
            .build()
            .unwrap();
        let policy = BreakerPolicy::new().failures_in_a_row(3).open_for(Duration::from_secs(10));
        let breaker = CircuitBreakerLayer::new("model", policy).unwrap().clock(Arc::new(clock.clone()));
        let model = Model::default();
        let upstream = model.clone();
        let service = service_fn(move |_: Request<Full<Bytes>>| {
            let answer = upstream.answer();
            async move { Ok::<_, BoxError>(answer) }
        });
        let spend = guard.spend_layer("demo", |_: &RequestHead<'_>| estimate()).breaker(breaker.breaker());
        let client = (spend, breaker.clone()).layer(service);
        let client: Client =
            BoxCloneSyncService::new(client.map_response(|response| response.map(Body::new)));
        let costs = RouteCosts::new().route(Method::POST, TEMPLATE, estimate());
        let app = Router::new()
            .route("/api/budget", get(budget))
            .route(TEMPLATE, post(summary))
            .with_state((client, guard.clone()))
            .layer(guard.cost_layer(costs));
        Self { clock, guard, breaker, model, app }
    }

    async fn summary(&self, id: u32, who: &str) -> (StatusCode, Option<String>, Value) {
        let path = format!("/api/notes/{id}/summary");
        let answer =
            self.app.clone().oneshot(request(&path, TEMPLATE, Some(who)).map(Body::new)).await.unwrap();
        let status = answer.status();
        let wait = answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, wait, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn held(&self) -> i64 {
        self.guard.remaining(&Scope::principal(&person("alice")))[0].held.nanos()
    }
}

async fn budget(State((_, guard)): State<(Client, CostGuard)>, extensions: Extensions) -> Json<Value> {
    let facts = RequestFacts::of(&extensions).unwrap();
    let left = guard.remaining(&Scope::of(facts)).iter().map(|one| one.left.to_string()).collect::<Vec<_>>();
    Json(json!({ "left": left }))
}

/// Alice owns the note 1 only.
async fn summary(
    State((client, _)): State<(Client, CostGuard)>,
    Path(id): Path<u32>,
    extensions: Extensions,
) -> Response {
    if id != 1 {
        return Response::builder().status(404).body(Body::empty()).unwrap();
    }
    let mut call = Request::post("/v1/summaries").body(Full::default()).unwrap();
    carry(&extensions, call.extensions_mut());
    match client.oneshot(call).await {
        Ok(answer) if answer.status().is_success() => {
            Response::new(Body::from(answer.into_body().collect().await.unwrap().to_bytes()))
        }
        Ok(_) => Response::builder().status(502).body(Body::empty()).unwrap(),
        Err(error) => match (error.downcast_ref::<Refused>(), RequestFacts::of(&extensions)) {
            (Some(Refused(rejection)), Some(facts)) => ProblemJson.respond(rejection, facts),
            _ => Response::builder().status(502).body(Body::empty()).unwrap(),
        },
    }
}

#[tokio::test]
async fn three_summaries_a_day_and_the_fourth_is_refused_before_the_model_is_called() {
    let notes = Notes::new();
    for _ in 0..5 {
        assert_eq!(notes.summary(7, "alice").await.0, 404);
        assert_eq!(notes.held(), 0, "what is not found leaves no hold");
    }
    for _ in 0..3 {
        let (status, _, body) = notes.summary(1, "alice").await;
        assert_eq!((status, &body["text"]), (StatusCode::OK, &"short".into()));
    }
    let (status, wait, body) = notes.summary(1, "alice").await;
    assert_eq!((status, wait), (StatusCode::PAYMENT_REQUIRED, None));
    assert_eq!(
        (&body["left"], &body["resets_at"]),
        (&"0.005 USD".into(), &"2026-11-25T00:00:00.000Z".into())
    );
    assert_eq!(notes.model.calls.load(Ordering::Relaxed), 3);
    assert_eq!(notes.held(), 0);
    assert_eq!(notes.summary(1, "bob").await.0, StatusCode::OK);

    let page = request("/api/budget", "/api/budget", Some("alice")).map(Body::new);
    let (mut parts, body) = page.into_parts();
    parts.method = Method::GET;
    let answer = notes.app.clone().oneshot(Request::from_parts(parts, body)).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), r#"{"left":["0.005 USD"]}"#);

    notes.clock.advance(Duration::from_secs(43_200));
    assert_eq!(notes.summary(1, "alice").await.0, StatusCode::OK, "a new day");
}

#[tokio::test]
async fn a_model_that_is_down_costs_nothing_and_comes_back_by_itself() {
    let notes = Notes::new();
    notes.model.down.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(notes.summary(1, "alice").await.0, StatusCode::BAD_GATEWAY);
    }
    let (status, wait, body) = notes.summary(1, "alice").await;
    assert_eq!((status, wait.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, Some("10")));
    assert_eq!(body["code"], "circuit-open");
    assert_eq!(notes.model.calls.load(Ordering::Relaxed), 3);
    let state = || notes.breaker.breaker().unwrap().state();
    assert!(matches!(state(), BreakerState::Open { .. }));
    notes.model.down.store(false, Ordering::Relaxed);
    notes.clock.advance(Duration::from_secs(10));
    assert_eq!(state(), BreakerState::HalfOpen);
    for _ in 0..3 {
        assert_eq!(notes.summary(1, "alice").await.0, StatusCode::OK, "no failure was charged");
    }
    assert_eq!(state(), BreakerState::Closed);
    assert_eq!(notes.summary(1, "alice").await.0, StatusCode::PAYMENT_REQUIRED);
}
