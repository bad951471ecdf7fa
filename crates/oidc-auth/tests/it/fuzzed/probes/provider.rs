//! A provider in memory, which gives everybody who comes an ID token for the nonce of the hour.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gambeson_core::{BoxFuture, HttpTransport, TransportError, TransportLimits};
use http::{Request, Response};
use serde_json::{Value, json};

use super::key::{ISSUER, ISSUERS, NOW, key_set};

pub(super) const AUTHORIZE: &str = "https://id.example/authorize";

/// Clones share the nonce.
#[derive(Debug, Clone, Default)]
pub(super) struct Provider(Arc<Mutex<String>>);

impl Provider {
    /// What the next ID token says that it answers.
    pub(super) fn expect(&self, nonce: String) {
        *self.0.lock().unwrap() = nonce;
    }

    fn answer(&self, path: &str) -> Value {
        match path {
            "/.well-known/openid-configuration" => json!({
                "issuer": ISSUER,
                "jwks_uri": format!("{ISSUER}/jwks"),
                "authorization_endpoint": AUTHORIZE,
                "token_endpoint": format!("{ISSUER}/token"),
            }),
            "/jwks" => serde_json::from_str(&key_set()).unwrap(),
            _ => json!({"access_token": "x", "token_type": "Bearer", "id_token": self.id_token()}),
        }
    }

    fn id_token(&self) -> String {
        let nonce = self.0.lock().unwrap().clone();
        let claims = json!({
            "iss": ISSUER, "aud": "web", "sub": "alice", "iat": NOW, "exp": NOW + 300, "nonce": nonce,
        });
        ISSUERS.signed(br#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#, claims.to_string().as_bytes())
    }
}

impl HttpTransport for Provider {
    fn send(
        &self,
        request: Request<Bytes>,
        _: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let answer = self.answer(request.uri().path()).to_string();
        Box::pin(async move {
            let mut answer = Response::new(Bytes::from(answer));
            answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
            Ok(answer)
        })
    }
}
