//! For whom an ID token is (OpenID Connect Core 1.0 §3.1.3.7).

use gambeson_core::{Profile, SecretBytes};
use gambeson_oidc_auth::{Issuer, Login, LoginLayer};
use serde_json::{Value, json};

use super::browser::{App, Browser, ORIGIN, parameter};
use crate::misbehaving_server::Server;
use crate::signer::Signer;

/// Who is signed in by an ID token with these claims changed.
async fn signed_in_by(changes: Value) -> String {
    let signer = Signer::es256("k");
    let server = Server::start(vec![signer.jwk()]).await;
    let login = Login::builder(Issuer::discover(server.issuer()), "web")
        .client_secret(SecretBytes::new(&b"secret"[..]))
        .public_origin(ORIGIN)
        .run_in(Profile::Development);
    let app = App(LoginLayer::new(login.build().unwrap()));
    let mut browser = Browser::default();
    let url = browser.leave(&app, "/login").await;
    let now = server.now();
    let mut claims = json!({
        "iss": server.issuer(), "aud": "web", "sub": "alice", "iat": now, "exp": now + 300,
        "nonce": parameter(&url, "nonce"),
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = json!({"alg": signer.alg, "kid": "k", "typ": "JWT"});
    let id_token = signer.token_of(&header.to_string(), &claims.to_string());
    let tokens =
        json!({"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": id_token});
    server.answers("/token", tokens);
    let state = parameter(&url, "state").unwrap();
    browser.get(&app, &format!("{ORIGIN}/login/callback?code=c&state={state}")).await;
    browser.who(&app).await
}

#[tokio::test]
async fn an_id_token_for_somebody_else_too_signs_nobody_in() {
    for good in [json!({}), json!({"aud": ["web"]}), json!({"azp": "web"})] {
        assert_eq!(signed_in_by(good.clone()).await, "alice", "{good}");
    }
    for bad in [
        json!({"aud": "other"}),
        json!({"aud": ["web", "other"]}),
        json!({"aud": ["web", "other"], "azp": "web"}),
        json!({"azp": "other"}),
    ] {
        assert_eq!(signed_in_by(bad.clone()).await, "nobody", "{bad}");
    }
}
