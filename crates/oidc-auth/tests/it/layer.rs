//! The layer around an app.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Answer, AuditError, AuditEvent, AuditKind, AuditSink, Authentication, Challenges, Durability, Outcome,
    PeerInfo, Principal, Receipt, RequestFacts,
};
use gambeson_oidc_auth::AuthLayer;
use http::{Request, Response, StatusCode, header};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::fake_issuer::{House, Mood, claims, claims_with, poll_once, settle, static_verifier};
use crate::signer::Signer;

type Answered = Result<Response<Bytes>, Infallible>;

/// Says who it is: a subject, `nobody`, or `nothing` where no layer ran.
async fn app(request: Request<()>) -> Answered {
    let facts = RequestFacts::of(request.extensions()).cloned().unwrap_or_default();
    let who = match facts.authentication() {
        None => "nothing".to_owned(),
        Some(found) => found.principal().map_or("nobody".to_owned(), |p| p.subject().to_owned()),
    };
    Ok(Response::new(who.into()))
}

fn get(authorization: Option<&str>) -> Request<()> {
    let mut request = Request::get("/notes");
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    request.body(()).unwrap()
}

async fn ask(layer: &AuthLayer, request: Request<()>) -> Response<Bytes> {
    layer.layer(service_fn(app)).oneshot(request).await.unwrap()
}

fn challenge(answer: &Response<Bytes>) -> &str {
    answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap()
}

#[tokio::test]
async fn somebody_nobody_and_nothing() {
    let signer = Signer::es256("k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    let bearer = format!("bearer {}", signer.token(&claims()));
    let layer = AuthLayer::new(verifier.clone());
    assert_eq!(ask(&layer, get(Some(&bearer))).await.body(), "alice");
    assert_eq!(ask(&layer, get(None)).await.body(), "nobody");
    assert_eq!(ask(&layer, get(Some("Basic YTpi"))).await.body(), "nobody");
    assert_eq!(ask(&AuthLayer::off(), get(Some(&bearer))).await.body(), "nothing");
    let required = AuthLayer::required(verifier);
    assert_eq!(ask(&required, get(Some(&bearer))).await.body(), "alice");
    let refused = ask(&required, get(None)).await;
    assert_eq!((refused.status(), challenge(&refused)), (StatusCode::UNAUTHORIZED, "Bearer"));
}

#[tokio::test]
async fn a_bad_token_is_told_no_more_than_that() {
    let signer = Signer::es256("k");
    let layer = AuthLayer::new(static_verifier(&[&signer]).build().unwrap()).realm("notes");
    let mut bodies = Vec::new();
    let expired = signer.token(&claims_with("exp", 1.into()));
    let other = signer.token(&claims_with("aud", "other".into()));
    let unknown = Signer::es256("x").token(&claims());
    for token in ["x", "a b", "a.b.c", &expired, &other, &unknown] {
        let answer = ask(&layer, get(Some(&format!("Bearer {token}")))).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{token}");
        assert_eq!(challenge(&answer), r#"Bearer realm="notes", error="invalid_token""#);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        bodies.push(answer.into_body());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "every reason has the same words");
    let body = String::from_utf8_lossy(&bodies[0]).into_owned();
    assert!(body.contains("https://docs.rs/gambeson-oidc-auth#invalid-token"), "{body}");
    assert!(body.contains(r#""error":"invalid_token""#), "{body}");
}

/// RFC 6750 §3.1: a request without the token it names lacks a parameter; a token that can't be read is a bad token.
#[tokio::test]
async fn a_scheme_without_a_token_is_a_bad_request() {
    let layer = AuthLayer::new(static_verifier(&[&Signer::es256("k")]).build().unwrap());
    for (value, status, error) in [
        (&b"Bearer"[..], StatusCode::BAD_REQUEST, r#"Bearer error="invalid_request""#),
        (b"bearer  ", StatusCode::BAD_REQUEST, r#"Bearer error="invalid_request""#),
        (b"DPoP ", StatusCode::BAD_REQUEST, r#"Bearer error="invalid_request""#),
        (b"Bearer \xff", StatusCode::UNAUTHORIZED, r#"Bearer error="invalid_token""#),
        (b"Bearer a b", StatusCode::UNAUTHORIZED, r#"Bearer error="invalid_token""#),
    ] {
        let mut request = get(None);
        let value = http::HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value.clone());
        let answer = ask(&layer, request).await;
        assert_eq!((answer.status(), challenge(&answer)), (status, error), "{value:?}");
    }
}

#[tokio::test]
async fn more_than_one_credential_is_a_bad_request() {
    let signer = Signer::es256("k");
    let layer = AuthLayer::new(static_verifier(&[&signer]).build().unwrap());
    let bearer = format!("Bearer {}", signer.token(&claims()));
    let mut two = get(Some(&bearer));
    two.headers_mut().append(header::AUTHORIZATION, bearer.parse().unwrap());
    let answer = ask(&layer, two).await;
    assert_eq!(
        (answer.status(), challenge(&answer)),
        (StatusCode::BAD_REQUEST, r#"Bearer error="invalid_request""#)
    );
    assert!(String::from_utf8_lossy(answer.body()).contains(r#""error":"invalid_request""#));

    for (subject, status) in [("bob", StatusCode::BAD_REQUEST), ("alice", StatusCode::OK)] {
        let mut request = get(Some(&bearer));
        let session = Principal::user(crate::fake_issuer::ISSUER, subject).build();
        let before = Authentication::Verified(session, Challenges::none());
        RequestFacts::ensure(&mut request).authenticate(before).unwrap();
        assert_eq!(ask(&layer, request).await.status(), status, "{subject}");
    }
}

#[derive(Debug, Default, Clone)]
struct Events(Arc<Mutex<Vec<AuditEvent>>>);

impl AuditSink for Events {
    fn record(&self, event: AuditEvent, durability: Durability) -> Answer<Result<Receipt, AuditError>> {
        assert_eq!(durability, Durability::Async);
        self.0.lock().unwrap().push(event);
        Answer::Ready(Ok(Receipt::queued()))
    }
}

/// Strangers can send any number of bad tokens; the log stays readable, and says how many there were.
#[cfg(feature = "client")]
#[tokio::test]
async fn junk_does_not_flood_the_log() {
    crate::log::listen();
    let (signer, house) = (Signer::es256("k"), House::with(&[]));
    let clock = Arc::new(house.clock.clone());
    let layer = AuthLayer::new(static_verifier(&[&signer]).clock(clock).build().unwrap());
    let other = format!("Bearer {}", signer.token(&claims_with("aud", "other".into())));
    let mut two = get(Some("Bearer a"));
    two.headers_mut().append(header::AUTHORIZATION, "Bearer b".parse().unwrap());
    let _ = crate::log::lines();
    for _ in 0..200 {
        for junk in ["Bearer x", &other] {
            assert_eq!(ask(&layer, get(Some(junk))).await.status(), StatusCode::UNAUTHORIZED);
        }
        assert_eq!(ask(&layer, two.clone()).await.status(), StatusCode::BAD_REQUEST);
        house.pass(Duration::from_millis(500)).await;
    }
    let lines = crate::log::lines();
    let of = |start: &str| -> Vec<&str> { lines.lines().filter(|line| line.starts_with(start)).collect() };
    let (warnings, information) = (of("WARN"), of("INFO"));
    assert_eq!((warnings.len(), information.len()), (2, 4), "one a kind and minute\n{lines}");
    assert!(warnings[0].contains("others=0") && warnings[1].contains("others=119"), "{warnings:?}");
    assert_eq!(of("DEBUG").len(), 3 * 200 - 6, "each is there for who looks for it");
}

#[tokio::test]
async fn refusals_are_audited_and_outer_layers_learn_of_them() {
    let (signer, events) = (Signer::es256("k"), Events::default());
    let verifier = static_verifier(&[&signer]).audit(Arc::new(events.clone())).build().unwrap();
    let layer = AuthLayer::new(verifier);
    let mut request = get(Some(&format!("Bearer {}", signer.token(&claims_with("aud", "other".into())))));
    let facts = RequestFacts::ensure(&mut request);
    ask(&layer, request).await;
    let rejection = facts.rejection().unwrap();
    assert_eq!(rejection.slug(), "invalid-token");
    assert!(rejection.private_cause().unwrap().to_string().contains("other"));
    assert!(matches!(facts.authentication(), Some(Authentication::Anonymous(_))));
    ask(&layer, get(Some(&format!("Bearer {}", signer.token(&claims()))))).await;
    let events = events.0.lock().unwrap();
    assert_eq!(events.len(), 1, "a token that is accepted is no event of its own");
    assert_eq!((events[0].kind, events[0].outcome), (AuditKind::Authentication, Outcome::Denied));
    assert_eq!(events[0].reason.as_deref(), Some("audience"));
}

#[tokio::test]
async fn a_request_waits_for_its_key_and_goes_on() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let house = House::with(&[&old]);
    let layer = AuthLayer::new(house.verifier().await);
    house.issuer.publish(&[&new]);
    let answer = ask(&layer, get(Some(&format!("Bearer {}", new.token(&claims()))))).await;
    assert_eq!(answer.body(), "alice");
    let stranger = Signer::es256("x").token(&claims());
    let mut service = layer.layer(service_fn(app));
    let mut waiting = pin!(service.call(get(Some(&format!("Bearer {stranger}")))));
    assert!(poll_once(waiting.as_mut()).is_pending());
    house.pass_seconds(2).await;
    let Poll::Ready(Ok(answer)) = poll_once(waiting.as_mut()) else { panic!("still waiting") };
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_outage_is_503_and_never_401() {
    let known = Signer::es256("known");
    let house = House::with(&[&known]);
    let verifier = house.verifier().await;
    let layer = AuthLayer::new(verifier.clone());
    house.issuer.mood(Mood::Down);
    let token = Signer::es256("new").token(&claims());
    let answer = ask(&layer, get(Some(&format!("Bearer {token}")))).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "2");
    assert!(answer.headers().get(header::WWW_AUTHENTICATE).is_none());
    assert_eq!(ask(&layer, get(Some(&format!("Bearer {}", known.token(&claims()))))).await.body(), "alice");
}

#[tokio::test]
async fn the_clients_address_shares_out_the_places() {
    let house = House::with(&[]);
    let verifier =
        house.builder().keys(gambeson_oidc_auth::KeyPolicy::default().max_waiting(2, 1)).build().unwrap();
    house.issuer.mood(Mood::Hangs);
    let mut service = AuthLayer::new(verifier.clone()).layer(service_fn(app));
    let token = Signer::es256("k").token(&claims());
    let mut call = |last: u8| {
        let mut request = get(Some(&format!("Bearer {token}")));
        let mut peer = PeerInfo::new();
        peer.address = Some([192, 0, 2, last].into());
        RequestFacts::ensure(&mut request).set_peer(peer);
        Box::pin(service.call(request))
    };
    let (mut first, mut second, mut other) = (call(1), call(1), call(2));
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(other.as_mut()).is_pending());
    let Poll::Ready(Ok(answer)) = poll_once(second.as_mut()) else { panic!("two places for one") };
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(verifier.status().waiting, 2);
    drop((first, other));
    assert_eq!(verifier.status().waiting, 0, "a client that leaves gives its place back");
    house.pass(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn the_token_is_not_printed_further_inside() {
    let signer = Signer::es256("k");
    let layer = AuthLayer::new(static_verifier(&[&signer]).build().unwrap());
    let token = signer.token(&claims());
    let show = service_fn(|request: Request<()>| async move {
        Ok::<_, Infallible>(Response::new(Bytes::from(format!("{:?}", request.headers()))))
    });
    let answer = layer.layer(show).oneshot(get(Some(&format!("Bearer {token}")))).await.unwrap();
    assert!(!String::from_utf8_lossy(answer.body()).contains(&token));
    settle().await;
}
