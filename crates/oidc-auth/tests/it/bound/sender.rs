//! A client that makes proofs, and an app that checks them.

use std::convert::Infallible;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use gambeson_core::{ManualClock, PeerInfo, RequestFacts, Timestamp};
use gambeson_oidc_auth::{AuthLayer, Dpop};
use http::{Method, Request, Response, header};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::fake_issuer::{START, claims_with, static_verifier};
use crate::signer::{Signer, encode};

pub(crate) const ORIGIN: &str = "https://api.example.com";

/// A client with its key and a token bound to it, and an app that knows the issuer.
pub(crate) struct Client {
    pub(crate) issuer: Signer,
    pub(crate) key: Signer,
    pub(crate) token: String,
    pub(crate) clock: ManualClock,
    pub(crate) layer: AuthLayer,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::with("ES256", Dpop::at(ORIGIN).build().unwrap())
    }

    pub(crate) fn with(alg: &'static str, dpop: Dpop) -> Self {
        let (issuer, key) = (Signer::es256("k"), Signer::of(alg, "p"));
        let token = issuer.token(&claims_with("cnf", json!({"jkt": thumbprint(&key)})));
        let clock = ManualClock::at(Timestamp::from_unix_seconds(START));
        let verifier = static_verifier(&[&issuer]).clock(Arc::new(clock.clone())).build().unwrap();
        let layer = AuthLayer::required(verifier).dpop(dpop);
        Self { issuer, key, token, clock, layer }
    }

    /// The public half, as a proof carries it.
    pub(crate) fn jwk(&self) -> Value {
        public(&self.key)
    }

    pub(crate) fn header(&self) -> Value {
        json!({"typ": "dpop+jwt", "alg": self.key.alg, "jwk": self.jwk()})
    }

    pub(crate) fn claims(&self) -> Value {
        json!({
            "jti": encode(&rand()), "htm": "GET", "htu": format!("{ORIGIN}/notes"), "iat": START,
            "ath": ath(&self.token),
        })
    }

    pub(crate) fn proof(&self, header: &Value, claims: &Value) -> String {
        self.key.token_of(&header.to_string(), &claims.to_string())
    }

    /// A good proof with one claim changed; `null` takes it away.
    pub(crate) fn proof_with(&self, name: &str, value: Value) -> String {
        self.proof(&self.header(), &changed(self.claims(), name, value))
    }

    pub(crate) fn good(&self) -> String {
        self.proof(&self.header(), &self.claims())
    }

    pub(crate) fn request(&self, proofs: &[&str]) -> Request<()> {
        request(&format!("DPoP {}", self.token), proofs)
    }

    pub(crate) async fn ask(&self, proofs: &[&str]) -> Response<Bytes> {
        send(&self.layer, self.request(proofs)).await
    }
}

pub(crate) fn request(authorization: &str, proofs: &[&str]) -> Request<()> {
    let request = Request::builder().method(Method::GET).uri("/notes?page=2");
    let request = request.header(header::AUTHORIZATION, authorization);
    proofs.iter().fold(request, |request, proof| request.header("dpop", *proof)).body(()).unwrap()
}

pub(crate) fn with_peer(mut request: Request<()>, change: impl FnOnce(&mut PeerInfo)) -> Request<()> {
    let mut peer = PeerInfo::new();
    change(&mut peer);
    RequestFacts::ensure(&mut request).set_peer(peer);
    request
}

/// The app says who it is.
pub(crate) async fn send(layer: &AuthLayer, request: Request<()>) -> Response<Bytes> {
    let app = service_fn(async |request: Request<()>| {
        let facts = RequestFacts::of(request.extensions()).cloned().unwrap_or_default();
        let who = facts.principal().map_or("nobody".to_owned(), |who| who.subject().to_owned());
        Ok::<_, Infallible>(Response::new(Bytes::from(who)))
    });
    layer.layer(app).oneshot(request).await.unwrap()
}

pub(crate) fn challenges(answer: &Response<Bytes>) -> Vec<&str> {
    answer.headers().get_all(header::WWW_AUTHENTICATE).iter().map(|value| value.to_str().unwrap()).collect()
}

pub(crate) fn changed(mut object: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => {
            object.as_object_mut().unwrap().remove(name);
        }
        value => object[name] = value,
    }
    object
}

pub(crate) fn ath(token: &str) -> String {
    encode(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}

pub(crate) fn public(key: &Signer) -> Value {
    let mut jwk = key.jwk();
    for name in ["kid", "alg", "use"] {
        jwk.as_object_mut().unwrap().remove(name);
    }
    jwk
}

/// RFC 7638 §3: a map of serde_json keeps its names in order.
pub(crate) fn thumbprint(key: &Signer) -> String {
    encode(digest::digest(&digest::SHA256, public(key).to_string().as_bytes()).as_ref())
}

fn rand() -> [u8; 16] {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}
