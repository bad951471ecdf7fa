//! The layer over a service that counts its calls.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{ManualClock, Mode, NullSink, Outcome, RequestFacts, RequestHead, Timestamp};
use gambeson_rbac::{AuthorizeLayer, Authorizer, PolicyHandle};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Inner, POLICY, Sink, request};

fn by_path<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    let path = head.uri.path();
    match path {
        "/hidden" => None,
        "/notes/1" => Some("/notes/{id}"),
        path => Some(path),
    }
}

pub(crate) fn layer(policy: &str) -> AuthorizeLayer {
    let policy: PolicyHandle = policy.parse().unwrap();
    AuthorizeLayer::new(&policy, by_path).clock(Arc::new(ManualClock::at(Timestamp::from_unix_seconds(100))))
}

async fn status(layer: &AuthorizeLayer, method: Method, path: &str, role: Option<&str>) -> (u16, usize) {
    let inner = Inner::default();
    let response = layer.layer(inner.clone()).oneshot(request(method, path, role)).await.unwrap();
    (response.status().as_u16(), inner.calls())
}

#[tokio::test]
async fn each_cell_of_method_route_and_caller_has_its_answer() {
    let layer = layer(POLICY).audit(Arc::new(Sink::default()));
    for (method, path, role, expected) in [
        (Method::GET, "/notes", Some("viewer"), 200),
        (Method::HEAD, "/notes", Some("viewer"), 200),
        (Method::POST, "/notes", Some("viewer"), 403),
        (Method::POST, "/notes", Some("editor"), 200),
        (Method::DELETE, "/notes/1", Some("editor"), 403),
        (Method::DELETE, "/notes/1", Some("admin"), 200),
        (Method::GET, "/notes", Some("stranger"), 403),
        (Method::GET, "/notes", None, 401),
        (Method::PUT, "/notes", Some("admin"), 405),
        (Method::OPTIONS, "/notes", Some("admin"), 405),
        (Method::PUT, "/notes", None, 401),
        (Method::GET, "/livez", None, 200),
        (Method::HEAD, "/livez", None, 200),
        (Method::POST, "/livez", None, 405),
        (Method::GET, "/unknown", Some("admin"), 404),
        (Method::GET, "/unknown", None, 401),
        (Method::GET, "/hidden", Some("admin"), 404),
        (Method::GET, "/hidden", None, 401),
    ] {
        let got = status(&layer, method.clone(), path, role).await;
        let called = usize::from(expected == 200);
        assert_eq!(got, (expected, called), "{method} {path} {role:?}");
    }
}

#[tokio::test]
async fn refusals_say_what_their_rfc_asks_and_no_more() {
    let layer = layer(POLICY);
    let answer = |method, path, role| layer.layer(Inner::default()).oneshot(request(method, path, role));

    let nobody = answer(Method::GET, "/notes", None).await.unwrap();
    assert_eq!(nobody.headers()[header::WWW_AUTHENTICATE], "Bearer");
    let other = answer(Method::PUT, "/notes", Some("viewer")).await.unwrap();
    assert_eq!(other.headers()[header::ALLOW], "GET, HEAD, POST");

    let forbidden = answer(Method::POST, "/notes", Some("viewer")).await.unwrap();
    let body = forbidden.into_body().collect().await.unwrap().to_bytes();
    let expected = r#"{"type":"https://docs.rs/gambeson-rbac#forbidden","title":"Forbidden","status":403,"code":"forbidden","detail":"the caller may not do this"}"#;
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_missing_authentication_layer_is_a_fault_and_never_a_pass() {
    let observing = Mode::Observe { until: Timestamp::from_unix_seconds(1_000) };
    for layer in [layer(POLICY), layer(POLICY).mode(observing)] {
        for path in ["/notes", "/livez", "/unknown"] {
            let inner = Inner::default();
            let mut request = Request::get(path).body(Full::<Bytes>::default()).unwrap();
            let facts = RequestFacts::ensure(&mut request);
            let response = layer.layer(inner.clone()).oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(facts.rejection().unwrap().slug(), "layer-order");
            assert!(facts.rejection().unwrap().private_cause().unwrap().to_string().contains("cargo tree"));
            assert_eq!(inner.calls(), 0);
        }
    }
}

#[tokio::test]
async fn the_facts_learn_route_and_refusal_and_override_headers_are_ignored() {
    let mut request = request(Method::POST, "/notes", Some("viewer"));
    request.headers_mut().insert("x-http-method-override", "GET".parse().unwrap());
    let facts = RequestFacts::ensure(&mut request);
    let response = layer(POLICY).layer(Inner::default()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(facts.route().unwrap().as_str(), "/notes");
    assert_eq!(facts.rejection().unwrap().slug(), "forbidden");
}

#[tokio::test]
async fn observing_lets_pass_until_its_date_and_says_so_in_the_trail() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(100));
    let sink = Sink::default();
    let layer = layer(POLICY)
        .clock(Arc::new(clock.clone()))
        .audit(Arc::new(sink.clone()))
        .mode(Mode::Observe { until: Timestamp::from_unix_seconds(200) });
    assert_eq!(status(&layer, Method::POST, "/notes", Some("viewer")).await, (200, 1));
    let (event, _) = sink.take().remove(0);
    assert_eq!(event.outcome, Outcome::Success);
    assert_eq!(event.details.last(), Some(&("mode", "observe".to_owned())));
    assert_eq!(status(&layer, Method::GET, "/unknown", Some("viewer")).await, (200, 1));
    clock.set(Timestamp::from_unix_seconds(200));
    assert_eq!(status(&layer, Method::POST, "/notes", Some("viewer")).await, (403, 0));
    assert_eq!(layer.observed(), 2, "what is refused is not observed");
}

/// Once a start, where it looks for what is missing.
#[test]
fn that_the_time_to_observe_is_over_is_said_at_the_start() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(199));
    let observing = Mode::Observe { until: Timestamp::from_unix_seconds(200) };
    let layer = layer(POLICY).clock(Arc::new(clock.clone())).audit(Arc::new(Sink::default()));
    let warned = |mode: Mode| crate::log::warned(|| layer.clone().mode(mode).check().unwrap());
    assert_eq!(warned(observing), [""; 0]);
    clock.set(Timestamp::from_unix_seconds(200));
    assert_eq!(warned(Mode::Enforce), [""; 0]);
    let said = warned(observing);
    assert!(said.len() == 1 && said[0].contains("the policy is enforced; take the date out"), "{said:?}");
    assert!(said[0].contains("until=1970-01-01T00:03:20.000Z"), "{said:?}");
}

#[tokio::test]
async fn decisions_are_on_record_with_policy_route_and_subject() {
    let sink = Sink::default();
    let layer = layer(POLICY).audit(Arc::new(sink.clone()));
    for (method, path, role) in [
        (Method::GET, "/notes", Some("viewer")),
        (Method::POST, "/notes", Some("viewer")),
        (Method::POST, "/notes", None),
        (Method::DELETE, "/notes/1", Some("admin")),
        (Method::GET, "/livez", None),
        (Method::GET, "/unknown", Some("viewer")),
    ] {
        status(&layer, method, path, role).await;
    }
    let digest = POLICY.parse::<PolicyHandle>().unwrap().policy().digest().to_owned();
    let told: Vec<String> = sink
        .take()
        .into_iter()
        .map(|(event, durability)| {
            assert_eq!(event.policy.as_deref(), Some(&*digest));
            let subject = event.context.subject.map_or("nobody".into(), |subject| subject.name);
            let (method, route) = (event.method.unwrap(), event.context.route.unwrap());
            let (outcome, reason) = (event.outcome.as_str(), event.reason.unwrap_or_default());
            format!("{subject} {method} {route} {} {outcome} {reason} {durability:?}", event.action)
        })
        .collect();
    assert_eq!(
        told,
        [
            "alice GET /notes notes:read success  Async",
            "alice POST /notes notes:write denied forbidden Async",
            "nobody POST /notes notes:write denied unauthenticated Async",
            "alice DELETE /notes/{id} notes:delete success  Strict",
        ]
    );
}

#[tokio::test]
async fn a_strict_act_happens_only_when_it_is_on_record() {
    let broken = Sink { broken: true, ..Sink::default() };
    let without = layer(POLICY);
    assert!(without.check().unwrap_err().to_string().contains(".audit("));
    for layer in [without, layer(POLICY).audit(Arc::new(broken)), layer(POLICY).audit(Arc::new(NullSink))] {
        assert_eq!(status(&layer, Method::DELETE, "/notes/1", Some("admin")).await, (503, 0));
        assert_eq!(status(&layer, Method::GET, "/notes", Some("admin")).await, (200, 1), "not strict");
    }
}

/// Outcome, reason and durability of each event.
fn told(sink: &Sink) -> Vec<String> {
    let tell = |(event, durability): (gambeson_core::AuditEvent, gambeson_core::Durability)| {
        format!("{} {} {durability:?}", event.outcome.as_str(), event.reason.unwrap_or_default())
    };
    sink.take().into_iter().map(tell).collect()
}

#[tokio::test]
async fn a_strict_act_that_never_begins_is_withdrawn_from_the_trail() {
    let sink = Sink::default();
    let app = layer(POLICY).audit(Arc::new(sink.clone())).layer(Inner::default());
    drop(app.clone().oneshot(request(Method::DELETE, "/notes/1", Some("admin"))));
    assert!(sink.take().is_empty(), "nothing was asked yet");

    let mut service = app;
    let dropped = service.call(request(Method::DELETE, "/notes/1", Some("admin")));
    drop(dropped);
    assert_eq!(told(&sink), ["success  Strict", "failed not-begun Async"]);

    let broken = Sink { broken: true, ..Sink::default() };
    let layer = layer(POLICY).audit(Arc::new(broken.clone()));
    assert_eq!(status(&layer, Method::DELETE, "/notes/1", Some("admin")).await, (503, 0));
    assert_eq!(told(&broken), ["success  Strict", "failed audit-unavailable Async"]);
}

#[tokio::test]
async fn a_strict_act_that_is_only_observed_waits_for_its_record_too() {
    let observing = Mode::Observe { until: Timestamp::from_unix_seconds(1_000) };
    let (whole, broken) = (Sink::default(), Sink { broken: true, ..Sink::default() });
    for (sink, expected) in [(whole.clone(), (200, 1)), (broken, (503, 0))] {
        let layer = layer(POLICY).audit(Arc::new(sink)).mode(observing);
        assert_eq!(status(&layer, Method::DELETE, "/notes/1", Some("viewer")).await, expected);
    }
    assert_eq!(told(&whole), ["success forbidden Strict"]);
    let without = layer(POLICY).mode(observing);
    assert_eq!(status(&without, Method::DELETE, "/notes/1", Some("viewer")).await, (503, 0));
}

#[tokio::test]
async fn waiting_for_the_record_holds_no_permit() {
    let layer = layer(POLICY).audit(Arc::new(Sink::default()));
    let limited = tower::limit::ConcurrencyLimit::new(Inner::default(), 1);
    let mut service = layer.layer(limited);
    let response = {
        std::future::poll_fn(|cx| Service::<Request<Full<Bytes>>>::poll_ready(&mut service, cx))
            .await
            .unwrap();
        let waiting = service.call(request(Method::DELETE, "/notes/1", Some("admin")));
        // The service stays: its permit must have been given back for the waiting clone.
        waiting.await.unwrap()
    };
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_layer_that_is_off_lets_everything_pass() {
    let off = AuthorizeLayer::off();
    assert!(off.is_off());
    assert_eq!(status(&off, Method::DELETE, "/anything", None).await, (200, 1));
}

#[tokio::test]
async fn a_handler_finds_its_authorizer_only_behind_a_layer_that_gives_one() {
    /// Deletes notes whatever is asked for, as a method override would.
    async fn delete(mut request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
        *request.method_mut() = Method::DELETE;
        let answer = match Authorizer::of(&request) {
            None => StatusCode::NO_CONTENT,
            Some(authorizer) if authorizer.principal().is_none() => StatusCode::ACCEPTED,
            Some(authorizer) => match authorizer.require("notes:write").await {
                Ok(()) => StatusCode::OK,
                Err(_) => StatusCode::FORBIDDEN,
            },
        };
        Ok(Response::builder().status(answer).body(Full::default()).unwrap())
    }

    let sink = Sink::default();
    let layer = layer(POLICY).audit(Arc::new(sink.clone()));
    let answer = async |layer: &AuthorizeLayer, path, role| {
        let response = layer.layer(service_fn(delete)).oneshot(request(Method::GET, path, role)).await;
        response.unwrap().status().as_u16()
    };
    assert_eq!(answer(&layer, "/notes", Some("editor")).await, 200);
    assert_eq!(answer(&layer, "/notes", Some("viewer")).await, 403);
    let methods: Vec<_> = sink.take().into_iter().map(|(event, _)| event.method.unwrap()).collect();
    assert_eq!(methods, [Method::GET; 4], "as the layer saw the request");
    assert_eq!(answer(&layer, "/livez", None).await, 202);
    assert_eq!(answer(&layer.without_authorizer(), "/notes", Some("editor")).await, 204);
    assert_eq!(answer(&AuthorizeLayer::off(), "/notes", Some("editor")).await, 204);
}

/// The outer layer's would decide by another policy than the layer around the handler.
#[tokio::test]
async fn behind_a_layer_that_gives_no_authorizer_there_is_none_of_a_layer_further_out() {
    let found = service_fn(async |request: Request<Full<Bytes>>| {
        let found = Authorizer::of(&request).is_some();
        let status = if found { StatusCode::OK } else { StatusCode::NO_CONTENT };
        Ok::<_, Infallible>(Response::builder().status(status).body(Full::<Bytes>::default()).unwrap())
    });
    let outer = layer(POLICY);
    for (inner, expected) in
        [(outer.clone(), 200), (outer.clone().without_authorizer(), 204), (AuthorizeLayer::off(), 204)]
    {
        let app = outer.layer(inner.layer(found));
        let answer = app.oneshot(request(Method::GET, "/notes", Some("viewer"))).await.unwrap();
        assert_eq!(answer.status().as_u16(), expected);
    }
}

/// Another layer's policy may not even know the permission.
#[tokio::test]
async fn a_handler_asks_the_policy_of_the_layer_around_it() {
    let asks = service_fn(async |request: Request<Full<Bytes>>| {
        let authorizer = Authorizer::of(&request).unwrap();
        let status = match (authorizer.allows("notes:read"), authorizer.allows("memos:read")) {
            (true, false) => StatusCode::OK,
            (false, true) => StatusCode::ACCEPTED,
            _ => StatusCode::IM_A_TEAPOT,
        };
        Ok::<_, Infallible>(Response::builder().status(status).body(Full::<Bytes>::default()).unwrap())
    });
    let (this, other) = (layer(POLICY), layer(&POLICY.replace("\"notes:read\"", "\"memos:read\"")));
    for (outer, inner, expected) in [(&this, &other, 202), (&other, &this, 200), (&this, &this, 200)] {
        let answer =
            outer.layer(inner.layer(asks)).oneshot(request(Method::GET, "/notes", Some("viewer"))).await;
        assert_eq!(answer.unwrap().status().as_u16(), expected);
    }
}

#[tokio::test]
async fn a_fallback_opens_only_where_the_policy_says_so() {
    let opened = POLICY.replace("[routes]", "[routes]\nfallback = { perm = \"notes:read\" }");
    let layer = layer(&opened);
    for (role, expected) in [(Some("viewer"), (200, 1)), (Some("stranger"), (403, 0)), (None, (401, 0))] {
        assert_eq!(status(&layer, Method::GET, "/hidden", role).await, expected, "{role:?}");
    }
    assert_eq!(
        status(&layer, Method::GET, "/unknown", Some("viewer")).await,
        (404, 0),
        "a template without a rule"
    );
}

#[tokio::test]
async fn two_layers_can_only_narrow() {
    let narrow = layer(&POLICY.replace(
        "editor = { inherits = [\"viewer\"], grants = [\"notes:write\"] }",
        "editor = { inherits = [\"viewer\"] }",
    ));
    let wide = layer(POLICY);
    for both in [wide.layer(narrow.layer(Inner::default())), narrow.layer(wide.layer(Inner::default()))] {
        let response = both.oneshot(request(Method::POST, "/notes", Some("editor"))).await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
    }
}
