use gambeson_otel_setup::TelemetryLayer;
use gambeson_testing::contract::{self, Cases};

use crate::{get, telemetry};

#[tokio::test]
async fn the_layer_keeps_the_laws() {
    contract::check(|| telemetry().0.layer(), Cases::passing(|| get("/notes"))).await;
}

#[tokio::test]
async fn the_layer_that_is_off_keeps_them_too() {
    contract::check(TelemetryLayer::off, Cases::passing(|| get("/notes"))).await;
}

#[tokio::test]
async fn the_layer_is_adoptable_by_axum_hyper_and_tonic() {
    let (telemetry, _) = telemetry();
    contract::adopt::axum(telemetry.layer(), get("/axum")).await;
    contract::adopt::hyper(telemetry.layer(), get("/hyper")).await.unwrap();
    contract::adopt::tonic(telemetry.layer(), get("/tonic")).await.unwrap();
    let text = telemetry.metrics_text();
    for route in ["/axum", "/hyper", "/gambeson.Contract/Adopted"] {
        assert!(text.contains(&format!("http_route=\"{route}\"")), "{text}");
    }
    assert!(!text.contains("cancelled"), "{text}");
}
