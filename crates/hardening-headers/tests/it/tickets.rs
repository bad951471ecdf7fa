//! One-use tickets for handshakes.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Authentication, Challenges, FixedEntropy, ManualClock, Principal, RequestFacts, Timestamp,
};
use gambeson_hardening_headers::tickets::{TicketErrorKind, TicketRules, Tickets};
use gambeson_testing::contract::{self, Cases};
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn user(name: &str) -> Principal {
    Principal::user("https://id.example", name).build()
}

fn tickets(rules: TicketRules) -> (Tickets, ManualClock) {
    let clock = ManualClock::at(START);
    let made = Tickets::with(rules, Arc::new(clock.clone()), Arc::new(FixedEntropy::default())).unwrap();
    (made, clock)
}

fn name(redeemed: Option<Principal>) -> Option<String> {
    redeemed.map(|caller| caller.subject().to_owned())
}

#[test]
fn a_ticket_is_good_once_for_who_asked_for_it() {
    let (tickets, _) = tickets(TicketRules::new());
    let (alice, bob) = (tickets.issue(&user("alice"), "/live"), tickets.issue(&user("bob"), "/live"));
    let (alice, bob) = (alice.unwrap(), bob.unwrap());
    assert_eq!(name(tickets.redeem(bob.as_str(), "/live")).as_deref(), Some("bob"));
    assert_eq!(name(tickets.redeem(alice.as_str(), "/live")).as_deref(), Some("alice"));
    assert_eq!(name(tickets.clone().redeem(alice.as_str(), "/live")), None, "used");
}

#[test]
fn without_randomness_no_ticket_is_given() {
    let entropy = Arc::new(FixedEntropy::default());
    let clock = Arc::new(ManualClock::at(START));
    let tickets = Tickets::with(TicketRules::new(), clock, Arc::<FixedEntropy>::clone(&entropy)).unwrap();
    entropy.fail(true);
    let error = tickets.issue(&user("alice"), "/live").unwrap_err();
    assert_eq!(error.kind(), TicketErrorKind::NoRandomness);
    entropy.fail(false);
    let ticket = tickets.issue(&user("alice"), "/live").unwrap();
    assert_eq!(name(tickets.redeem(ticket.as_str(), "/live")).as_deref(), Some("alice"));
}

#[test]
fn a_ticket_ends_by_the_clock() {
    let (tickets, clock) = tickets(TicketRules::new());
    let [early, late] = [(); 2].map(|()| tickets.issue(&user("alice"), "/live").unwrap());
    clock.advance(Duration::from_millis(29_999));
    assert!(tickets.redeem(early.as_str(), "/live").is_some());
    clock.advance(Duration::from_millis(1));
    assert!(tickets.redeem(late.as_str(), "/live").is_none());
}

#[test]
fn a_ticket_is_for_one_path_and_used_up_at_any() {
    let (tickets, _) = tickets(TicketRules::new());
    for other in ["/", "/live/", "/Live", "/live/x", "//live", ""] {
        let ticket = tickets.issue(&user("alice"), "/live").unwrap();
        assert!(tickets.redeem(ticket.as_str(), other).is_none(), "{other}");
        assert!(tickets.redeem(ticket.as_str(), "/live").is_none(), "used up at {other}");
    }
    for none in ["live", "", "/live?x", "/live#x", &format!("/{}", "x".repeat(256))] {
        assert_eq!(tickets.issue(&user("alice"), none).unwrap_err().kind(), TicketErrorKind::Path, "{none}");
    }
}

#[test]
fn a_ticket_ends_with_the_credential_of_who_asked_for_it() {
    let (tickets, clock) = tickets(TicketRules::new());
    let soon = START.plus(Duration::from_secs(10));
    let short = Principal::user("https://id.example", "alice").expires_at(soon).build();
    let (expires, revoked) = (tickets.issue(&short, "/").unwrap(), user("bob"));
    let ended = tickets.issue(&revoked, "/").unwrap();
    revoked.end_signal().end();
    assert!(tickets.redeem(ended.as_str(), "/").is_none());
    clock.advance(Duration::from_secs(10));
    assert!(tickets.redeem(expires.as_str(), "/").is_none());
}

#[test]
fn what_was_never_given_is_nobodys() {
    let (tickets, _) = tickets(TicketRules::new());
    let ticket = tickets.issue(&user("alice"), "/").unwrap();
    let other_secret = format!("{}{}", &ticket.as_str()[..8], "0".repeat(40));
    let no_place = format!("ffffffff{}", &ticket.as_str()[8..]);
    let capitals = ticket.as_str().to_uppercase();
    let longer = format!("{}0", ticket.as_str());
    for forged in
        ["", "0", &other_secret, &no_place, &capitals, &longer, &ticket.as_str()[1..], &"\u{e9}".repeat(24)]
    {
        assert!(tickets.redeem(forged, "/").is_none(), "{forged}");
    }
    assert!(tickets.redeem(ticket.as_str(), "/").is_some(), "guessing uses up nobody's");
}

#[test]
fn nobody_takes_the_places_of_others() {
    let (tickets, clock) = tickets(TicketRules::new().places(5).per_subject(2));
    let kind = |name: &str| tickets.issue(&user(name), "/").map(drop).map_err(|error| error.kind());
    assert_eq!([kind("alice"), kind("alice")], [Ok(()), Ok(())]);
    assert_eq!(kind("alice"), Err(TicketErrorKind::TooMany));
    assert_eq!([kind("bob"), kind("bob"), kind("carol")], [Ok(()), Ok(()), Ok(())]);
    assert_eq!(kind("dora"), Err(TicketErrorKind::Full));
    assert_eq!(kind("alice"), Err(TicketErrorKind::TooMany));
    clock.advance(Duration::from_secs(30));
    assert_eq!([kind("dora"), kind("alice"), kind("alice")], [Ok(()), Ok(()), Ok(())], "those are over");
    assert_eq!(kind("alice"), Err(TicketErrorKind::TooMany));
}

/// However many come and go, the table has its size, and no ticket is given twice.
#[test]
fn a_used_ticket_makes_room() {
    let (tickets, _) = tickets(TicketRules::new().places(2).per_subject(1));
    let mut seen = HashSet::new();
    for _ in 0..10_000 {
        let ticket = tickets.issue(&user("alice"), "/").unwrap();
        assert!(seen.insert(ticket.as_str().to_owned()) && ticket.as_str().len() == 48);
        assert!(tickets.redeem(ticket.as_str(), "/").is_some());
    }
}

#[test]
fn no_debug_has_a_ticket_in_it() {
    let (tickets, _) = tickets(TicketRules::new());
    let ticket = tickets.issue(&user("alice"), "/").unwrap();
    let shown = format!("{ticket:?} {tickets:?} {:?}", tickets.layer());
    assert!(!shown.contains(&ticket.as_str()[8..16]), "{shown}");
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let rules =
        TicketRules::new().lifetime(Duration::from_secs(301)).places(0).per_subject(1).parameter("a&b");
    assert_eq!(Tickets::new(rules).unwrap_err().problems().len(), 4);
    let kinds = [TicketErrorKind::TooMany, TicketErrorKind::Full, TicketErrorKind::Path];
    let (tickets, _) = tickets(TicketRules::new().places(1).per_subject(1));
    tickets.issue(&user("alice"), "/").unwrap();
    let errors = [("alice", "/"), ("bob", "/"), ("bob", "x")]
        .map(|(who, path)| tickets.issue(&user(who), path).unwrap_err());
    assert_eq!(errors.map(|error| error.kind()), kinds);
    assert_eq!(errors.map(|error| error.rejection().status().as_u16()), [429, 503, 400]);
}

/// Who the app sees, and at which address.
async fn seen(tickets: &Tickets, request: Request<()>) -> String {
    let app = tickets.layer().layer(service_fn(async |request: Request<()>| {
        let facts = RequestFacts::of(request.extensions());
        let who = facts.and_then(RequestFacts::principal).map_or("nobody", Principal::subject).to_owned();
        Ok::<_, Infallible>(Response::new(format!("{who} {}", request.uri())))
    }));
    app.oneshot(request).await.unwrap().into_body()
}

fn handshake(uri: &str) -> Request<()> {
    Request::get(uri).header("connection", "upgrade").header("upgrade", "websocket").body(()).unwrap()
}

#[tokio::test]
async fn the_layer_knows_who_redeems_a_ticket_and_hides_it() {
    let (tickets, _) = tickets(TicketRules::new());
    let new = || tickets.issue(&user("alice"), "/live").unwrap();
    let of = |ticket: &str| format!("/live?a=1&ticket={ticket}&b=%20");
    let ticket = new();
    assert_eq!(seen(&tickets, handshake(&of(ticket.as_str()))).await, "alice /live?a=1&b=%20");
    assert_eq!(seen(&tickets, handshake(&of(ticket.as_str()))).await, "nobody /live?a=1&b=%20");
    assert_eq!(seen(&tickets, handshake(&format!("/live?ticket={}", new().as_str()))).await, "alice /live");
    let absolute = format!("https://app.example.com/live?ticket={}", new().as_str());
    assert_eq!(seen(&tickets, handshake(&absolute)).await, "alice https://app.example.com/live");
    let other_path = format!("/notes?ticket={}", new().as_str());
    assert_eq!(seen(&tickets, handshake(&other_path)).await, "nobody /notes");
    let twice = format!("/live?ticket={}&ticket={}", new().as_str(), new().as_str());
    assert_eq!(seen(&tickets, handshake(&twice)).await, "nobody /live");
    for plain in ["/live", "/live?", "/live?tickets=1&my-ticket=2", "/live?a"] {
        assert_eq!(seen(&tickets, handshake(plain)).await, format!("nobody {plain}"));
    }
    let stream = Request::get(of(new().as_str())).header("accept", "text/event-stream").body(()).unwrap();
    assert_eq!(seen(&tickets, stream).await, "alice /live?a=1&b=%20");
}

/// A router keeps the whole address for whoever asks.
#[cfg(feature = "axum")]
#[tokio::test]
async fn the_address_that_a_router_keeps_has_no_ticket_either() {
    use axum::Router;
    use axum::extract::OriginalUri;
    use axum::routing::get;

    let (tickets, _) = tickets(TicketRules::new());
    let seen = async |OriginalUri(uri): OriginalUri| uri.to_string();
    let inner = Router::new().route("/live", get(seen)).layer(tickets.layer());
    let app: Router = Router::new().nest("/app", inner);
    let ticket = tickets.issue(&user("alice"), "/live").unwrap();
    for query in [format!("ticket={}", ticket.as_str()), "ticket=1&ticket=2".to_owned()] {
        let request = handshake(&format!("/app/live?a=1&{query}")).map(|()| axum::body::Body::empty());
        let answer = app.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 10).await.unwrap();
        assert_eq!(body, "/app/live?a=1");
    }
}

#[tokio::test]
async fn elsewhere_than_in_a_handshake_a_ticket_is_nothing() {
    let (tickets, _) = tickets(TicketRules::new());
    let ticket = tickets.issue(&user("alice"), "/live").unwrap();
    let uri = format!("/live?ticket={}", ticket.as_str());
    for request in [Request::get(&uri), Request::post(&uri).header("upgrade", "websocket")] {
        assert_eq!(seen(&tickets, request.body(()).unwrap()).await, format!("nobody {uri}"));
    }
    assert_eq!(seen(&tickets, handshake(&uri)).await, "alice /live", "it is not used up by that");
}

#[tokio::test]
async fn a_request_that_is_somebody_elses_stays_so() {
    let (tickets, _) = tickets(TicketRules::new());
    for (who, expected) in [("bob", "bob /live"), ("alice", "alice /live")] {
        let ticket = tickets.issue(&user("alice"), "/live").unwrap();
        let mut request = handshake(&format!("/live?ticket={}", ticket.as_str()));
        let known = Authentication::Verified(user(who), Challenges::none());
        RequestFacts::ensure(&mut request).authenticate(known).unwrap();
        assert_eq!(seen(&tickets, request).await, expected);
        assert!(tickets.redeem(ticket.as_str(), "/live").is_none(), "used up");
    }
}

#[tokio::test]
async fn keeps_the_laws_of_a_layer() {
    let (tickets, _) = tickets(TicketRules::new());
    let pass = || Request::get("/live").header("upgrade", "websocket").body(Bytes::new()).unwrap();
    contract::check(move || tickets.layer(), Cases::passing(pass)).await;
}
