//! How tokens are asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use gambeson_core::{
    BoxFuture, CredentialSource, HttpTransport, Refused, RejectionClass, SecretBytes, SecretError, SecretRef,
    SecretResolver, TransportError, TransportLimits,
};
use gambeson_oidc_auth::outgoing::{CallerToken, TokenLayer, TokenSource};
use gambeson_oidc_auth::{AssertionAlgorithm, AssertionKey, ClientAuth, ClientSecret, Issuer};
use http::{HeaderMap, Request, Response, header};
use http_body_util::Full;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

use super::api::{API, Api, REFUSED, UNAVAILABLE, to_api};
use super::provider::{Mood, SECRET, Scene, by_secret, issuer, secret};
use crate::fake_issuer::{ISSUER, poll_once, settle};

async fn token(source: &TokenSource) -> String {
    let credential = source.credential().wait().await.unwrap();
    credential.authorization().to_str().unwrap().to_owned()
}

fn asked_with(scene: &Scene, client: ClientAuth) -> TokenSource {
    scene.on(TokenSource::client_credentials(issuer(), client)).build().unwrap()
}

#[tokio::test]
async fn a_secret_goes_into_the_header_form_encoded_or_into_the_form() {
    let scene = Scene::new();
    let header = || scene.provider.last().authorization.unwrap();
    let basic = format!("Basic {}", STANDARD.encode("a%3Ab:s3cr3t+%26+more"));
    for client in [ClientAuth::secret("a:b", secret()), ClientAuth::secret_basic("a:b", secret())] {
        token(&asked_with(&scene, client)).await;
        assert_eq!(header(), basic);
        assert_eq!(scene.provider.last().field("client_id"), None);
    }
    token(&asked_with(&scene, ClientAuth::secret_post("a:b", secret()))).await;
    let asked = scene.provider.last();
    assert_eq!((asked.authorization.as_deref(), asked.field("client_id")), (None, Some("a:b")));
    assert_eq!(asked.field("client_secret"), Some(SECRET));
    // What nobody chose, the provider's metadata does.
    scene.provider.edit(|state| {
        state.metadata["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    });
    token(&asked_with(&scene, ClientAuth::secret("a:b", secret()))).await;
    assert_eq!(scene.provider.last().field("client_secret"), Some(SECRET));
    token(&asked_with(&scene, ClientAuth::secret_basic("a:b", secret()))).await;
    assert_eq!(header(), basic);
}

#[tokio::test]
async fn what_is_wanted_is_asked_for() {
    let scene = Scene::new();
    let builder = scene
        .credentials()
        .scope("orders:read orders:write")
        .audience("orders")
        .resource("https://orders.example.com");
    token(&builder.build().unwrap()).await;
    let asked = scene.provider.last();
    assert_eq!(asked.field("grant_type"), Some("client_credentials"));
    assert_eq!(asked.field("scope"), Some("orders:read orders:write"));
    assert_eq!((asked.field("audience"), asked.field("resource")), (Some("orders"), Some(API)));
    token(&scene.source()).await;
    assert_eq!(scene.provider.last().field("scope"), None);
}

#[tokio::test]
async fn an_assertion_is_fresh_each_time_and_for_this_issuer_alone() {
    let scene = Scene::new();
    let pkcs8 =
        aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1());
    let key = SecretBytes::new(pkcs8.unwrap().as_ref().to_vec());
    let key = AssertionKey::new(AssertionAlgorithm::Es256, key).key_id("k1");
    let source = asked_with(&scene, ClientAuth::private_key_jwt("billing", key));
    let mut ids = Vec::new();
    for _ in 0..2 {
        token(&source).await;
        scene.pass_seconds(400).await;
        let asked = scene.provider.last();
        assert_eq!((asked.authorization.as_deref(), asked.field("client_id")), (None, Some("billing")));
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        assert_eq!(asked.field("client_assertion_type"), Some(kind));
        let payload = asked.field("client_assertion").unwrap().split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"]),
            (&json!("billing"), &json!("billing"), &json!(ISSUER))
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
        ids.push(claims["jti"].as_str().unwrap().to_owned());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_client_with_a_certificate_sends_its_id_only_and_asks_where_certificates_are_taken() {
    let scene = Scene::new();
    let alias = format!("{ISSUER}/mtls/token");
    scene.provider.edit(|state| state.metadata["mtls_endpoint_aliases"] = json!({"token_endpoint": alias}));
    token(&asked_with(&scene, ClientAuth::tls("billing"))).await;
    let asked = scene.provider.last();
    assert_eq!((asked.authorization.as_deref(), asked.field("client_id")), (None, Some("billing")));
    assert_eq!((asked.field("client_secret"), asked.field("client_assertion")), (None, None));
    assert_eq!(scene.provider.edit(|state| state.urls.last().cloned()).unwrap(), alias);
    token(&asked_with(&scene, by_secret())).await;
    assert!(scene.provider.edit(|state| state.urls.last().cloned()).unwrap().ends_with("/token"));
}

#[derive(Debug, Default, Clone)]
struct Vault(Arc<Mutex<String>>);

impl SecretResolver for Vault {
    fn resolve(&self, _: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
        let now = self.0.lock().unwrap().clone();
        Box::pin(async move { Ok(SecretBytes::new(now)) })
    }
}

#[tokio::test]
async fn a_rotated_secret_is_taken_up() {
    let (scene, vault) = (Scene::new(), Vault::default());
    let secret = ClientSecret::from_ref("mem://s".parse().unwrap(), Arc::new(vault.clone()));
    let source = asked_with(&scene, ClientAuth::secret_post("billing", secret));
    for now in ["first", "second"] {
        *vault.0.lock().unwrap() = now.to_owned();
        token(&source).await;
        assert_eq!(scene.provider.last().field("client_secret"), Some(now));
        scene.pass_seconds(400).await;
    }
}

#[tokio::test]
async fn another_token_of_the_app_is_exchanged_and_a_refused_one_replaced() {
    let scene = Scene::new();
    let subject = scene.source();
    let client = ClientAuth::public("billing");
    let source = scene
        .on(TokenSource::exchange(issuer(), client, subject.clone()))
        .audience("orders")
        .build()
        .unwrap();
    assert_eq!(token(&source).await, "Bearer token-2");
    let asked = scene.provider.last();
    assert_eq!(asked.field("grant_type"), Some("urn:ietf:params:oauth:grant-type:token-exchange"));
    assert_eq!((asked.field("subject_token"), asked.field("actor_token")), (Some("token-1"), None));
    assert_eq!(asked.field("subject_token_type"), Some("urn:ietf:params:oauth:token-type:access_token"));
    assert_eq!(asked.field("client_id"), Some("billing"));
    // The subject is refused long before its end: it is replaced, and not offered a second time.
    let first = source.credential().wait().await.unwrap();
    scene.provider.edit(|state| state.ended.push("token-1"));
    source.report_rejected(&first);
    scene.pass_seconds(1).await;
    assert_ne!(token(&subject).await, "Bearer token-1");
}

fn on_behalf(token: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = Request::get(API).body(Full::default()).unwrap();
    if let Some(token) = token {
        request.extensions_mut().insert(CallerToken::new(token));
    }
    request
}

#[tokio::test]
async fn each_caller_has_a_token_of_their_own() {
    let (scene, api) = (Scene::new(), Api::default());
    let actor = scene.source();
    let source = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).actor(actor).build().unwrap();
    let layer = to_api(&source);
    for caller in ["alice", "bob", "alice", "bob", "alice"] {
        assert_eq!(api.ask(&layer, on_behalf(Some(caller))).await, Ok(200));
        assert_eq!(scene.provider.last().field("actor_token"), Some("token-1"));
    }
    // token-1 is the actor's.
    let (alice, bob) = ("Bearer token-2", "Bearer token-3");
    assert_eq!(api.seen(), [alice, bob, alice, bob, alice]);
    assert_eq!(api.ask(&layer, on_behalf(None)).await, Err((500, "caller-token-missing")));
    assert!(source.credential().wait().await.is_err(), "on whose behalf?");
    assert_eq!(api.seen().len(), 5);
}

#[tokio::test]
async fn one_caller_s_refused_token_is_their_trouble_alone() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).build().unwrap());
    // What RFC 8693 §2.2.2 asks for, and what some answer all the same.
    for (caller, error) in
        [("alice", r#"{"error":"invalid_request"}"#), ("dave", r#"{"error":"invalid_grant"}"#)]
    {
        scene.provider.mood(Mood::Says(400, error));
        assert_eq!(
            api.ask(&layer, on_behalf(Some(caller))).await,
            Err((401, "caller-token-refused")),
            "{error}"
        );
    }
    scene.provider.mood(Mood::Up);
    assert_eq!(api.ask(&layer, on_behalf(Some("bob"))).await, Ok(200));
    scene.provider.mood(Mood::Says(400, r#"{"error":"unauthorized_client"}"#));
    assert_eq!(api.ask(&layer, on_behalf(Some("carol"))).await, REFUSED);
}

#[tokio::test]
async fn a_request_that_carries_no_token_of_anybody_is_this_app_s_trouble_when_it_is_invalid() {
    let (scene, api) = (Scene::new(), Api::default());
    scene.provider.mood(Mood::Says(400, r#"{"error":"invalid_request"}"#));
    assert_eq!(api.get(&to_api(&scene.source())).await, REFUSED);
}

#[tokio::test]
async fn a_caller_who_came_in_without_a_bearer_token_is_told_so_and_no_bug_of_the_app() {
    let (scene, api) = (Scene::new(), Api::default());
    let layer = to_api(&scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).build().unwrap());
    let mut dpop = HeaderMap::new();
    dpop.insert(header::AUTHORIZATION, "DPoP eyJ.bound".parse().unwrap());
    for incoming in [HeaderMap::new(), dpop] {
        let mut request = on_behalf(None);
        request.extensions_mut().insert(CallerToken::from_headers(&incoming));
        let error = layer.layer(api.service()).oneshot(request).await.unwrap_err();
        let rejection = error.downcast::<Refused>().unwrap().0;
        assert_eq!((rejection.status().as_u16(), rejection.slug()), (401, "caller-without-bearer"));
        assert_eq!(rejection.class(), RejectionClass::Credential);
    }
    assert_eq!((api.seen().len(), scene.provider.count()), (0, 0));
}

#[tokio::test]
async fn the_actor_is_shown_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "eyJ.of.this-pod").unwrap();
    let (scene, api) = (Scene::new(), Api::default());
    for (actor, kind) in [
        (scene.on(TokenSource::workload_file(&file)).build().unwrap(), "jwt"),
        (scene.source(), "access_token"),
    ] {
        let builder = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).actor(actor);
        assert_eq!(api.ask(&to_api(&builder.build().unwrap()), on_behalf(Some("alice"))).await, Ok(200));
        let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
        assert_eq!(scene.provider.last().field("actor_token_type"), Some(&*kind));
    }
}

#[tokio::test]
async fn an_actor_that_gets_no_token_is_refused_or_unavailable_as_its_issuer_says() {
    for (mood, answer) in
        [(Mood::Down, UNAVAILABLE), (Mood::Says(401, r#"{"error":"invalid_client"}"#), REFUSED)]
    {
        let (scene, actors, api) = (Scene::new(), Scene::new(), Api::default());
        actors.provider.mood(mood);
        let builder = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).actor(actors.source());
        let layer = to_api(&builder.build().unwrap());
        assert_eq!(api.ask(&layer, on_behalf(Some("alice"))).await, answer, "{mood:?}");
    }
}

#[tokio::test]
async fn an_actor_s_token_that_is_taken_no_more_is_replaced_and_not_blamed_on_the_caller() {
    let (scene, api) = (Scene::new(), Api::default());
    let builder = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).actor(scene.source());
    let layer = to_api(&builder.build().unwrap());
    assert_eq!(api.ask(&layer, on_behalf(Some("alice"))).await, Ok(200));
    scene.provider.edit(|state| state.ended.push("token-1"));
    assert_eq!(api.ask(&layer, on_behalf(Some("bob"))).await, Ok(200));
    assert_ne!(scene.provider.last().field("actor_token"), Some("token-1"));
    // Another one of the actor helps those no more whose own token is no good, and they cost no more than one.
    scene.provider.edit(|state| state.ended.push("carol"));
    scene.pass_seconds(11).await;
    let before = scene.provider.count();
    assert_eq!(api.ask(&layer, on_behalf(Some("carol"))).await, Err((401, "caller-token-refused")));
    assert_eq!(scene.provider.count(), before + 3, "hers, the actor's, hers once more");
    scene.provider.edit(|state| state.ended.push("dave"));
    assert_eq!(api.ask(&layer, on_behalf(Some("dave"))).await, Err((401, "caller-token-refused")));
    assert_eq!(scene.provider.count(), before + 4);
}

#[test]
fn nobody_s_token_is_no_subject_and_no_actor() {
    let scene = Scene::new();
    let theirs = || scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).build().unwrap();
    let source = scene.on(TokenSource::exchange(issuer(), by_secret(), theirs())).actor(theirs());
    let error = source.build().unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| &*problem.field).collect();
    assert_eq!(fields, ["outgoing.actor", "outgoing.subject"]);
}

#[tokio::test]
async fn callers_are_bounded_and_the_latest_stay() {
    let (scene, api) = (Scene::new(), Api::default());
    let builder = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).max_callers(8);
    let layer = to_api(&builder.build().unwrap());
    for caller in 0..100 {
        api.ask(&layer, on_behalf(Some(&format!("caller-{caller}")))).await.unwrap();
        api.ask(&layer, on_behalf(Some("alice"))).await.unwrap();
    }
    assert_eq!(scene.provider.count(), 101, "alice, who calls all the while, is not forgotten");
}

/// A transport that takes its time, and counts how many requests are under way.
#[derive(Debug, Clone)]
struct Slow {
    provider: super::provider::FakeProvider,
    under_way: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl HttpTransport for Slow {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let slow = self.clone();
        Box::pin(async move {
            let now = slow.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            slow.most.fetch_max(now, Ordering::SeqCst);
            settle().await;
            slow.under_way.fetch_sub(1, Ordering::SeqCst);
            slow.provider.send(request, limits).await
        })
    }
}

#[tokio::test]
async fn many_callers_at_once_wait_for_their_turn_and_all_are_served() {
    let (scene, api) = (Scene::new(), Api::default());
    let (under_way, most) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
    let slow = Slow { provider: scene.provider.clone(), under_way, most: Arc::clone(&most) };
    let builder = scene.on(TokenSource::on_behalf_of(issuer(), by_secret())).transport(Arc::new(slow));
    let layer = to_api(&builder.build().unwrap());
    let call = |caller: usize| {
        let (api, layer) = (&api, &layer);
        Box::pin(async move { api.ask(layer, on_behalf(Some(&format!("caller-{caller}")))).await })
    };
    let mut calls: Vec<_> = (0..200).map(call).collect();
    assert!(calls.iter_mut().all(|call| poll_once(call.as_mut()).is_pending()));
    for call in calls {
        assert_eq!(call.await, Ok(200));
    }
    assert_eq!(most.load(Ordering::SeqCst), 64);
}

#[test]
fn the_token_of_a_caller_is_read_from_one_bearer_field() {
    let of = |fields: &[&str]| {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::AUTHORIZATION, field.parse().unwrap());
        }
        CallerToken::from_headers(&headers).is_some()
    };
    assert!(of(&["Bearer a"]) && of(&["bearer a"]));
    assert!(
        !of(&[])
            && !of(&["Basic a"])
            && !of(&["Bearer "])
            && !of(&["Bearer a", "Bearer b"])
            && !of(&["Bearer"])
    );
}

#[test]
fn all_that_is_wrong_with_a_source_is_told_at_once() {
    let scene = Scene::new();
    let wrong = |source: gambeson_oidc_auth::outgoing::TokenSourceBuilder, fields: &[&str]| {
        let error = source.build().unwrap_err();
        for field in fields {
            assert!(error.problems().iter().any(|problem| problem.field == *field), "{field}: {error}");
        }
        assert_eq!(error.problems().len(), fields.len(), "{error}");
    };
    let http = Issuer::discover("http://id.example");
    let nobody = ClientAuth::public("");
    wrong(
        scene
            .on(TokenSource::client_credentials(http, nobody))
            .scope(" ")
            .actor(scene.source())
            .max_waiting(0),
        &[
            "issuer",
            "outgoing.client-id",
            "outgoing.client",
            "outgoing.actor",
            "outgoing.scope",
            "outgoing.max-waiting",
        ],
    );
    wrong(TokenSource::client_credentials(issuer(), ClientAuth::tls("a")), &["outgoing.certificate"]);
    wrong(TokenSource::workload_file("").scope("x"), &["outgoing.file", "outgoing.scope"]);
    wrong(
        TokenSource::github_actions_from_lookup("", |_| None),
        &["outgoing.audience", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"],
    );
    let fixed = Issuer::static_keys(ISSUER, r#"{"keys":[]}"#);
    wrong(scene.on(TokenSource::client_credentials(fixed, by_secret())), &["outgoing.issuer"]);
    assert!(TokenLayer::builder(scene.source()).build().is_err());
}
