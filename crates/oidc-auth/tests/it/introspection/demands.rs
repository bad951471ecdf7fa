//! What is demanded of an answer: all that the issuer was told to demand of its tokens, and that it is an access token's.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{ManualClock, Timestamp};
use gambeson_oidc_auth::{ClaimRule, Denylist, Issuer};
use serde_json::{Value, json};

use super::{House, active, active_with};
use crate::bound::sender::thumbprint;
use crate::fake_issuer::{ISSUER, START};
use crate::signer::{Signer, encode};

async fn status(house: &House, answer: &Value) -> u16 {
    house.answers(200, answer);
    let token = encode(answer.to_string().as_bytes());
    house.ask(&token).await.status().as_u16()
}

/// The rules of an issuer hold whichever way its token is read.
#[tokio::test]
async fn an_issuers_rules_hold_for_answers() {
    let acme = Issuer::discover(ISSUER)
        .require(ClaimRule::equals("org", "acme"))
        .require(ClaimRule::equals("use", "id").of_id_tokens());
    let house = House::of(acme, &active(), None, |builder| builder);
    assert_eq!(status(&house, &active_with("org", json!("acme"))).await, 200);
    assert_eq!(status(&house, &active_with("org", json!("evil"))).await, 401);
    assert_eq!(status(&house, &active()).await, 401, "what a rule looks at has to be there");
}

#[tokio::test]
async fn the_claim_for_the_audience_is_the_issuers() {
    let house = House::of(Issuer::discover(ISSUER).audience_claim("for"), &active(), None, |builder| builder);
    assert_eq!(status(&house, &active()).await, 401);
    assert_eq!(status(&house, &active_with("for", json!("api"))).await, 200);
}

#[tokio::test]
async fn the_tenant_is_one_that_is_let_in() {
    let template = "https://id.example/{tenant}/v2";
    let issuer = Issuer::discover(template).tenants("tid", ["a"]);
    let house = House::of(issuer, &active(), None, |builder| builder);
    let of = |iss: Option<&str>, tid: &str| {
        let mut answer = active_with("tid", json!(tid));
        answer.as_object_mut().unwrap().remove("iss");
        iss.into_iter().for_each(|iss| answer["iss"] = json!(iss));
        answer
    };
    assert_eq!(status(&house, &of(Some("https://id.example/a/v2"), "a")).await, 200);
    assert_eq!(status(&house, &of(Some("https://id.example/b/v2"), "b")).await, 401);
    assert_eq!(status(&house, &of(Some("https://id.example/a/v2"), "b")).await, 401);
    assert_eq!(status(&house, &of(None, "a")).await, 401, "which tenant's token it is has to be said");
}

/// RFC 7662 §2.2: the endpoint answers for refresh tokens too.
#[tokio::test]
async fn only_the_types_of_access_tokens_pass() {
    let house = House::new(&active());
    for (stated, wanted) in [
        (json!("Bearer"), 200),
        (json!("bearer"), 200),
        (json!("access_token"), 200),
        (Value::Null, 200),
        (json!("refresh_token"), 401),
        (json!("Refresh"), 401),
        (json!("N_A"), 401),
        (json!("mac"), 401),
        (json!(""), 401),
        (json!("DPoP"), 401),
        (json!(7), 503),
    ] {
        let mut answer = active();
        answer["token_type"] = stated;
        assert_eq!(status(&house, &answer).await, wanted, "{answer}");
    }
    let mut bound = active_with("token_type", json!("DPoP"));
    bound["cnf"] = json!({"x5t#S256": encode(&[7; 32])});
    assert_eq!(status(&house, &bound).await, 401, "a certificate is no key of a proof");
    bound["cnf"] = json!({"jkt": thumbprint(&Signer::es256("k"))});
    let layer =
        house.layer.clone().dpop(gambeson_oidc_auth::Dpop::at(crate::bound::sender::ORIGIN).build().unwrap());
    house.answers(200, &bound);
    let answer = crate::bound::sender::send(&layer, crate::bound::sender::request("DPoP t", &[])).await;
    let told = crate::bound::sender::challenges(&answer).join(",");
    assert!(told.contains("invalid_dpop_proof"), "the token itself is good: {told}");
}

#[tokio::test]
async fn without_an_end_the_other_times_count_all_the_same() {
    let endless = |name: &str, at: i64| {
        let mut answer = active_with("exp", Value::Null);
        answer[name] = json!(at);
        answer
    };
    let house = House::new(&active());
    for name in ["nbf", "iat"] {
        assert_eq!(status(&house, &endless(name, START + 31)).await, 401, "{name}");
        assert_eq!(status(&house, &endless(name, START + 30)).await, 200, "{name}");
    }
}

/// A denial must outlast the tokens that it ends, or they come back.
#[tokio::test]
async fn with_a_denylist_a_token_lives_no_longer_than_denials() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(START));
    let list = Denylist::builder().keep(Duration::from_secs(1_000)).clock(Arc::new(clock)).build().unwrap();
    let house = House::with(&active(), None, |builder| builder.denylist(list));
    let lives = |seconds: i64| {
        let mut answer = active_with("iat", json!(START - 100));
        answer["exp"] = json!(START - 100 + seconds);
        answer
    };
    assert_eq!(status(&house, &lives(970)).await, 200);
    assert_eq!(status(&house, &lives(971)).await, 401, "the leeway counts too");
    assert_eq!(status(&house, &active_with("exp", Value::Null)).await, 401);
}
