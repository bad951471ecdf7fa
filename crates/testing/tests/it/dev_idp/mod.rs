//! The dev identity provider over real sockets; signatures are checked by a library that did not make them.

mod code;
mod exchange;
mod grants;
mod sign_in_page;
mod sign_out;
mod sign_out_elsewhere;
mod web;

use std::time::Duration;

use gambeson_core::{ManualClock, Profile, Timestamp};
use gambeson_testing::{DevIdp, DevIdpErrorKind, Fault, SigningAlgorithm, eventually};
use http::Request;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::loopback_client::{get, json, post, raw, send};

async fn start() -> DevIdp {
    DevIdp::builder().audience("notes").start().await.unwrap()
}

/// The claims, if the signature and the time are good by the key set.
fn verified(token: &str, jwks: Value) -> Result<Value, jsonwebtoken::errors::Error> {
    let keys: JwkSet = serde_json::from_value(jwks).unwrap();
    let header = decode_header(token)?;
    let key = keys.find(header.kid.as_deref().unwrap()).expect("the kid is in the key set");
    let mut validation = Validation::new(header.alg);
    validation.algorithms =
        vec![if header.alg == Algorithm::ES256 { Algorithm::ES256 } else { Algorithm::RS256 }];
    validation.set_audience(&["notes"]);
    Ok(decode::<Value>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims)
}

#[tokio::test]
async fn tokens_of_both_algorithms_verify_with_the_published_keys() {
    let idp = start().await;
    let jwks = json(&get(idp.address(), "/jwks").await.unwrap());
    for alg in ["RS256", "ES256"] {
        let answer = json(&post(idp.address(), "/dev/token", &format!("user=alice&alg={alg}")).await);
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(300)));
        let token = answer["access_token"].as_str().unwrap();
        let header = decode_header(token).unwrap();
        assert_eq!((header.typ.as_deref(), format!("{:?}", header.alg).as_str()), (Some("at+jwt"), alg));
        let claims = verified(token, jwks.clone()).unwrap();
        assert_eq!(claims["iss"], idp.issuer());
        assert_eq!(
            (&claims["sub"], &claims["roles"], &claims["tenant"]),
            (&json!("alice"), &json!(["editor"]), &json!("acme"))
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    }
    assert_eq!(idp.requests("/jwks"), 1);
}

#[tokio::test]
async fn a_bare_token_is_given_for_plain_text() {
    let idp = start().await;
    let request =
        Request::post("/dev/token").header("accept", "text/plain").body("user=dave".to_owned()).unwrap();
    let answer = send(idp.address(), request).await.unwrap();
    let token = std::str::from_utf8(answer.body()).unwrap();
    assert_eq!(verified(token, idp.jwks()).unwrap()["tenant"], "globex");
    let unknown = post(idp.address(), "/dev/token", "user=nobody").await;
    assert_eq!(unknown.status(), 400);
    assert!(std::str::from_utf8(unknown.body()).unwrap().contains("alice, bob, carol, dave"));
}

#[tokio::test]
async fn metadata_names_the_endpoints_and_marks_the_issuer() {
    let idp = start().await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let metadata = json(&get(idp.address(), path).await.unwrap());
        assert_eq!(metadata["issuer"], idp.issuer());
        assert_eq!(metadata["jwks_uri"], format!("{}/jwks", idp.issuer()));
        assert_eq!(metadata["gambeson_dev_idp"], true);
    }
}

#[tokio::test]
async fn services_get_tokens_by_both_ways_and_only_with_their_secret() {
    let idp = start().await;
    let posted = "grant_type=client_credentials&client_id=service&client_secret=dev-service-secret";
    let answer = json(&post(idp.address(), "/token", posted).await);
    let claims = verified(answer["access_token"].as_str().unwrap(), idp.jwks()).unwrap();
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("service"), &json!("service")));

    let basic = |pair: &str| {
        use base64::Engine;
        let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        let form = "grant_type=client_credentials".to_owned();
        Request::post("/token").header("authorization", value).body(form).unwrap()
    };
    assert_eq!(send(idp.address(), basic("service:dev-service-secret")).await.unwrap().status(), 200);
    let refused = send(idp.address(), basic("service:wrong")).await.unwrap();
    let trailing = basic("service:dev-service-secret=and-more&more");
    assert_eq!(send(idp.address(), trailing).await.unwrap().status(), 401);
    assert_eq!(json(&post(idp.address(), "/token", "").await), json!({ "error": "invalid_request" }));
    assert_eq!((refused.status().as_u16(), json(&refused)), (401, json!({ "error": "invalid_client" })));
    assert_eq!(post(idp.address(), "/token", "grant_type=password").await.status(), 400);
}

#[tokio::test]
async fn bad_tokens_are_bad() {
    let idp = start().await;
    let bob = || idp.mint().user("bob");
    assert!(verified(&bob().token(), idp.jwks()).is_ok());
    for token in [
        bob().expired().token(),
        bob().audience("other").token(),
        bob().tampered().token(),
        bob().foreign_key().token(),
        bob().algorithm(SigningAlgorithm::Es256).tampered().token(),
        bob().without("exp").token(),
        bob().hmac_with_public_key().token(),
    ] {
        assert!(verified(&token, idp.jwks()).is_err(), "{token}");
    }
    let unsigned = bob().alg_none().token();
    assert!(unsigned.ends_with('.') && decode_header(&unsigned).is_err(), "{unsigned}");
    let odd = bob().kid("k").typ("JWT").header("crit", json!(["x"])).issuer("http://other").token();
    let header = decode_header(&odd).unwrap();
    assert_eq!((header.kid.as_deref(), header.typ.as_deref()), (Some("k"), Some("JWT")));
}

#[tokio::test]
async fn keys_rotate_and_old_ones_stay_if_asked() {
    let idp = start().await;
    let old = idp.mint().user("alice").token();
    post(idp.address(), "/dev/rotate", "keep_old=true").await;
    assert_eq!(idp.jwks()["keys"].as_array().unwrap().len(), 4);
    assert!(
        verified(&old, idp.jwks()).is_ok() && verified(&idp.mint().user("alice").token(), idp.jwks()).is_ok()
    );
    assert_eq!(post(idp.address(), "/dev/rotate", "").await.status(), 200);
    assert_eq!(idp.jwks()["keys"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn faults_come_and_go() {
    let idp = start().await;
    let mode = async |mode: &str| {
        assert_eq!(post(idp.address(), "/dev/fault", &format!("mode={mode}")).await.status(), 204);
    };
    mode("down").await;
    assert!(get(idp.address(), "/jwks").await.is_none());
    assert_eq!(post(idp.address(), "/dev/token", "user=alice").await.status(), 200, "/dev/* goes on");
    mode("500").await;
    assert_eq!(get(idp.address(), "/jwks").await.unwrap().status(), 500);
    mode("html").await;
    assert_eq!(get(idp.address(), "/jwks").await.unwrap().headers()["content-type"], "text/html");
    mode("redirect").await;
    assert_eq!(get(idp.address(), "/jwks").await.unwrap().status(), 302);
    mode("truncated_jwks").await;
    assert!(serde_json::from_slice::<Value>(get(idp.address(), "/jwks").await.unwrap().body()).is_err());
    mode("empty_jwks").await;
    assert_eq!(json(&get(idp.address(), "/jwks").await.unwrap()), json!({ "keys": [] }));
    mode("huge").await;
    assert!(get(idp.address(), "/jwks").await.unwrap().body().len() > 8 << 20);
    mode("wrong_issuer").await;
    let metadata = get(idp.address(), "/.well-known/openid-configuration").await.unwrap();
    assert_ne!(json(&metadata)["issuer"], idp.issuer());
    mode("wrong_kid").await;
    assert_eq!(decode_header(idp.mint().user("bob").token()).unwrap().kid.as_deref(), Some("no-such-key"));
    idp.fault(Fault::None);
    assert_eq!(json(&get(idp.address(), "/jwks").await.unwrap()), idp.jwks());
    assert_eq!(post(idp.address(), "/dev/fault", "mode=odd").await.status(), 400);
}

#[tokio::test]
async fn its_clock_can_be_given_and_moved() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
    let idp = DevIdp::builder().clock(clock.clone()).start().await.unwrap();
    let issued =
        |token: &str| jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap().claims["iat"].clone();
    assert_eq!(issued(&idp.mint().user("alice").token()), 1_000);
    clock.advance(Duration::from_secs(5));
    post(idp.address(), "/dev/clock", "advance=60").await;
    assert_eq!(issued(&idp.mint().user("alice").token()), 1_065);
}

#[tokio::test]
async fn tokens_last_as_long_as_it_is_told() {
    let idp = DevIdp::builder().token_lifetime(Duration::from_secs(6)).start().await.unwrap();
    let form = "grant_type=client_credentials&client_id=service&client_secret=dev-service-secret";
    let answer = json(&post(idp.address(), "/token", form).await);
    assert_eq!(answer["expires_in"], 6);
    let token = answer["access_token"].as_str().unwrap();
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap().claims;
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 6);
    let asked = json(&post(idp.address(), "/token", &format!("{form}&expires_in=9")).await);
    assert_eq!(asked["expires_in"], 9);
}

#[tokio::test]
async fn it_tells_how_often_it_was_asked() {
    let idp = start().await;
    let counts = async || json(&get(idp.address(), "/dev/requests").await.unwrap());
    get(idp.address(), "/jwks").await.unwrap();
    get(idp.address(), "/jwks").await.unwrap();
    assert_eq!((&counts().await["/jwks"], idp.requests("/jwks")), (&json!(2), 2));
    let page = Request::get("/dev/requests").header("origin", "https://evil.example").body(String::new());
    assert_eq!(send(idp.address(), page.unwrap()).await.unwrap().status(), 403);
}

#[tokio::test]
async fn pages_and_other_hosts_get_nothing() {
    let idp = start().await;
    for (name, value, status) in [
        ("host", "evil.example", 421),
        ("host", "127.0.0.1.evil.example:3001", 421),
        ("host", "127.0.0.1:3001@evil.example", 421),
        ("host", "evil.example@127.0.0.1", 421),
        ("host", "localhost.", 421),
        ("host", "10.0.0.1", 421),
        ("host", "[::ffff:10.0.0.1]", 421),
        ("host", "", 421),
        ("host", "localhost", 200),
        ("host", "LocalHost:8080", 200),
        ("host", "127.0.0.1", 200),
        ("host", "[::1]:3001", 200),
        ("origin", "null", 403),
        ("origin", "https://evil.example", 403),
        ("origin", idp.issuer(), 200),
        ("sec-fetch-site", "none", 200),
        ("sec-fetch-site", "Cross-Site", 403),
        ("origin", "http://127.0.0.1:3000", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 200),
    ] {
        let request = Request::post("/dev/token").header(name, value).body("user=carol".to_owned()).unwrap();
        assert_eq!(send(idp.address(), request).await.unwrap().status(), status, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_request_names_one_host_and_its_target_no_other() {
    let idp = start().await;
    for (head, status) in [
        ("GET /jwks HTTP/1.1\r\nhost: 127.0.0.1\r\n", 200),
        ("GET /jwks HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n", 421),
        ("GET /jwks HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: 127.0.0.1\r\n", 421),
        ("GET /jwks HTTP/1.1\r\n", 421),
        ("GET /jwks HTTP/1.0\r\n", 421),
        ("GET http://evil.example/jwks HTTP/1.1\r\nhost: 127.0.0.1\r\n", 421),
        ("GET http://localhost/jwks HTTP/1.1\r\nhost: localhost\r\n", 200),
        ("POST /dev/token HTTP/1.1\r\nhost: localhost\r\norigin: null\r\ncontent-length: 0\r\n", 403),
    ] {
        assert_eq!(raw(idp.address(), &format!("{head}connection: close\r\n\r\n")).await, status, "{head}");
    }
}

#[tokio::test]
async fn what_strangers_send_is_bounded() {
    let idp = start().await;
    let large = format!("user=alice&scope={}", "x".repeat(20_000));
    assert_eq!(post(idp.address(), "/dev/token", &large).await.status(), 413);
    for number in 0..100 {
        get(idp.address(), &format!("/no-such-path-{number}")).await.unwrap();
    }
    get(idp.address(), &format!("/{}", "x".repeat(1_000))).await.unwrap();
    get(idp.address(), "/jwks").await.unwrap();
    assert_eq!((idp.requests("/no-such-path-1"), idp.requests("/no-such-path-99")), (1, 0));
    assert_eq!(idp.requests("/jwks"), 1, "endpoints are counted whatever else came");
}

#[tokio::test]
async fn slow_answers_wait_for_the_given_clock() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
    let idp = DevIdp::builder().clock(clock.clone()).start().await.unwrap();
    idp.fault(Fault::Slow);
    let answering = get(idp.address(), "/jwks");
    let advancing = async {
        let waiting = || std::future::ready((clock.sleepers() == 1).then_some(()));
        eventually(Duration::from_secs(10), waiting).await.expect("the answer waits");
        clock.advance(Duration::from_secs(10));
    };
    let (answer, ()) = tokio::join!(answering, advancing);
    assert_eq!(answer.unwrap().status(), 200);
}

#[test]
fn without_a_runtime_it_says_so() {
    let mut starting = std::pin::pin!(DevIdp::builder().start());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(error)) = starting.as_mut().poll(&mut context) else { panic!("no error") };
    assert_eq!(error.kind(), DevIdpErrorKind::System);
}

#[tokio::test]
async fn it_starts_only_where_it_may() {
    let idp = start().await;
    let taken = DevIdp::builder().bind(idp.address().to_string()).start().await.unwrap_err();
    assert_eq!(taken.kind(), DevIdpErrorKind::PortTaken);
    assert!(taken.to_string().contains(&idp.address().port().to_string()), "{taken}");
    for bind in ["0.0.0.0:0", "10.0.0.1:1", "[::]:0", "nonsense"] {
        let refused = DevIdp::builder().bind(bind).start().await.unwrap_err();
        assert_eq!(refused.kind(), DevIdpErrorKind::Address, "{bind}");
    }
    let production = DevIdp::builder().run_in(Profile::Production).start().await.unwrap_err();
    assert_eq!(production.kind(), DevIdpErrorKind::Profile);
}

#[tokio::test]
async fn it_stops_and_frees_its_port() {
    let idp = start().await;
    let address = idp.address();
    get(idp.address(), "/jwks").await.unwrap();
    idp.stop().await;
    let again = DevIdp::builder().bind(address.to_string()).start().await;
    assert!(again.is_ok(), "{again:?}");
}
