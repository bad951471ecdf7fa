//! The span of a request, as a collector gets it.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Authentication, Challenges, CostRecord, Currency, Money, PeerInfo, Principal, Rejection, RejectionClass,
    RequestFacts, Timestamp,
};
use gambeson_otel_setup::{Sampling, Telemetry, current_trace};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::sink::{exporting, flushed};
use crate::{call, get, slow};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

/// A request with a parent, from a neighbour that is trusted or not.
fn from_neighbour(trusted: bool, flags: &str) -> Request<()> {
    let mut request = get("/notes");
    let parent = format!("{PARENT}-{flags}");
    request.headers_mut().insert("traceparent", parent.parse().unwrap());
    request.headers_mut().insert("tracestate", "vendor=1".parse().unwrap());
    let mut peer = PeerInfo::new();
    peer.neighbour_trusted = trusted;
    peer.address = Some([192, 0, 2, 7].into());
    RequestFacts::ensure(&mut request).set_peer(peer);
    request
}

fn answering(
    status: u16,
) -> impl Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    service_fn(move |_| {
        ready(Ok(Response::builder().status(status).body(Full::new(Bytes::from_static(b"hello"))).unwrap()))
    })
}

async fn whole<S>(telemetry: &Telemetry, inner: S, request: Request<()>)
where
    S: Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone,
{
    call(&telemetry.layer().layer(inner), request).await.into_body().collect().await.unwrap();
}

#[tokio::test]
async fn a_span_says_what_happened_and_nothing_private() {
    let (builder, sink, clock) = exporting();
    let telemetry = builder.server_address("notes.example", Some(443)).build().unwrap();
    let mut request = get("/notes?code=hidden");
    let alice = Principal::user("https://id.example", "alice").build();
    let facts = RequestFacts::ensure(&mut request);
    facts.authenticate(Authentication::Verified(alice, Challenges::none())).unwrap();
    facts.set_cost(CostRecord::new(Money::from_nanos(50_000_000, Currency::USD), Timestamp::default()));
    let response = call(&telemetry.layer().layer(slow(clock.clone())), request).await;
    assert!(flushed(&telemetry, &sink).await.is_empty(), "it ends with its body");
    clock.advance(Duration::from_millis(40));
    response.into_body().collect().await.unwrap();

    let span = flushed(&telemetry, &sink).await.remove(0);
    assert_eq!((span.name.as_str(), span.kind, span.status), ("GET /notes", 2, 0));
    assert_eq!(span.end - span.start, 70_000_000);
    assert_eq!((span.parent.as_str(), span.flags, span.links.len()), ("", 0x103, 0));
    for (attribute, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/notes"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
        ("server.address", "notes.example"),
        ("server.port", "443"),
        ("network.protocol.version", "1.1"),
        ("gambeson.cost.amount", "0.05"),
        ("gambeson.cost.currency", "USD"),
    ] {
        assert_eq!(span.get(attribute), Some(value), "{attribute}");
    }
    assert_eq!(span.attributes.len(), 9, "{:?}", span.attributes);
    let (resource, _) = crate::otlp::spans(&sink.arrived()[1].body);
    assert_eq!((resource["service.name"].as_str(), resource["service.version"].as_str()), ("test", "1.0.0"));
}

#[tokio::test]
async fn a_trusted_neighbour_is_the_parent_and_a_stranger_a_link() {
    let (builder, sink, _) = exporting();
    let telemetry = builder.build().unwrap();
    for trusted in [true, false] {
        whole(&telemetry, answering(200), from_neighbour(trusted, "01")).await;
    }
    let spans = flushed(&telemetry, &sink).await;
    let (child, stranger) = (&spans[0], &spans[1]);
    assert_eq!((child.trace_id.as_str(), child.parent.as_str()), (&PARENT[3..35], &PARENT[36..52]));
    assert_eq!((child.state.as_str(), child.flags, child.links.len()), ("vendor=1", 0x301, 0));
    assert_ne!(stranger.trace_id, &PARENT[3..35]);
    assert_eq!((stranger.parent.as_str(), stranger.state.as_str(), stranger.flags), ("", "", 0x103));
    assert_eq!(stranger.links, [(PARENT[3..35].to_owned(), PARENT[36..52].to_owned())]);
    assert_eq!(child.get("client.address"), None);
}

#[tokio::test]
async fn a_trusted_flag_decides_and_a_strangers_does_not() {
    let (builder, sink, _) = exporting();
    let telemetry = builder.sampling(Sampling::parent_ratio(0.0)).client_address(true).build().unwrap();
    whole(&telemetry, answering(200), from_neighbour(false, "01")).await;
    whole(&telemetry, answering(200), from_neighbour(true, "00")).await;
    whole(&telemetry, answering(200), from_neighbour(true, "01")).await;
    let spans = flushed(&telemetry, &sink).await;
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].get("client.address"), Some("192.0.2.7"));
}

#[tokio::test]
async fn what_failed_or_was_slow_is_kept_late() {
    let (builder, sink, clock) = exporting();
    let sampling = Sampling::ratio(0.0).keep_slower_than(Duration::from_millis(20));
    let telemetry = builder.sampling(sampling).build().unwrap();
    whole(&telemetry, answering(200), get("/fast")).await;
    whole(&telemetry, answering(503), get("/failed")).await;
    whole(&telemetry, slow(clock), get("/slow")).await;
    let spans = flushed(&telemetry, &sink).await;
    let late: Vec<_> =
        spans.iter().map(|s| (s.name.as_str(), s.get("gambeson.sampled_late"), s.flags)).collect();
    assert_eq!(late, [("GET /failed", Some("true"), 0x102), ("GET /slow", Some("true"), 0x102)]);
}

#[tokio::test]
async fn a_status_from_500_on_is_an_error_and_a_cancel_is_none() {
    let (builder, sink, clock) = exporting();
    let telemetry = builder.build().unwrap();
    for status in [404, 500] {
        whole(&telemetry, answering(status), get("/a")).await;
    }
    drop(call(&telemetry.layer().layer(slow(clock)), get("/a")).await);
    let hanging = telemetry
        .layer()
        .layer(service_fn(|_: Request<()>| pending::<Result<Response<Full<Bytes>>, Infallible>>()));
    drop(hanging.clone().ready().await.unwrap().call(get("/a")));
    let broken = service_fn(|_: Request<()>| ready(Err::<Response<Full<Bytes>>, _>("broken")));
    assert!(telemetry.layer().layer(broken).oneshot(get("/a")).await.is_err());
    let spans = flushed(&telemetry, &sink).await;
    let ends: Vec<_> =
        spans.iter().map(|s| (s.status, s.get("error.type"), s.get("gambeson.cancelled"))).collect();
    assert_eq!(
        ends,
        [
            (0, None, None),
            (2, Some("500"), None),
            (0, None, Some("true")),
            (0, None, Some("true")),
            (2, Some("service"), None)
        ]
    );
}

#[tokio::test]
async fn refusals_are_named_by_slug() {
    let (builder, sink, _) = exporting();
    let telemetry = builder.build().unwrap();
    let refusing = service_fn(|request: Request<()>| {
        let refusal = Rejection::new(
            "my-crate",
            RejectionClass::Money,
            "budget-spent",
            http::StatusCode::PAYMENT_REQUIRED,
        )
        .cause("alice has nothing left");
        RequestFacts::of(request.extensions()).unwrap().set_rejection(refusal);
        ready(Ok::<_, Infallible>(Response::builder().status(402).body(Full::new(Bytes::new())).unwrap()))
    });
    whole(&telemetry, refusing, get("/a")).await;
    let span = flushed(&telemetry, &sink).await.remove(0);
    assert_eq!(span.get("gambeson.rejection"), Some("budget-spent"));
    assert_eq!(span.get("gambeson.rejection.class"), Some("money"));
    assert!(!format!("{span:?}").contains("alice"));
}

#[tokio::test]
async fn odd_methods_unknown_routes_and_probes() {
    let (builder, sink, _) = exporting();
    let telemetry = builder.build().unwrap();
    let odd = Method::from_bytes("BREW".repeat(20).as_bytes()).unwrap();
    whole(&telemetry, answering(200), Request::builder().method(odd).uri("/unknown").body(()).unwrap()).await;
    for probe in ["/livez", "/readyz", "/metrics"] {
        whole(&telemetry, answering(200), get(probe)).await;
    }
    let spans = flushed(&telemetry, &sink).await;
    assert_eq!(spans.len(), 1);
    assert_eq!((spans[0].name.as_str(), spans[0].get("http.request.method")), ("HTTP", Some("_OTHER")));
    assert_eq!(spans[0].get("http.request.method_original").unwrap().len(), 32);
    assert_eq!(spans[0].get("http.route"), None);
}

#[tokio::test]
async fn the_trace_is_current_while_service_and_body_run() {
    let (builder, sink, _) = exporting();
    let telemetry = builder.build().unwrap();
    let app = service_fn(|request: Request<()>| async move {
        let facts = RequestFacts::of(request.extensions()).unwrap().clone();
        tokio::task::yield_now().await;
        assert_eq!(current_trace(), facts.trace().copied());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    });
    whole(&telemetry, app, get("/a")).await;
    assert_eq!(current_trace(), None);
    assert_eq!(flushed(&telemetry, &sink).await.len(), 1);
}
