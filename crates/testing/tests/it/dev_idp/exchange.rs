//! Another token for one that is at hand (RFC 8693).

use serde_json::json;

use super::web::{claims, error, start};
use crate::loopback_client::{json as body, post};

const EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&\
    client_id=service&client_secret=dev-service-secret&\
    subject_token_type=urn:ietf:params:oauth:token-type:access_token";

#[tokio::test]
async fn the_new_token_is_of_the_same_person_and_says_who_acts() {
    let idp = start().await;
    let alice = idp.mint().user("alice").scope("notes:read notes:write").token();
    let form = format!("{EXCHANGE}&subject_token={alice}&audience=stock&scope=notes:read");
    let given = body(&post(idp.address(), "/token", &form).await);
    assert_eq!(given["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    let access = claims(&given["access_token"]);
    assert_eq!((&access["sub"], &access["aud"]), (&json!("alice"), &json!("stock")));
    assert_eq!((&access["scope"], &access["roles"]), (&json!("notes:read"), &json!(["editor"])));
    assert_eq!((&access["act"], &access["client_id"]), (&json!({"sub": "service"}), &json!("service")));
    // And the next one says who acted before.
    let form = format!("{EXCHANGE}&subject_token={alice}&audience=service&scope=notes:read");
    let given = body(&post(idp.address(), "/token", &form).await);
    let token = given["access_token"].as_str().unwrap();
    let actor = idp.mint().service("billing").token();
    let kind = "actor_token_type=urn:ietf:params:oauth:token-type:jwt";
    let form = format!("{EXCHANGE}&subject_token={token}&actor_token={actor}&{kind}");
    let given = body(&post(idp.address(), "/token", &form).await);
    let act = json!({"sub": "billing", "act": {"sub": "service"}});
    assert_eq!(claims(&given["access_token"])["act"], act);
}

#[tokio::test]
async fn what_is_no_good_is_not_exchanged() {
    let idp = start().await;
    let good = idp.mint().user("alice").scope("notes:read").token();
    let ended = idp.mint().user("alice").expired().token();
    let of_another = idp.mint().user("alice").audience("stock").scope("notes:read").token();
    let of_others = idp.mint().user("alice").audience(json!(["stock", "cellar"])).scope("notes:read").token();
    let tampered = idp.mint().user("alice").tampered().token();
    for (form, refusal) in [
        (EXCHANGE.to_owned(), "invalid_request"),
        (format!("{EXCHANGE}&subject_token={ended}"), "invalid_request"),
        (format!("{EXCHANGE}&subject_token={tampered}"), "invalid_request"),
        (format!("{EXCHANGE}&subject_token={of_another}"), "invalid_request"),
        (format!("{EXCHANGE}&subject_token={of_others}"), "invalid_request"),
        (format!("{EXCHANGE}&subject_token={good}&actor_token={good}"), "invalid_request"),
        (format!("{EXCHANGE}&subject_token={good}&scope=notes:write"), "invalid_scope"),
    ] {
        assert_eq!(error(&post(idp.address(), "/token", &form).await), (400, refusal.to_owned()), "{form}");
    }
}
