//! Money held and settled, requests counted, a closed breaker.

use std::hint::black_box;

use gambeson_core::{
    Authentication, Challenges, Currency, MatchedRoute, Money, Principal, RequestFacts, RequestHead,
};
use gambeson_cost_guard::{
    BreakerPolicy, Budget, Calendar, CircuitBreakerLayer, CostGuard, Estimate, Quota, Rolling, Scope,
};
use http::{Request, StatusCode};
use tower::Layer;

use crate::drive::{NoBody, Recycle, recycled, recycling};
use crate::{Case, Kind, Run};

const CRATE: &str = "cost-guard";
const TENANTS: usize = 100_000;
const PLENTY: u32 = 1_000_000_000;

pub(super) fn cases() -> Vec<Case> {
    let case = |name, kind, ours| {
        Case::new(CRATE, name, kind)
            .bare(|| recycled(|app| app, vec![request()], StatusCode::OK))
            .gambeson(ours)
    };
    vec![
        Case::new(CRATE, "reserve_settle_4_levels_100k_tenants", Kind::Part)
            .gambeson(reserve_settle)
            .timed_only(),
        case("quota_layer_pass", Kind::Pass, || quota(PLENTY, StatusCode::OK)),
        case("quota_layer_reject", Kind::Reject, || {
            let layer = guard(Quota::requests("api/{subject}", 1).per(Rolling::days(1))).quota_layer();
            let _ = recycling(layer.layer(Recycle::default()), request, StatusCode::OK);
            recycling(layer.layer(Recycle::default()), request, StatusCode::TOO_MANY_REQUESTS)
        }),
        case("cost_layer_pass", Kind::Pass, cost),
        Case::new(CRATE, "breaker_closed", Kind::Part)
            .bare(|| recycled(|app| app, vec![request()], StatusCode::OK))
            .gambeson(|| {
                let layer = CircuitBreakerLayer::new("model", BreakerPolicy::new()).expect("valid settings");
                recycled(|app| layer.layer(app), vec![request()], StatusCode::OK)
            }),
    ]
}

fn usd(micros: i64) -> Money {
    Money::from_nanos(micros * 1_000, Currency::USD)
}

fn guard(quota: Quota) -> CostGuard {
    CostGuard::builder().quota(quota).build().expect("valid settings")
}

fn quota(count: u32, status: StatusCode) -> Run {
    let layer = guard(Quota::requests("api/{subject}", count).per(Rolling::minutes(1))).quota_layer();
    recycled(|app| layer.layer(app), vec![request()], status)
}

fn cost() -> Run {
    let budget = Budget::money("user/{subject}", usd(1_000_000_000_000)).per(Calendar::day("UTC"));
    let guard = CostGuard::builder().budget(budget).build().expect("valid settings");
    let layer = guard.cost_layer(|_: &RequestHead<'_>| Estimate::amount(usd(1)));
    recycled(|app| layer.layer(app), vec![request()], StatusCode::OK)
}

fn request() -> Request<NoBody> {
    let mut request = Request::post("/summary").body(NoBody::new()).expect("a request");
    let facts = RequestFacts::ensure(&mut request);
    facts.authenticate(Authentication::Verified(person(0), Challenges::none())).expect("nobody else");
    facts.set_route(MatchedRoute::new("/summary"));
    request
}

fn person(number: usize) -> Principal {
    Principal::user("https://id.example.com", "alice").tenant(format!("tenant-{number}")).build()
}

/// Four budgets for each hold; each call is of another tenant.
fn reserve_settle() -> Run {
    let plenty = usd(1_000_000_000_000);
    let level =
        |pattern: &str| Budget::money(pattern, plenty).per(Calendar::day("UTC")).max_keys(2 * TENANTS);
    let patterns = ["user/{tenant}/{subject}", "org/{tenant}", "app/{environment}", "all"];
    let builder = CostGuard::builder().environment("bench");
    let guard = patterns.into_iter().fold(builder, |builder, pattern| builder.budget(level(pattern)));
    let guard = guard.build().expect("valid settings");
    let people: Vec<Principal> = (0..TENANTS).map(person).collect();
    let mut turn = 0;
    Box::new(move || {
        turn = (turn + 1) % people.len();
        if let Some(person) = people.get(turn) {
            settle(&guard, person);
        }
    })
}

fn settle(guard: &CostGuard, person: &Principal) {
    let answer = guard.reserve(&Scope::principal(person), usd(50)).ready().ok();
    let mut hold = answer.expect("memory answers at once").expect("there is plenty");
    black_box(hold.settle(usd(20)).is_ok());
}
