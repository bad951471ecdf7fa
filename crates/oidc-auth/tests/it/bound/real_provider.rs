//! Bound and opaque tokens of a real, certified provider: npm `oidc-provider`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Clock, ManualClock, Profile, SecretBytes, SystemClock, SystemEntropy};
use gambeson_oidc_auth::dpop::{ProofFor, ProofKey};
use gambeson_oidc_auth::{AuthLayer, ClientAuth, Dpop, Introspection, Issuer, Verifier};
use http::{Method, Request, header};
use serde_json::Value;

use super::sender::{ORIGIN, request, send};
use crate::login::real_provider::{RealProvider, SECRET};

struct Room {
    provider: RealProvider,
    key: ProofKey,
    layer: AuthLayer,
}

impl Room {
    fn new() -> Self {
        let provider = RealProvider::start();
        let issuer = Issuer::discover(provider.issuer.as_str());
        let client = ClientAuth::secret_post("alice", SecretBytes::new(SECRET.as_bytes()));
        let url = format!("{}/token/introspection", provider.issuer);
        let opaque = Introspection::builder(issuer.clone(), url, client).audience("hardened-notes");
        let opaque = opaque.cache(gambeson_oidc_auth::CacheConfig::off()).run_in(Profile::Development);
        let verifier = Verifier::builder(issuer).audience("hardened-notes").run_in(Profile::Development);
        let layer = AuthLayer::required(verifier.build().unwrap())
            .dpop(Dpop::at(ORIGIN).build().unwrap())
            .introspect(opaque.build().unwrap());
        Self { provider, key: ProofKey::generate().unwrap(), layer }
    }

    fn proof(&self, method: &Method, url: &str, token: Option<&str>) -> String {
        let wanted = ProofFor::new(method, url);
        let wanted = token.map_or(wanted, |token| wanted.token(token));
        let proof = self.key.proof(&wanted, SystemClock::new().now(), &SystemEntropy::new()).unwrap();
        proof.to_str().unwrap().to_owned()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)], proof: Option<&str>) -> (u16, Value) {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form).extend_pairs([("client_id", "alice"), ("client_secret", SECRET)]);
        let mut request = Request::post(format!("{}{path}", self.provider.issuer))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        let answer = self.provider.send(request.body(Bytes::from(body.finish())).unwrap()).await;
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default())
    }

    async fn token(&self, format: &str, bound: bool) -> String {
        let url = format!("{}/token", self.provider.issuer);
        let proof = bound.then(|| self.proof(&Method::POST, &url, None));
        let form = [("grant_type", "client_credentials"), ("token_format", format)];
        let (status, answer) = self.post("/token", &form, proof.as_deref()).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["token_type"], if bound { "DPoP" } else { "Bearer" });
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn tokens_of_a_real_provider_are_bound_to_their_key() {
    let room = Room::new();
    for format in ["jwt", "opaque"] {
        let token = room.token(format, true).await;
        let url = format!("{ORIGIN}/notes");
        let proof = room.proof(&Method::GET, &url, Some(&token));
        let sent = format!("DPoP {token}");
        assert_eq!(send(&room.layer, request(&sent, &[&proof])).await.body(), "alice", "{format}");
        assert_eq!(send(&room.layer, request(&sent, &[&proof])).await.status(), 401, "{format}: used");
        let bearer = format!("Bearer {token}");
        assert_eq!(send(&room.layer, request(&bearer, &[])).await.status(), 401, "{format}: no bearer token");
        let thief = Room::new();
        let proof = thief.proof(&Method::GET, &url, Some(&token));
        assert_eq!(send(&room.layer, request(&sent, &[&proof])).await.status(), 401, "{format}: another key");
    }
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn opaque_tokens_of_a_real_provider_work_until_they_are_revoked() {
    let room = Room::new();
    let token = room.token("opaque", false).await;
    let bearer = format!("Bearer {token}");
    assert_eq!(send(&room.layer, request(&bearer, &[])).await.body(), "alice");
    let (status, _) = room.post("/token/revocation", &[("token", &token)], None).await;
    assert_eq!(status, 200);
    assert_eq!(send(&room.layer, request(&bearer, &[])).await.status(), 401);
    assert_eq!(send(&room.layer, request("Bearer made-up", &[])).await.status(), 401);
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask test"]
async fn a_revoked_token_works_no_longer_than_answers_are_kept() {
    let provider = RealProvider::start();
    let clock = ManualClock::at(SystemClock::new().now());
    let issuer = Issuer::discover(provider.issuer.as_str());
    let client = ClientAuth::secret_post("alice", SecretBytes::new(SECRET.as_bytes()));
    let url = format!("{}/token/introspection", provider.issuer);
    let opaque = Introspection::builder(issuer.clone(), url, client).audience("hardened-notes");
    let opaque = opaque.clock(Arc::new(clock.clone())).run_in(Profile::Development).build().unwrap();
    let verifier = Verifier::builder(issuer).audience("hardened-notes").run_in(Profile::Development);
    let layer = AuthLayer::required(verifier.build().unwrap()).introspect(opaque);

    let token = provider.token("bob", &[("token_format", "opaque")]).await;
    let bearer = format!("Bearer {token}");
    let asked = async |status: u16, questions: u64| {
        assert_eq!(send(&layer, request(&bearer, &[])).await.status(), status);
        assert_eq!(provider.hits("/token/introspection").await, questions);
    };
    asked(200, 1).await;
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", "bob"), ("client_secret", SECRET), ("token", &token)])
        .finish();
    let revoke = Request::post(format!("{}/token/revocation", provider.issuer))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form));
    assert_eq!(provider.send(revoke.unwrap()).await.status(), 200);
    clock.advance(Duration::from_secs(9));
    asked(200, 1).await;
    clock.advance(Duration::from_secs(1));
    asked(401, 2).await;
    asked(401, 2).await;
}
