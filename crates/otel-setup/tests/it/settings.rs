//! Settings from a file and from the environment.

use std::sync::Arc;

use gambeson_core::Profile;
use gambeson_otel_setup::{Sampling, Telemetry};

use crate::sink::{Sink, flushed};
use crate::{call, get};

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/");

/// Telemetry of these variables, or the fields that are wrong.
fn of(variables: &[(&str, &str)]) -> Result<(Telemetry, Sink), Vec<String>> {
    let sink = Sink::default();
    let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
    let builder = Telemetry::builder("code", "1").transport(Arc::new(sink.clone()));
    match builder.env_from_lookup(lookup).build() {
        Ok(telemetry) => Ok((telemetry, sink)),
        Err(error) => Err(error.problems().iter().map(|problem| problem.field.clone()).collect()),
    }
}

#[tokio::test]
async fn the_variables_of_the_specification_are_read() {
    let (telemetry, sink) = of(&[
        ENDPOINT,
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://metrics.example/ingest"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20YTpi, x-scope=a"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-scope=b"),
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,team=a%2Cb"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", ""),
    ])
    .unwrap();
    let app = tower::Layer::layer(&telemetry.layer(), crate::slow(gambeson_core::ManualClock::default()));
    drop(call(&app, get("/a")).await);
    assert_eq!(flushed(&telemetry, &sink).await.len(), 1);
    let arrived = sink.arrived();
    assert_eq!(arrived[0].uri, "http://localhost:4318/v1/traces");
    assert_eq!(arrived[1].uri, "https://metrics.example/ingest");
    assert_eq!(
        (&arrived[0].headers["x-scope"], &arrived[1].headers["x-scope"]),
        (&"b".parse().unwrap(), &"a".parse().unwrap())
    );
    assert_eq!(arrived[0].headers["authorization"], "Basic YTpi");
    let (resource, _) = crate::otlp::spans(&arrived[0].body);
    assert_eq!((resource["service.name"].as_str(), resource["team"].as_str()), ("shop", "a,b"));
}

#[test]
fn what_switches_off_switches_off() {
    assert!(of(&[ENDPOINT]).unwrap().0.exports());
    assert!(!of(&[]).unwrap().0.exports());
    assert!(!of(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]).unwrap().0.exports());
    let none = [ENDPOINT, ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "none")];
    assert!(!of(&none).unwrap().0.exports());
}

#[test]
fn each_wrong_variable_is_named_and_no_secret_is_shown() {
    let wrong = [
        ("OTEL_SDK_DISABLED", "perhaps"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key s3cret"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
    ];
    let mut found = of(&wrong).err().unwrap();
    found.sort_unstable();
    let mut wanted: Vec<_> = wrong.iter().map(|(name, _)| (*name).to_owned()).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    let lookup = |_: &str| Some("s3cret%zz".to_owned());
    let error = Telemetry::builder("a", "1")
        .env_from_lookup(|name| (name.ends_with("HEADERS")).then(|| lookup(name)).flatten());
    assert!(!error.build().unwrap_err().to_string().contains("s3cret"));
    let share = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
    assert_eq!(of(&share).err().unwrap(), ["telemetry.sampling.ratio"]);
}

#[test]
fn plain_http_to_another_machine_needs_a_word_in_production() {
    let remote = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:4318");
    assert_eq!(of(&[remote]).err().unwrap(), ["telemetry.endpoint", "telemetry.endpoint"]);
    assert!(of(&[remote, ("OTEL_EXPORTER_OTLP_INSECURE", "true")]).is_ok());
    assert!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1]:4318")]).is_ok());
    let builder = Telemetry::builder("a", "1").transport(Arc::new(Sink::default()));
    let development = Profile::development(|_| None).unwrap();
    assert!(builder.run_in(development).endpoint(remote.1).build().is_ok());
    for bad in ["collector:4318", "ftp://a", "https://user:s3cret@a", "/v1"] {
        let error = Telemetry::builder("a", "1").endpoint(bad).build().unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn all_problems_come_at_once() {
    let builder = Telemetry::builder("", "").most_series(0).sampling(Sampling::ratio(7.0));
    assert_eq!(builder.endpoint("x").build().unwrap_err().problems().len(), 5);
}

#[cfg(feature = "serde")]
#[test]
fn a_table_is_read_and_a_misspelt_key_is_refused() {
    let table = r#"
        service = "shop"
        endpoint = "https://collector.example"
        secret-headers = { authorization = "env://OTLP_KEY" }
        timeout = "3s"
        metric-interval = "1m"
        sampling = { ratio = 0.1, keep-slower-than = "800ms" }
        resource = { "deployment.environment.name" = "production" }
    "#;
    let config: gambeson_otel_setup::Config = toml::from_str(table).unwrap();
    assert_eq!(config.timeout, std::time::Duration::from_secs(3));
    let sampling = Sampling::parent_ratio(0.1).keep_slower_than(std::time::Duration::from_millis(800));
    assert_eq!(config.sampling, sampling);
    let error = Telemetry::builder("", "").transport(Arc::new(Sink::default())).config(config).build();
    assert!(error.unwrap_err().to_string().contains("secret"), "nobody says where secrets come from");
    for misspelt in ["endpiont = \"x\"", "sampling = { share = 1.0 }"] {
        assert!(toml::from_str::<gambeson_otel_setup::Config>(misspelt).is_err(), "{misspelt}");
    }
}
