//! opentelemetry-instrumentation-tower, with a meter that is read by hand and spans that go nowhere.

use http::StatusCode;
use opentelemetry::global;
use opentelemetry_instrumentation_tower::http::server;
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tower::Layer;

use crate::Case;
use crate::cases::otel_setup::request;
use crate::drive::{App, requests};

pub(super) fn join(case: Case) -> Case {
    if case.name != "layer_metrics_and_traces" {
        return case;
    }
    case.peer("otel-instr-tower", || {
        global::set_meter_provider(SdkMeterProvider::builder().with_reader(ManualReader::default()).build());
        global::set_tracer_provider(SdkTracerProvider::builder().build());
        requests(server::Layer::new().layer(App), request, StatusCode::OK)
    })
}
