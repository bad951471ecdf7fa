//! Opaque tokens, of which only the issuer can say what they are (RFC 7662).

mod demands;

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    BoxFuture, FixedEntropy, HttpTransport, ManualClock, SecretBytes, Timestamp, TransportError,
    TransportErrorKind, TransportLimits,
};
use gambeson_oidc_auth::introspection::IntrospectionBuilder;
use gambeson_oidc_auth::{
    AuthLayer, CacheConfig, ClaimNames, ClaimRule, ClientAuth, Denial, Denylist, Dpop, Introspection, Issuer,
};
use gambeson_testing::contract::{self, Cases};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::bound::sender::{Client, ORIGIN, ath, challenges, request, send, thumbprint, with_peer};
use crate::fake_issuer::{ISSUER, START, claims, poll_once, static_verifier};
use crate::signer::{Signer, encode};

/// The introspection endpoint: one answer, which may have to wait for the bell.
#[derive(Debug)]
struct Endpoint {
    answer: Mutex<(u16, String)>,
    seen: Mutex<Vec<(Request<Bytes>, TransportLimits)>>,
    waits: Option<Arc<Notify>>,
}

impl HttpTransport for Endpoint {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        self.seen.lock().unwrap().push((request, limits));
        let (status, body) = self.answer.lock().unwrap().clone();
        let waits = self.waits.clone();
        Box::pin(async move {
            if let Some(bell) = waits {
                bell.notified().await;
            }
            match status {
                0 => Err(TransportError::new(TransportErrorKind::Timeout)),
                status => Ok(Response::builder().status(status).body(body.into()).unwrap()),
            }
        })
    }
}

struct House {
    endpoint: Arc<Endpoint>,
    clock: ManualClock,
    layer: AuthLayer,
    signer: Signer,
}

impl House {
    fn new(answer: &Value) -> Self {
        Self::with(answer, None, |builder| builder)
    }

    fn with(
        answer: &Value,
        waits: Option<Arc<Notify>>,
        change: impl FnOnce(IntrospectionBuilder) -> IntrospectionBuilder,
    ) -> Self {
        Self::of(Issuer::discover(ISSUER), answer, waits, change)
    }

    fn of(
        issuer: Issuer,
        answer: &Value,
        waits: Option<Arc<Notify>>,
        change: impl FnOnce(IntrospectionBuilder) -> IntrospectionBuilder,
    ) -> Self {
        let answer = Mutex::new((200, answer.to_string()));
        let endpoint = Arc::new(Endpoint { answer, seen: Mutex::default(), waits });
        let clock = ManualClock::at(Timestamp::from_unix_seconds(START));
        let opaque = builder_for(issuer)
            .audience("api")
            .clock(Arc::new(clock.clone()))
            .entropy(Arc::new(FixedEntropy::starting_at(1)))
            .transport(endpoint.clone());
        let signer = Signer::es256("k");
        let verifier = static_verifier(&[&signer]).clock(Arc::new(clock.clone())).build().unwrap();
        let layer = AuthLayer::required(verifier).introspect(change(opaque).build().unwrap());
        Self { endpoint, clock, layer, signer }
    }

    fn answers(&self, status: u16, body: &impl ToString) {
        *self.endpoint.answer.lock().unwrap() = (status, body.to_string());
    }

    fn asked(&self) -> usize {
        self.endpoint.seen.lock().unwrap().len()
    }

    async fn ask(&self, token: &str) -> Response<Bytes> {
        send(&self.layer, request(&format!("Bearer {token}"), &[])).await
    }
}

fn builder_for(issuer: Issuer) -> IntrospectionBuilder {
    let client = ClientAuth::secret("api", SecretBytes::new(b"hush".to_vec()));
    Introspection::builder(issuer, format!("{ISSUER}/introspect"), client)
}

fn active() -> Value {
    let mut answer = claims();
    answer["active"] = json!(true);
    answer
}

fn active_with(name: &str, value: Value) -> Value {
    crate::bound::sender::changed(active(), name, value)
}

#[tokio::test]
async fn the_issuer_is_asked_once_and_told_who_asks() {
    let house = House::new(&active());
    for _ in 0..3 {
        assert_eq!(house.ask("opaque").await.body(), "alice");
    }
    assert_eq!(house.asked(), 1);
    let (request, limits) = house.endpoint.seen.lock().unwrap().remove(0);
    assert_eq!(request.uri(), &*format!("{ISSUER}/introspect"));
    assert_eq!(request.headers()["authorization"], "Basic YXBpOmh1c2g=");
    assert_eq!(request.body(), "token=opaque&token_type_hint=access_token");
    assert_eq!((limits.max_body, limits.deadline.as_secs()), (64 << 10, 5));
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(house.ask("opaque").await.status(), 200);
    assert_eq!(house.asked(), 1, "the first was taken out above: it was asked again");
}

#[tokio::test]
async fn what_no_issuer_makes_is_not_asked_about() {
    let house = House::new(&active());
    for odd in ["a b", "a,Bearer b", "a\"b", "a%00b", "a\u{e9}b", "a&b", "<a>", "a\\b"] {
        let answer = house.ask(odd).await;
        assert_eq!(answer.status(), 401, "{odd}");
        assert!(challenges(&answer).iter().any(|text| text.contains("invalid_token")), "{odd}");
    }
    assert_eq!(house.asked(), 0);
    assert_eq!(house.ask("Az09-._~+/=").await.status(), 200);
}

#[tokio::test]
async fn a_denial_counts_while_an_answer_is_kept() {
    let list = Denylist::builder().clock(Arc::new(ManualClock::at(Timestamp::from_unix_seconds(START))));
    let list = list.build().unwrap();
    let house = House::with(&active(), None, |builder| builder.denylist(list.clone()));
    assert_eq!(house.ask("opaque").await.status(), 200);
    list.deny(&Denial::subject(ISSUER, "alice"));
    assert_eq!((house.ask("opaque").await.status(), house.asked()), (StatusCode::UNAUTHORIZED, 1));
    assert_eq!(house.ask("another").await.status(), 401, "an answer that comes later is asked about too");
    house.clock.advance(Duration::from_secs(31));
    house.answers(200, &active_with("iat", json!(START + 31)));
    assert_eq!(house.ask("newer").await.status(), 200);
}

#[tokio::test]
async fn a_good_answer_ends_with_the_token_and_a_revoked_one_soon() {
    let long = CacheConfig::default().ttl(Duration::from_secs(600));
    let house = House::with(&active_with("exp", json!(START + 20)), None, |builder| builder.cache(long));
    assert_eq!(house.ask("opaque").await.status(), 200);
    house.clock.advance(Duration::from_secs(20));
    assert_eq!(house.ask("opaque").await.status(), 200, "within the leeway it is asked about");
    assert_eq!(house.asked(), 2, "what is kept ends with exp");
    house.answers(200, &json!({"active": false}));
    assert_eq!(house.ask("opaque").await.status(), 401);
    let endless = House::new(&active_with("exp", Value::Null));
    assert_eq!(
        (endless.ask("o").await.status(), endless.ask("o").await.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(endless.asked(), 2, "without an end it is asked about each time");
}

/// lua-resty-openidc PR 523: what is kept of refusals is bounded, and pushes out nothing that is good.
#[tokio::test]
async fn junk_is_remembered_for_a_while_and_pushes_out_nothing() {
    let house = House::new(&active());
    assert_eq!(house.ask("good").await.body(), "alice");
    house.answers(200, &json!({"active": false}));
    for n in 0..2_000 {
        let answer = house.ask(&format!("junk{n}")).await;
        assert_eq!(
            (answer.status(), challenges(&answer)),
            (StatusCode::UNAUTHORIZED, vec![r#"Bearer error="invalid_token""#])
        );
    }
    assert_eq!(house.ask("junk1999").await.status(), 401);
    assert_eq!(house.ask("good").await.body(), "alice");
    assert_eq!(house.asked(), 2_001);
    house.answers(200, &active());
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(house.ask("junk1999").await.status(), 200, "a refusal is no verdict for good");
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_refusal_last() {
    let house = House::new(&json!({"active": false}));
    assert_eq!(house.ask("opaque").await.status(), 401);
    house.clock.set(Timestamp::from_unix_seconds(START - 600));
    house.answers(200, &active_with("iat", json!(START - 700)));
    house.clock.advance(Duration::from_secs(9));
    assert_eq!((house.ask("opaque").await.status(), house.asked()), (StatusCode::UNAUTHORIZED, 1));
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.ask("opaque").await.body(), "alice");
}

/// An outage is no fault of the token.
#[tokio::test]
async fn what_is_no_answer_is_503() {
    let house = House::new(&active());
    let html = "<html>".to_owned();
    for (status, body) in [
        (0, String::new()),
        (500, active().to_string()),
        (401, json!({"active": false}).to_string()),
        (302, String::new()),
        (200, html),
        (200, String::new()),
        (200, json!({}).to_string()),
        (200, json!({"active": "true"}).to_string()),
        (200, json!([true]).to_string()),
        (200, r#"{"active":false,"active":true}"#.to_owned()),
        (200, active_with("exp", json!("soon")).to_string()),
    ] {
        house.answers(status, &body);
        let answer = house.ask("opaque").await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{status} {body}");
        assert!(challenges(&answer).is_empty() && answer.headers().contains_key("retry-after"));
    }
    house.answers(200, &active());
    assert_eq!(house.ask("opaque").await.body(), "alice", "nothing of it was kept");
}

/// Whether the token is for this API is for this API to check (RFC 7662 §4).
#[tokio::test]
async fn an_active_token_for_something_else_is_refused() {
    for (name, value) in [
        ("aud", Value::Null),
        ("aud", json!("other")),
        ("iss", json!("https://evil.example")),
        ("exp", json!(START - 31)),
        ("nbf", json!(START + 31)),
        ("events", json!({})),
        ("cnf", json!({"kid": "x"})),
        ("at_hash", json!("x")),
    ] {
        let house = House::new(&active_with(name, value.clone()));
        assert_eq!(house.ask("opaque").await.status(), 401, "{name}: {value}");
    }
    let house = House::new(&active_with("iss", Value::Null));
    assert_eq!(house.ask("opaque").await.body(), "alice", "iss is optional there");
    let own = House::new(&active_with("sub", Value::Null));
    assert_eq!(own.ask("opaque").await.body(), "web", "a client's own token may name the client only");
    let any =
        House::with(&active_with("aud", Value::Null), None, IntrospectionBuilder::dangerously_any_audience);
    assert_eq!(any.ask("opaque").await.body(), "alice");
}

/// RFC 7662 §2.2 wants nothing more said of such a token, and some say it all the same.
#[tokio::test]
async fn what_is_not_active_is_refused_whatever_else_is_said_of_it() {
    let house = House::new(&active_with("active", json!(false)));
    let answer = house.ask("opaque").await;
    assert_eq!(
        (answer.status(), challenges(&answer)),
        (StatusCode::UNAUTHORIZED, vec![r#"Bearer error="invalid_token""#])
    );
}

/// Neither way is a second chance for the other.
#[tokio::test]
async fn the_form_decides_and_nothing_else() {
    let house = House::new(&active());
    let forged = Signer::es256("k").token(&claims());
    assert_eq!(house.ask(&forged).await.status(), 401);
    assert_eq!(house.ask(&house.signer.token(&claims())).await.body(), "alice");
    assert_eq!(house.asked(), 0, "no JWT is ever sent to the endpoint");
    let signed = house.signer.token(&claims());
    let (_, rest) = signed.split_once('.').unwrap();
    for head in ["{\n\"alg\":\"ES256\"}", " \r\n\t {\"alg\":\"ES256\"}", "{}", "{"] {
        let jwt = format!("{}.{rest}", encode(head.as_bytes()));
        assert_eq!(house.ask(&jwt).await.status(), 401, "{head}");
    }
    assert_eq!(house.asked(), 0, "nor one whose header is written with white space");
    let list = format!("{}.{rest}", encode(b"[]"));
    for opaque in ["v1.local.abc", "a.b", "ey", "eyJ", "eyJ.a", "eyJ.a.b.c", "..", "e.a.b", &list] {
        assert_eq!(house.ask(opaque).await.body(), "alice", "{opaque}");
    }
    assert_eq!(house.asked(), 9);
}

#[tokio::test]
async fn bound_tokens_are_bound_here_too() {
    let house = House::new(&active_with("cnf", json!({"x5t#S256": encode(&[7; 32])})));
    for (certificate, status) in [(Some([7; 32]), 200), (Some([8; 32]), 401), (None, 401)] {
        let request = with_peer(request("Bearer opaque", &[]), |peer| peer.certificate_sha256 = certificate);
        assert_eq!(send(&house.layer, request).await.status(), status);
    }
    let client = Client::new();
    let house = House::new(&active_with("cnf", json!({"jkt": thumbprint(&client.key)})));
    let layer = house.layer.clone().dpop(Dpop::at(ORIGIN).build().unwrap());
    let proof = client.proof_with("ath", json!(ath("opaque")));
    assert_eq!(send(&layer, request("DPoP opaque", &[&proof])).await.body(), "alice");
    assert_eq!(send(&layer, request("DPoP opaque", &[&proof])).await.status(), 401, "used");
    assert_eq!(send(&layer, request("Bearer opaque", &[])).await.status(), 401);
}

/// lua-resty-openidc #573: many requests with one token are one question, also when the first of them goes away.
#[tokio::test]
async fn many_requests_are_one_question() {
    let bell = Arc::new(Notify::new());
    let house = House::with(&active(), Some(Arc::clone(&bell)), |builder| builder);
    let mut first = Box::pin(house.ask("opaque"));
    let mut second = Box::pin(house.ask("opaque"));
    let mut third = pin!(house.ask("opaque"));
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
    assert!(poll_once(third.as_mut()).is_pending());
    assert_eq!(house.asked(), 1);
    drop(first);
    assert!(poll_once(second.as_mut()).is_pending());
    assert_eq!(house.asked(), 2, "the next one asks in its place");
    bell.notify_one();
    assert_eq!(second.await.body(), "alice");
    assert_eq!(third.await.body(), "alice");
    assert_eq!(house.asked(), 2);
}

#[tokio::test]
async fn questions_are_bounded_and_shared_out() {
    let house = House::with(&active(), Some(Arc::new(Notify::new())), |builder| builder);
    let ask = |n: u8, last: u8| {
        let request = with_peer(request(&format!("Bearer t{n}"), &[]), |peer| {
            peer.address = Some([192, 0, 2, last].into());
        });
        Box::pin(send(&house.layer, request))
    };
    let mut waiting: Vec<_> = (0..16).map(|n| ask(n, 1)).collect();
    assert!(waiting.iter_mut().all(|asked| poll_once(asked.as_mut()).is_pending()));
    assert_eq!(ask(16, 1).await.status(), StatusCode::SERVICE_UNAVAILABLE, "one address has its share");
    let mut other = ask(17, 2);
    assert!(poll_once(other.as_mut()).is_pending(), "others still get through");
    drop(waiting);
    let mut again = ask(18, 1);
    assert!(poll_once(again.as_mut()).is_pending(), "who goes away gives the place back");
}

#[tokio::test]
async fn the_layer_keeps_the_laws_while_it_asks() {
    let house = House::new(&active_with("exp", Value::Null));
    let layer = house.layer.clone();
    let good = || Request::get("/notes").header("authorization", "Bearer opaque").body(()).unwrap();
    let bad = || Request::get("/notes").header("authorization", "Bearer eyJ.eyJ.x").body(()).unwrap();
    contract::check(move || layer.clone(), Cases::passing(good).refusing(bad)).await;
}

#[test]
fn all_problems_are_told_at_once() {
    let client = ClientAuth::secret("", SecretBytes::new(b"hush".to_vec()));
    let bad = Introspection::builder(Issuer::discover(ISSUER), "http://id.example/x", client);
    let brief = Denylist::builder().keep(Duration::from_secs(301)).build().unwrap();
    let bad = bad.leeway(Duration::from_secs(301)).deadline(Duration::ZERO).denylist(brief);
    let text = bad.claims(ClaimNames::default().roles("")).build().unwrap_err().to_string();
    for field in [
        "introspection.client-id",
        "introspection.url",
        "introspection.audience",
        "introspection.leeway",
        "introspection.deadline",
        "claims.roles",
        "denylist.keep",
        "denylist.leeway",
    ] {
        assert!(text.contains(field), "{field}: {text}");
    }
}

/// What an issuer is told to demand can be wrong here as it can at a verifier.
#[test]
fn an_issuers_mistakes_are_told_here_too() {
    let refused = |issuer, audience: &str| {
        let built = builder_for(issuer).audience(audience).build();
        built.unwrap_err().to_string()
    };
    let vague = refused(Issuer::keycloak("https://id.example.com", "acme"), "account");
    assert!(vague.contains("audience mapper"), "{vague}");
    let domain = refused(Issuer::entra("contoso.com"), "api");
    assert!(domain.contains("the tenant's id"), "{domain}");
    let empty = refused(Issuer::discover(ISSUER).require(ClaimRule::equals("org", "")), "api");
    assert!(empty.contains("issuer.require"), "{empty}");
}

#[cfg(feature = "client")]
#[test]
fn the_default_transport_knows_the_issuers_networks() {
    let issuer = Issuer::discover(ISSUER).allow_private(["10.0.0.0/33"]);
    let text = builder_for(issuer).audience("api").build().unwrap_err().to_string();
    assert!(text.contains("10.0.0.0/33"), "{text}");
}
