//! npm `oauth2-mock-server` gives anybody any token, and most of it is not what an API should take: each is refused for its own
//! reason, and `JwtLenient` takes no more than it says.

use bytes::Bytes;
use gambeson_client::Client;
use gambeson_core::{HttpTransport, Profile, TransportLimits};
use gambeson_oidc_auth::{Issuer, Reason, TokenProfile, Verifier};
use http::{Request, header};
use serde_json::{Value, json};

use crate::peer::Peer;

struct MockServer {
    issuer: String,
    _peer: Peer,
}

impl MockServer {
    fn start() -> Self {
        let (peer, ready) = Peer::start("oauth2-mock-server", &[]);
        Self { issuer: ready["issuer"].as_str().unwrap().to_owned(), _peer: peer }
    }

    /// A token with these claims besides those that it always has.
    async fn token(&self, claims: &Value) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("claims", &claims.to_string());
        let request = Request::post(format!("{}/token", self.issuer))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form.finish()));
        let limits = TransportLimits::default().allow_special_use_addresses(true);
        let client = Client::builder().build().unwrap();
        let answer = client.send(request.unwrap(), limits).await.unwrap();
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    fn verifier(&self, profile: TokenProfile) -> Verifier {
        let builder = Verifier::builder(Issuer::discover(self.issuer.as_str())).audience("api");
        builder.profile(profile).run_in(Profile::Development).build().unwrap()
    }
}

/// Why it is refused, if it is.
async fn reason(verifier: &Verifier, token: &str) -> Option<Reason> {
    verifier.verify_or_wait(token, None).await.err().map(|error| error.reason())
}

#[tokio::test]
#[ignore = "needs oauth2-mock-server: cargo xtask test"]
async fn its_tokens_are_refused_each_for_its_reason() {
    let server = MockServer::start();
    let strict = server.verifier(TokenProfile::AccessToken);
    let lenient = server.verifier(TokenProfile::JwtLenient);
    let fit = json!({"aud": "api", "sub": "alice"});
    let with = |name: &str, value: Value| {
        let mut claims = fit.clone();
        claims[name] = value;
        claims
    };
    for (claims, leniently) in [
        (json!({}), Some(Reason::Audience)),
        (json!({"aud": "api"}), Some(Reason::MissingClaim)),
        (json!({"sub": "alice"}), Some(Reason::Audience)),
        (fit.clone(), None),
        (with("scope", json!("orders:read")), None),
        (with("sub", json!("")), Some(Reason::MissingClaim)),
        (with("sub", json!(7)), Some(Reason::Malformed)),
        (with("aud", json!("another")), Some(Reason::Audience)),
        (with("aud", json!(["another", "api"])), None),
        (with("iss", json!("https://other.example")), Some(Reason::Issuer)),
        (with("exp", json!(1)), Some(Reason::Expired)),
        (with("exp", json!("soon")), Some(Reason::Malformed)),
        (with("nbf", json!(9_999_999_999_i64)), Some(Reason::NotYetValid)),
        (with("iat", json!(9_999_999_999_i64)), Some(Reason::ClockSkew)),
        (with("exp", json!(9_999_999_999_i64)), Some(Reason::Lifetime)),
        (with("at_hash", json!("x")), Some(Reason::Purpose)),
    ] {
        let token = server.token(&claims).await;
        assert_eq!(reason(&strict, &token).await, Some(Reason::TokenType), "{claims}: it is no at+jwt");
        assert_eq!(reason(&lenient, &token).await, leniently, "leniently: {claims}");
    }
}
