//! RFC 8705 §3: the token goes with the certificate of the connection.

use gambeson_oidc_auth::AuthLayer;
use http::StatusCode;
use serde_json::json;

use super::sender::{challenges, request, send, with_peer};
use crate::fake_issuer::{claims, claims_with, static_verifier};
use crate::signer::{Signer, encode};

#[tokio::test]
async fn only_with_its_own_certificate_on_cache_hits_too() {
    let signer = Signer::es256("k");
    let layer = AuthLayer::required(static_verifier(&[&signer]).build().unwrap());
    let token = signer.token(&claims_with("cnf", json!({"x5t#S256": encode(&[7; 32])})));
    let bearer = format!("Bearer {token}");
    let ask = |certificate: Option<[u8; 32]>| {
        let request = with_peer(request(&bearer, &[]), |peer| peer.certificate_sha256 = certificate);
        send(&layer, request)
    };
    for _ in 0..2 {
        assert_eq!(ask(Some([7; 32])).await.body(), "alice");
        for other in [Some([8; 32]), None] {
            let answer = ask(other).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(challenges(&answer), [r#"Bearer error="invalid_token""#]);
        }
    }
    assert_eq!(layer.verifier().unwrap().status().cached, 1, "the token itself was verified once");
    assert_eq!(send(&layer, request(&bearer, &[])).await.status(), 401, "no peer layer, no certificate");
    assert!(layer.verifier().unwrap().verify(&token).is_err(), "who sees no request can't tell");
}

#[tokio::test]
async fn tokens_that_nobody_is_bound_to_can_be_refused() {
    let signer = Signer::es256("k");
    let layer = AuthLayer::required(static_verifier(&[&signer]).build().unwrap());
    let plain = format!("Bearer {}", signer.token(&claims()));
    assert_eq!(send(&layer, request(&plain, &[])).await.body(), "alice");
    let strict = layer.require_sender_constraint();
    let answer = send(&strict, request(&plain, &[])).await;
    assert_eq!(
        (answer.status(), challenges(&answer)),
        (StatusCode::UNAUTHORIZED, vec![r#"Bearer error="invalid_token""#])
    );
    let bound = signer.token(&claims_with("cnf", json!({"x5t#S256": encode(&[7; 32])})));
    let shown =
        with_peer(request(&format!("Bearer {bound}"), &[]), |peer| peer.certificate_sha256 = Some([7; 32]));
    assert_eq!(send(&strict, shown).await.body(), "alice");
}
