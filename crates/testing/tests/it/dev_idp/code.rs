//! From the authorization request to the code.

use gambeson_testing::{DevClient, DevIdp, DevIdpErrorKind, Fault};

use super::web::{CALLBACK, answered, authorize_url, builder, claims, error, query, redeem, start, tokens};
use crate::loopback_client::{get, json};

#[tokio::test]
async fn the_metadata_tells_what_there_is() {
    let idp = start().await;
    let metadata = json(&get(idp.address(), "/.well-known/openid-configuration").await.unwrap());
    for endpoint in ["authorization_endpoint", "userinfo_endpoint", "end_session_endpoint"] {
        let path = metadata[endpoint].as_str().unwrap().strip_prefix(idp.issuer()).unwrap();
        assert_ne!(get(idp.address(), path).await.unwrap().status(), 404, "{path}");
    }
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn the_answer_has_code_state_and_issuer() {
    let idp = start().await;
    let fields = answered(&idp.sign_in(&authorize_url(&idp, &[]), "alice").unwrap());
    assert_eq!((fields["state"].as_str(), fields["iss"].as_str()), ("the-state", idp.issuer()));
    assert!(fields["code"].len() >= 20 && fields.len() == 3, "{fields:?}");
    let stateless = answered(&idp.sign_in(&authorize_url(&idp, &[("state", "")]), "alice").unwrap());
    assert!(!stateless.contains_key("state"));
}

#[tokio::test]
async fn unknown_clients_and_places_get_a_page_and_no_redirect() {
    let idp = start().await;
    for changes in [
        ("redirect_uri", "http://127.0.0.1:3000/callback/"),
        ("redirect_uri", "http://127.0.0.1:3001/callback"),
        ("redirect_uri", "http://127.0.0.1:3000/callback?x=1"),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", ""),
        ("client_id", "stranger"),
        ("client_id", ""),
        ("client_id", "service"),
    ] {
        let page = get(idp.address(), &format!("/authorize?{}", query(&[changes]))).await.unwrap();
        assert_eq!(page.status(), 400, "{changes:?}");
        assert!(page.headers().get("location").is_none(), "{changes:?}");
        let refused = idp.sign_in(&authorize_url(&idp, &[changes]), "alice").unwrap_err();
        assert_eq!(refused.kind(), DevIdpErrorKind::SignIn, "{refused}");
    }
    let long = get(idp.address(), &format!("/authorize?{}", query(&[("nonce", &"n".repeat(9_000))]))).await;
    assert_eq!(long.unwrap().status(), 400);
}

#[tokio::test]
async fn wrong_requests_are_told_to_the_client() {
    let idp = start().await;
    for (changes, wanted) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("scope", "profile"), "invalid_scope"),
        (("scope", ""), "invalid_scope"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("prompt", "sometimes"), "invalid_request"),
        (("prompt", "none login"), "invalid_request"),
        (("prompt", "none"), "login_required"),
        (("max_age", "soon"), "invalid_request"),
        (("request", "e30.e30."), "request_not_supported"),
        (("request_uri", "https://evil.example/"), "request_uri_not_supported"),
        (("response_mode", "fragment"), "invalid_request"),
        (("id_token_hint", "e30.e30.e30"), "invalid_request"),
    ] {
        let fields = answered(&idp.sign_in(&authorize_url(&idp, &[changes]), "alice").unwrap());
        assert_eq!(fields["error"], wanted, "{changes:?}");
        assert_eq!((fields["state"].as_str(), fields["iss"].as_str()), ("the-state", idp.issuer()));
        assert!(!fields.contains_key("code"));
    }
    let twice = format!("{}&nonce=other", authorize_url(&idp, &[]));
    assert_eq!(answered(&idp.sign_in(&twice, "alice").unwrap())["error"], "invalid_request");
    let spa = [("client_id", "spa"), ("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(
        answered(&idp.sign_in(&authorize_url(&idp, &spa), "alice").unwrap())["error"],
        "invalid_request"
    );
}

#[tokio::test]
async fn sign_in_goes_to_this_provider_for_people_it_knows() {
    let idp = start().await;
    for url in
        ["nonsense", "http://127.0.0.1:1/authorize", &format!("{}.evil.example/authorize", idp.issuer())]
    {
        assert_eq!(idp.sign_in(url, "alice").unwrap_err().kind(), DevIdpErrorKind::SignIn, "{url}");
    }
    let nobody = idp.sign_in(&authorize_url(&idp, &[]), "mallory").unwrap_err();
    assert!(nobody.to_string().contains("mallory"), "{nobody}");
}

#[tokio::test]
async fn clients_redirect_to_loopback_and_can_come_late() {
    let elsewhere = || DevClient::public("late").redirect_uri("https://notes.example/callback");
    let refused = DevIdp::builder().client(elsewhere()).start().await.unwrap_err();
    assert_eq!(refused.kind(), DevIdpErrorKind::Client);
    let idp = builder().start().await.unwrap();
    assert_eq!(idp.register(elsewhere()).unwrap_err().kind(), DevIdpErrorKind::Client);
    let late = [("client_id", "late")];
    assert!(idp.sign_in(&authorize_url(&idp, &late), "alice").is_err());
    idp.register(DevClient::public("late").redirect_uri(CALLBACK)).unwrap();
    assert!(idp.sign_in(&authorize_url(&idp, &late), "alice").is_ok());
}

#[tokio::test]
async fn answers_can_be_wrong_on_demand() {
    let idp = start().await;
    let signed_in = || answered(&idp.sign_in(&authorize_url(&idp, &[]), "alice").unwrap());
    idp.fault(Fault::WrongResponseIssuer);
    assert_ne!(signed_in()["iss"], idp.issuer());
    idp.fault(Fault::NoResponseIssuer);
    assert!(!signed_in().contains_key("iss"));
    idp.fault(Fault::WrongState);
    assert_eq!(signed_in()["state"], "another-state");
    for (fault, claim) in
        [(Fault::WrongNonce, "nonce"), (Fault::WrongAudience, "aud"), (Fault::WrongIdTokenIssuer, "iss")]
    {
        idp.fault(Fault::None);
        let good = claims(&tokens(&idp, &[]).await["id_token"])[claim].clone();
        idp.fault(fault);
        assert_ne!(claims(&tokens(&idp, &[]).await["id_token"])[claim], good, "{fault:?}");
    }
    idp.fault(Fault::TokenError);
    assert_eq!(redeem(&idp, "any", &[]).await.status(), 500);
    assert_eq!(get(idp.address(), "/jwks").await.unwrap().status(), 200);
    idp.fault(Fault::None);
    assert_eq!(error(&redeem(&idp, "any", &[]).await), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_hanging_token_endpoint_hangs_alone() {
    let idp = start().await;
    idp.fault(Fault::TokenHang);
    let mut hanging = Box::pin(redeem(&idp, "any", &[]));
    let mut others = Box::pin(get(idp.address(), "/jwks"));
    let answer = std::future::poll_fn(|context| {
        assert!(hanging.as_mut().poll(context).is_pending());
        others.as_mut().poll(context)
    });
    assert_eq!(answer.await.unwrap().status(), 200);
}
