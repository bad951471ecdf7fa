//! `/metrics` read as strictly as a scraper does (OpenMetrics 1.0).

use std::collections::{HashMap, HashSet};

use gambeson_core::{Answer, Health, HealthCheck, Rejection, RejectionClass, RequestFacts, RequestHead};
use gambeson_otel_setup::Telemetry;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::Layer;

use crate::call;

#[derive(Debug)]
struct Part(fn() -> Health);

impl HealthCheck for Part {
    fn name(&self) -> &str {
        "part"
    }

    fn check(&self) -> Answer<Health> {
        Answer::Ready((self.0)())
    }
}

const ODD: &str = "/a\"b\\c\nd,e={f}\u{2028}\r";

/// One sample: its name, its labels and its value.
type Sample = (String, Vec<(String, String)>, String);

fn sample(line: &str) -> Sample {
    let (name, mut rest) = line.split_at(line.find(['{', ' ']).unwrap());
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, value) = rest.split_once("=\"").unwrap();
            assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
            let (value, after) = unescaped(value);
            labels.push((label.to_owned(), value));
            rest = after.strip_prefix(',').unwrap_or(after);
            assert_ne!(after.starts_with(','), rest.starts_with('}'), "a comma parts two labels: {line}");
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap();
    assert!(value.parse::<f64>().is_ok(), "{line}");
    (name.to_owned(), labels, value.to_owned())
}

fn unescaped(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next().unwrap().1 {
                'n' => '\n',
                c @ ('"' | '\\') => c,
                other => panic!("no such escape: {other}"),
            }),
            c => value.push(c),
        }
    }
    panic!("a value without end: {text}")
}

/// Every sample; panics at what a strict parser refuses.
fn parse(text: &str) -> Vec<Sample> {
    let body = text.strip_suffix("# EOF\n").unwrap();
    let mut types = HashMap::new();
    let mut family = String::new();
    let mut samples: Vec<Sample> = Vec::new();
    let mut seen = HashSet::new();
    for line in body.strip_suffix('\n').unwrap().split('\n') {
        if let Some(meta) = line.strip_prefix("# TYPE ") {
            let (name, kind) = meta.split_once(' ').unwrap();
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "two families {name}");
            family = name.to_owned();
        } else if let Some(meta) = line.strip_prefix("# UNIT ").or(line.strip_prefix("# HELP ")) {
            assert_eq!(meta.split_once(' ').unwrap().0, family);
        } else {
            let sample = sample(line);
            let endings: &[&str] = match types[&family].as_str() {
                "info" => &["_info"],
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_count", "_sum"],
                _ => &[""],
            };
            let ending = sample.0.strip_prefix(&family).unwrap_or_else(|| panic!("{line} in {family}"));
            assert!(endings.contains(&ending), "{line} in {family}");
            assert!(seen.insert((sample.0.clone(), sample.1.clone())), "twice: {line}");
            samples.push(sample);
        }
    }
    samples
}

fn odd<'a>(_: &RequestHead<'a>) -> Option<&'a str> {
    Some(ODD)
}

fn exercised() -> Telemetry {
    let telemetry = Telemetry::builder("a\"b\\c\nd", "1");
    let telemetry = telemetry.health(Part(|| Health::Healthy)).health(Part(|| Health::Degraded(ODD.into())));
    telemetry.routes(odd).build().unwrap()
}

#[tokio::test]
async fn a_strict_parser_reads_odd_labels() {
    let telemetry = exercised();
    let app = telemetry.layer().layer(tower::service_fn(|request: Request<()>| async move {
        let status = request.uri().path()[1..].parse::<u16>().unwrap();
        if status != 200 {
            let response = Response::new(());
            let refusal = Rejection::new("odd", RejectionClass::Limit, "a-slug", response.status());
            RequestFacts::of(request.extensions()).unwrap().set_rejection(refusal);
        }
        let response = Response::builder().status(status).body(Full::new(bytes::Bytes::from("x")));
        Ok::<_, std::convert::Infallible>(response.unwrap())
    }));
    for path in ["/200", "/403", "/503", "/999"] {
        call(&app, Request::get(path).body(()).unwrap()).await.into_body().collect().await.unwrap();
    }
    let text = telemetry.metrics_text();
    let samples = parse(&text);
    let label = |sample: &Sample, name: &str| {
        sample.1.iter().find(|(label, _)| label == name).map(|(_, value)| value.clone())
    };
    let counts: Vec<_> = samples.iter().filter(|s| s.0.ends_with("duration_seconds_count")).collect();
    assert_eq!(counts.len(), 4, "{text}");
    for count in counts {
        assert_eq!(label(count, "http_route").as_deref(), Some(ODD));
        let error = label(count, "error_type");
        match label(count, "http_response_status_code").as_deref() {
            Some("200" | "403") => assert_eq!(error, None, "a 4xx is no error of the server"),
            _ => assert_eq!(error.as_deref(), Some("limit")),
        }
        let of = |sample: &&Sample| {
            sample.0.ends_with("_bucket") && count.1.iter().all(|label| sample.1.contains(label))
        };
        let buckets: Vec<_> = samples.iter().filter(of).filter(|s| s.1.len() == count.1.len() + 1).collect();
        let bounds: Vec<_> = buckets.iter().map(|b| label(b, "le").unwrap()).collect();
        let wanted = "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 +Inf";
        assert_eq!(bounds.join(" "), wanted);
        assert!(buckets.is_sorted_by_key(|b| b.2.parse::<u64>().unwrap()));
        assert_eq!(buckets.last().unwrap().2, count.2);
    }
    let health: Vec<_> = samples.iter().filter(|s| s.0 == "gambeson_health").collect();
    assert_eq!(health.len(), 1, "two parts of one name are one series");
    assert_eq!(health[0].2, "0.5", "the worse one");
    assert_eq!(label(&samples[0], "service_name").as_deref(), Some("a\"b\\c\nd"));
}
