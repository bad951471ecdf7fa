//! Write-once slots, and who is calling.

use std::sync::Arc;

use gambeson_core::{
    Authentication, Challenges, DecisionPoint, Principal, Rejection, RejectionClass, RequestFacts, RequestId,
    Wants,
};
use http::{Request, StatusCode};

fn verified(issuer: &str, subject: &str) -> Authentication {
    Authentication::Verified(Principal::user(issuer, subject).build(), Challenges::none())
}

#[test]
fn the_first_value_of_a_slot_stays() {
    let facts = RequestFacts::new();
    let [first, second] = [[1; 16], [2; 16]].map(RequestId::from_random);
    assert!(facts.set_request_id(first));
    assert!(!facts.set_request_id(second));
    assert_eq!(facts.request_id(), Some(&first));
}

#[test]
fn layers_of_one_request_share_their_facts() {
    let mut request = Request::new(());
    let outer = RequestFacts::ensure(&mut request);
    let inner = RequestFacts::ensure(&mut request);
    let refusal = Rejection::new("t", RejectionClass::Limit, "slug", StatusCode::TOO_MANY_REQUESTS);
    assert!(inner.set_rejection(refusal));
    assert_eq!(outer.rejection().map(Rejection::slug), Some("slug"));
}

#[test]
fn nobody_is_not_the_same_as_not_asked() {
    let facts = RequestFacts::new();
    assert!(facts.authentication().is_none());
    facts.authenticate(Authentication::Anonymous(Challenges::none())).unwrap();
    assert!(matches!(facts.authentication(), Some(Authentication::Anonymous(_))));
    facts.authenticate(verified("i", "alice")).unwrap();
    facts.authenticate(Authentication::Anonymous(Challenges::none())).unwrap();
    assert_eq!(facts.principal().map(Principal::subject), Some("alice"), "nobody never overwrites somebody");
}

#[test]
fn two_credentials_must_name_one_subject() {
    let facts = RequestFacts::new();
    facts.authenticate(verified("i", "alice")).unwrap();
    assert_eq!(facts.authenticate(verified("i", "alice")), Ok(()));
    assert!(facts.authenticate(verified("i", "bob")).is_err());
    assert!(facts.authenticate(verified("j", "alice")).is_err(), "issuers differ");
}

#[test]
fn what_the_client_wants_is_read_once() {
    for (name, value, wants) in [
        ("sec-fetch-mode", "navigate", Wants::Page),
        ("sec-fetch-mode", "cors", Wants::Problem),
        ("accept", "text/html,*/*", Wants::Page),
        ("accept", "application/json", Wants::Problem),
        ("content-type", "application/grpc+proto", Wants::Grpc),
    ] {
        let mut request = Request::builder().header(name, value).body(()).unwrap();
        assert_eq!(RequestFacts::ensure(&mut request).wants(), wants, "{name}: {value}");
    }
}

#[test]
fn of_a_field_that_came_twice_the_first_counts() {
    let twice = |name, first, second| {
        let request = Request::builder().header(name, first).header("host", "x").header(name, second);
        RequestFacts::ensure(&mut request.body(()).unwrap()).wants()
    };
    assert_eq!(twice("accept", "text/html", "application/json"), Wants::Page);
    assert_eq!(twice("accept", "application/json", "text/html"), Wants::Problem);
    assert_eq!(twice("sec-fetch-mode", "cors", "navigate"), Wants::Problem);
    assert_eq!(twice("content-type", "text/plain", "application/grpc"), Wants::Problem);
}

#[test]
fn request_ids_from_outside_are_short_and_plain() {
    assert_eq!(RequestId::parse(b"a.B_9-").unwrap().as_str(), "a.B_9-");
    for bad in [&b""[..], b"a b", b"a\n", "ä".as_bytes(), &[b'a'; 65]] {
        assert!(RequestId::parse(bad).is_none());
    }
}

#[test]
fn inner_layers_hand_on_a_decision_point_of_their_own() {
    let mut request = Request::new(());
    let outer = RequestFacts::ensure(&mut request);
    let hand_on = |request: &mut Request<()>, point: Option<&'static str>| {
        let point = point.map(|point| -> DecisionPoint { Arc::new(Box::new(point)) });
        assert!(RequestFacts::hand_on(request.extensions_mut(), point));
    };
    let found = |facts: &RequestFacts| facts.decision_point()?.downcast_ref::<&str>().copied();

    hand_on(&mut request, Some("outer"));
    let between = RequestFacts::ensure(&mut request);
    hand_on(&mut request, Some("inner"));
    let inner = RequestFacts::of(request.extensions()).unwrap();
    assert_eq!([&outer, &between, inner].map(found), [None, None, Some("inner")], "only the request says it");
    assert_eq!(
        found(request.extensions().clone().get::<RequestFacts>().unwrap()),
        Some("inner"),
        "a request that is tried again"
    );
    assert!(!RequestFacts::hand_on(Request::new(()).extensions_mut(), None), "there are no facts");
    hand_on(&mut request, None);
    assert_eq!(found(RequestFacts::of(request.extensions()).unwrap()), None);
}
