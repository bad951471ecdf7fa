//! Several issuers in one verifier.

use gambeson_core::{Health, HealthCheck};
use gambeson_oidc_auth::{AuthLayer, Issuer, Reason, Verifier};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::fake_issuer::{House, ISSUER, Mood, claims, poll_once, static_verifier};
use crate::signer::Signer;

const SECOND: &str = "https://second.example";

/// A verifier of the second issuer with its own audience.
fn second(signer: &Signer) -> Verifier {
    let keys = json!({"keys": [signer.jwk()]}).to_string();
    let issuer = Issuer::static_keys(SECOND, keys);
    let audience = Verifier::builder(issuer).audience("second-api");
    let house = House::with(&[]);
    audience.clock(std::sync::Arc::new(house.clock.clone())).build().unwrap()
}

fn of(iss: &str, aud: &str) -> Value {
    let mut claims = claims();
    (claims["iss"], claims["aud"]) = (json!(iss), json!(aud));
    claims
}

#[test]
fn each_issuer_has_its_own_keys_and_audience() {
    // The same key name on both sides: only `iss` says which is meant.
    let (first, other) = (Signer::es256("k"), Signer::es256("k"));
    let verifier = Verifier::any_of([static_verifier(&[&first]).build().unwrap(), second(&other)]).unwrap();
    assert_eq!(verifier.verify(&first.token(&of(ISSUER, "api"))).unwrap().issuer(), ISSUER);
    assert_eq!(verifier.verify(&other.token(&of(SECOND, "second-api"))).unwrap().issuer(), SECOND);
    for (signer, iss, aud, reason) in [
        (&first, SECOND, "second-api", Reason::Signature),
        (&other, ISSUER, "api", Reason::Signature),
        (&first, ISSUER, "second-api", Reason::Audience),
        (&other, SECOND, "api", Reason::Audience),
        (&first, "https://third.example", "api", Reason::Issuer),
        (&first, "https://id.example/", "api", Reason::Issuer),
    ] {
        // Twice: what one issuer's cache holds is no other's.
        for _ in 0..2 {
            let error = verifier.verify(&signer.token(&of(iss, aud))).unwrap_err();
            assert_eq!(error.reason(), reason, "{iss} {aud}: {error}");
        }
    }
    assert_eq!(verifier.status().cached, 2);
    assert_eq!(verifier.each().map(Verifier::issuer).collect::<Vec<_>>(), [ISSUER, SECOND]);
}

#[test]
fn tokens_that_name_no_issuer_clearly_are_refused() {
    let signer = Signer::es256("k");
    let verifier = Verifier::any_of([static_verifier(&[&signer]).build().unwrap(), second(&signer)]).unwrap();
    let token = |payload: &str| signer.token_of(&signer.header().to_string(), payload);
    for (payload, reason) in [
        ("{}".to_owned(), Reason::Issuer),
        (format!(r#"{{"iss":["{ISSUER}"]}}"#), Reason::Malformed),
        (format!(r#"{{"iss":"{ISSUER}","iss":"{SECOND}"}}"#), Reason::Malformed),
        ("[]".to_owned(), Reason::Malformed),
    ] {
        assert_eq!(verifier.verify(&token(&payload)).unwrap_err().reason(), reason, "{payload}");
    }
    assert_eq!(verifier.verify(&"x".repeat(9_000)).unwrap_err().reason(), Reason::TooLarge);
}

#[test]
fn an_issuer_whose_name_begins_like_another_s_is_another() {
    let (outer, inner) = (Signer::es256("k"), Signer::es256("k"));
    let issuer = |name: &str, signer: &Signer| {
        let issuer = Issuer::static_keys(name, json!({"keys": [signer.jwk()]}).to_string());
        House::with(&[]).builder_of(Verifier::builder(issuer)).build().unwrap()
    };
    let realm = "https://id.example/realms/a";
    for order in [[(ISSUER, &outer), (realm, &inner)], [(realm, &inner), (ISSUER, &outer)]] {
        let verifier = Verifier::any_of(order.map(|(name, signer)| issuer(name, signer))).unwrap();
        verifier.verify(&outer.token(&of(ISSUER, "api"))).unwrap();
        verifier.verify(&inner.token(&of(realm, "api"))).unwrap();
        assert!(verifier.verify(&outer.token(&of(realm, "api"))).is_err());
    }
}

#[test]
fn an_issuer_is_named_once_and_there_is_one() {
    let signer = Signer::es256("k");
    let one = || static_verifier(&[&signer]).build().unwrap();
    assert!(Verifier::any_of([one(), one()]).unwrap_err().to_string().contains(ISSUER));
    assert!(Verifier::any_of([]).is_err());
    let both = Verifier::any_of([one(), second(&signer)]).unwrap();
    assert!(Verifier::any_of([both, one()]).is_err(), "those of a verifier count");
}

#[tokio::test]
async fn refusals_are_audited_whoever_s_they_are() {
    let (signer, sink) = (Signer::es256("k"), gambeson_testing::RecordingAuditSink::new());
    let audited = static_verifier(&[&signer]).audit(std::sync::Arc::new(sink.clone())).build().unwrap();
    let layer = AuthLayer::new(Verifier::any_of([second(&signer), audited]).unwrap());
    let app = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(bytes::Bytes::new()))
    }));
    for (iss, reason) in [(ISSUER, "audience"), ("https://third.example", "issuer")] {
        let token = signer.token(&of(iss, "nobody's"));
        let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
        assert_eq!(sink.events().last().unwrap().reason.as_deref(), Some(reason));
    }
}

#[tokio::test]
async fn one_issuer_s_outage_and_rotation_are_its_own() {
    let (old, new, other) = (Signer::es256("old"), Signer::es256("new"), Signer::es256("k"));
    let house = House::with(&[&old]);
    let verifier = Verifier::any_of([second(&other), house.verifier().await]).unwrap();
    let layer = AuthLayer::new(verifier.clone());
    let ask = async |token: String| {
        let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
        let app = service_fn(async |_: Request<()>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(bytes::Bytes::new()))
        });
        layer.layer(app).oneshot(request).await.unwrap().status()
    };
    house.issuer.publish(&[&new]);
    assert_eq!(ask(new.token(&of(ISSUER, "api"))).await, StatusCode::OK, "waits for its issuer's keys");
    house.issuer.mood(Mood::Down);
    house.pass_seconds(3_600).await;
    let unknown = Signer::es256("unknown").token(&{
        let mut claims = of(ISSUER, "api");
        claims["exp"] = json!(crate::fake_issuer::START + 7_200);
        claims
    });
    let mut waiting = std::pin::pin!(verifier.verify_or_wait(&unknown, None));
    assert!(poll_once(waiting.as_mut()).is_pending());
    house.pass_seconds(60).await;
    let std::task::Poll::Ready(Err(down)) = poll_once(waiting.as_mut()) else { panic!("still waiting") };
    assert_eq!(down.reason(), Reason::KeysUnavailable);
    let fresh = {
        let mut claims = of(SECOND, "second-api");
        claims["exp"] = json!(crate::fake_issuer::START + 7_200);
        claims
    };
    assert_eq!(ask(other.token(&fresh)).await, StatusCode::OK);
    assert!(matches!(HealthCheck::check(&verifier), gambeson_core::Answer::Ready(Health::Degraded(_))));
}
