//! From the code to tokens, and from refresh tokens to the next.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gambeson_core::{ManualClock, Timestamp};
use http::Request;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use super::web::{
    CALLBACK, VERIFIER, builder, claims, code, error, form, redeem, refresh, start, tokens, userinfo,
};
use crate::loopback_client::{json as body, post, send};

fn refused(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

#[tokio::test]
async fn a_code_gives_an_id_token_that_belongs_to_all_the_rest() {
    let idp = start().await;
    let given = tokens(&idp, &[]).await;
    let token = given["id_token"].as_str().unwrap();
    let keys: JwkSet = serde_json::from_value(idp.jwks()).unwrap();
    let header = decode_header(token).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&["web"]);
    rules.set_issuer(&[idp.issuer()]);
    let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
    let id = decode::<Value>(token, &key, &rules).unwrap().claims;
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    for (name, wanted) in [
        ("sub", json!("alice")),
        ("nonce", json!("the-nonce")),
        ("name", json!("Alice")),
        ("email", json!("alice@acme.example")),
        ("roles", json!(["editor"])),
        ("tenant", json!("acme")),
    ] {
        assert_eq!(id[name], wanted, "{name}");
    }
    let hash = digest(&SHA256, given["access_token"].as_str().unwrap().as_bytes());
    assert_eq!(id["at_hash"], URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));
    assert!(id["sid"].is_string() && id["auth_time"].is_i64() && id.get("client_id").is_none());
    let access = claims(&given["access_token"]);
    assert_eq!((&access["aud"], &access["client_id"]), (&json!("notes"), &json!("web")));
    assert_eq!((&access["roles"], &access["scope"]), (&json!(["editor"]), &json!("openid profile email")));
    let info = body(&userinfo(&idp, given["access_token"].as_str().unwrap()).await);
    assert_eq!((&info["sub"], &info["email"]), (&json!("alice"), &json!("alice@acme.example")));
    assert_eq!(userinfo(&idp, token).await.status(), 401, "an ID token is no access token");
    assert_eq!(userinfo(&idp, &idp.mint().user("alice").tampered().token()).await.status(), 401);
    assert_eq!(userinfo(&idp, &idp.mint().user("alice").expired().token()).await.status(), 401);
}

#[tokio::test]
async fn clients_prove_themselves_in_one_way() {
    let idp = start().await;
    let basic = async |pair: &str, more: &[(&str, &str)]| {
        let code = code(&idp, &[]);
        let mut fields = vec![("grant_type", "authorization_code"), ("code", &code)];
        fields.extend([("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)]);
        fields.extend(more);
        let value = format!("Basic {}", STANDARD.encode(pair));
        let request = Request::post("/token").header("authorization", value).body(form(&fields)).unwrap();
        send(idp.address(), request).await.unwrap()
    };
    assert_eq!(basic("web:web-secret", &[]).await.status(), 200);
    assert_eq!(basic("web:wrong", &[]).await.status(), 401);
    let both = basic("web:web-secret", &[("client_secret", "web-secret")]).await;
    assert_eq!(error(&both), refused("invalid_request"));
    assert_eq!(basic("web:web-secret", &[("client_id", "spa")]).await.status(), 401);
    for secret in ["", "wrong"] {
        assert_eq!(redeem(&idp, &code(&idp, &[]), &[("client_secret", secret)]).await.status(), 401);
    }
    let spa = code(&idp, &[("client_id", "spa")]);
    let with_secret = redeem(&idp, &spa, &[("client_id", "spa"), ("client_secret", "any")]).await;
    assert_eq!(with_secret.status(), 401);
    let without = redeem(&idp, &spa, &[("client_id", "spa"), ("client_secret", "")]).await;
    assert_eq!(without.status(), 200);
    let own = post(idp.address(), "/token", "grant_type=client_credentials&client_id=spa").await;
    assert_eq!(error(&own), refused("unauthorized_client"));
}

#[tokio::test]
async fn a_code_is_bound_to_client_place_and_verifier() {
    let idp = start().await;
    let wrong_verifier = VERIFIER.replace('d', "e");
    for change in [
        ("code_verifier", wrong_verifier.as_str()),
        ("code_verifier", "short"),
        ("code_verifier", ""),
        ("redirect_uri", "http://127.0.0.1:3000/"),
        ("redirect_uri", ""),
        ("code", "unknown"),
    ] {
        let code = code(&idp, &[]);
        assert_eq!(error(&redeem(&idp, &code, &[change]).await), refused("invalid_grant"), "{change:?}");
        if change.0 != "code" {
            assert_eq!(error(&redeem(&idp, &code, &[]).await), refused("invalid_grant"), "it is used up");
        }
    }
    let others = code(&idp, &[("client_id", "spa")]);
    assert_eq!(error(&redeem(&idp, &others, &[]).await), refused("invalid_grant"));
    let plain = [("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(error(&redeem(&idp, &code(&idp, &plain), &[]).await), refused("invalid_grant"), "downgrade");
    assert_eq!(redeem(&idp, &code(&idp, &plain), &[("code_verifier", "")]).await.status(), 200);
    assert_eq!(error(&redeem(&idp, "", &[]).await), refused("invalid_request"));
}

#[tokio::test]
async fn a_code_used_twice_takes_away_what_it_gave() {
    let idp = start().await;
    let code = code(&idp, &[]);
    let given = body(&redeem(&idp, &code, &[]).await);
    let (access, next) = (given["access_token"].as_str().unwrap(), given["refresh_token"].as_str().unwrap());
    assert_eq!(userinfo(&idp, access).await.status(), 200);
    assert_eq!(error(&redeem(&idp, &code, &[]).await), refused("invalid_grant"));
    assert_eq!(userinfo(&idp, access).await.status(), 401);
    assert_eq!(error(&refresh(&idp, next).await), refused("invalid_grant"));
}

#[tokio::test]
async fn a_code_lives_a_minute_by_the_providers_clock() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
    let idp = builder().clock(clock.clone()).start().await.unwrap();
    let (early, late) = (code(&idp, &[]), code(&idp, &[]));
    clock.advance(Duration::from_secs(59));
    assert_eq!(redeem(&idp, &early, &[]).await.status(), 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(error(&redeem(&idp, &late, &[]).await), refused("invalid_grant"));
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_used_one_ends_the_family() {
    let idp = start().await;
    let first = tokens(&idp, &[]).await;
    let second = body(&refresh(&idp, first["refresh_token"].as_str().unwrap()).await);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(claims(&first["id_token"])["auth_time"], claims(&second["id_token"])["auth_time"]);
    assert_eq!(claims(&first["id_token"])["sid"], claims(&second["id_token"])["sid"]);
    let access = second["access_token"].as_str().unwrap();
    assert_eq!(userinfo(&idp, access).await.status(), 200);
    let reused = refresh(&idp, first["refresh_token"].as_str().unwrap()).await;
    assert_eq!(error(&reused), refused("invalid_grant"));
    let latest = refresh(&idp, second["refresh_token"].as_str().unwrap()).await;
    assert_eq!(error(&latest), refused("invalid_grant"));
    assert_eq!(userinfo(&idp, access).await.status(), 401);
}

#[tokio::test]
async fn refresh_tokens_are_one_clients_and_end() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
    let idp = builder().clock(clock.clone()).start().await.unwrap();
    let given = tokens(&idp, &[]).await;
    let token = given["refresh_token"].as_str().unwrap();
    let by = async |more: &[(&str, &str)]| {
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        fields.extend(more);
        error(&post(idp.address(), "/token", &form(&fields)).await)
    };
    let web = [("client_id", "web"), ("client_secret", "web-secret")];
    assert_eq!(by(&[("client_id", "spa")]).await, refused("invalid_grant"));
    assert_eq!(by(&[web[0], web[1], ("scope", "openid admin")]).await, refused("invalid_scope"));
    assert_eq!(by(&[web[0], web[1], ("scope", "openid")]).await, (200, String::new()));
    let given = tokens(&idp, &[]).await;
    clock.advance(Duration::from_secs(12 * 3_600));
    let late = refresh(&idp, given["refresh_token"].as_str().unwrap()).await;
    assert_eq!(error(&late), refused("invalid_grant"));
    assert_eq!(error(&refresh(&idp, "nonsense").await), refused("invalid_grant"));
}
