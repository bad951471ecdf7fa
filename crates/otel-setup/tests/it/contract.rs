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
