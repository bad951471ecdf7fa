//! What requests cost, as a counter.

use gambeson_core::{CostRecord, CostSink, Currency, MatchedRoute, Money, Principal, Timestamp};

use crate::sink::{exporting, flushed};
use crate::telemetry;

fn cost(nanos: i64, feature: &str) -> CostRecord {
    let mut cost = CostRecord::new(Money::from_nanos(nanos, Currency::USD), Timestamp::default());
    cost.feature = Some(feature.into());
    cost.context.route = Some(MatchedRoute::new("/summary"));
    let alice = Principal::user("https://id.example", "alice").build();
    cost.context.subject = Some(alice.full_subject().clone());
    cost
}

#[tokio::test]
async fn costs_add_up_by_feature_and_never_by_person() {
    let (telemetry, _) = telemetry();
    let sink = telemetry.cost_sink();
    for (nanos, feature) in [(50_000_000, "ai"), (20_000_000, "ai"), (1, "map"), (-5, "ai")] {
        sink.record(&cost(nanos, feature));
    }
    (0..10).for_each(|number| sink.record(&cost(1_000_000_000, &number.to_string())));
    let text = telemetry.metrics_text();
    let labels = "gambeson_currency=\"USD\",gambeson_estimated=\"false\",http_route=\"/summary\"";
    assert!(
        text.contains(&format!("gambeson_cost_total{{{labels},gambeson_feature=\"ai\"}} 0.070000000\n")),
        "{text}"
    );
    assert!(text.contains(
        "gambeson_cost_total{gambeson_currency=\"USD\",otel_metric_overflow=\"true\"} 9.000000000\n"
    ));
    assert!(!text.contains("alice"));

    let (builder, collector, _) = exporting();
    let telemetry = builder.build().unwrap();
    telemetry.cost_sink().record(&cost(50_000_000, "ai"));
    flushed(&telemetry, &collector).await;
    let (labels, amount) = &collector.last_metrics()["gambeson.cost"][0];
    assert_eq!((labels["gambeson.feature"].as_str(), *amount), ("ai", 0.05));
}
