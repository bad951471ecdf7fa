//! What the exporter says about itself.

use super::deliver::Failure;
use super::worker::Signal;

pub(super) fn fails(signal: Signal, failure: &Failure) {
    tracing::warn!(
        signal = name(signal),
        why = %failure,
        "telemetry can't be exported; what is lost is counted in gambeson_telemetry_lost_spans"
    );
}

pub(super) fn arrives_again(signal: Signal) {
    tracing::info!(signal = name(signal), "telemetry is exported again");
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "traces",
        Signal::Metrics => "metrics",
    }
}
