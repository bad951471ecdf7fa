//! RFC 9449 §4.3, check by check, and what the refusals say.

use std::time::Duration;

use gambeson_core::{Profile, SecretBytes, SystemEntropy, Timestamp};
use gambeson_oidc_auth::dpop::{DpopNonces, ProofFor, ProofKey};
use gambeson_oidc_auth::{AuthLayer, Dpop};
use http::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::sender::{Client, ORIGIN, ath, challenges, changed, public, request, send, with_peer};
use crate::fake_issuer::{START, claims, claims_with, static_verifier};
use crate::signer::{Signer, encode};

/// Refused, and the proof is at fault.
fn assert_bad_proof(answer: &Response<bytes::Bytes>, what: &str) {
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{what}");
    let told = challenges(answer);
    assert_eq!(told.len(), 1, "{what}");
    assert!(told[0].starts_with(r#"DPoP error="invalid_dpop_proof", algs="ES256 "#), "{what}: {told:?}");
}

async fn assert_refused(client: &Client, proof: &str, what: &str) {
    assert_bad_proof(&client.ask(&[proof]).await, what);
}

#[tokio::test]
async fn a_proof_of_each_algorithm_is_good() {
    for alg in ["ES256", "ES384", "ES512", "EdDSA", "PS256", "RS256"] {
        let client = Client::with(alg, Dpop::at(ORIGIN).build().unwrap());
        assert_eq!(client.ask(&[&client.good()]).await.body(), "alice", "{alg}");
    }
    let client = Client::with("ES256", Dpop::at(ORIGIN).algorithms(["EdDSA"]).build().unwrap());
    let answer = client.ask(&[&client.good()]).await;
    assert!(challenges(&answer)[0].ends_with(r#"algs="EdDSA""#), "check 5: local policy");
}

#[tokio::test]
async fn check_1_and_2_one_field_with_one_token() {
    let client = Client::new();
    let (one, two) = (client.good(), client.good());
    assert_bad_proof(&client.ask(&[]).await, "none");
    assert_bad_proof(&client.ask(&[&one, &two]).await, "two fields");
    assert_refused(&client, &format!("{one}, {two}"), "two in one field").await;
    for bad in ["", "x", "a.b.c", &one[1..], &format!("{one}.x"), &format!("{one}="), &"a".repeat(5_000)] {
        assert_refused(&client, bad, bad).await;
    }
    let long = |length: usize| client.proof_with("more", json!("a".repeat(length)));
    assert_refused(&client, &long(4_096), "good but for its length").await;
    assert_eq!(client.ask(&[&long(2_048)]).await.body(), "alice", "what it says more is left aside");
    assert_eq!(client.ask(&[&one]).await.body(), "alice", "what was refused is not used up");
}

#[tokio::test]
async fn check_3_all_claims_are_there_and_of_their_type() {
    let client = Client::new();
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        for value in [Value::Null, json!(true), json!([]), json!("")] {
            assert_refused(&client, &client.proof_with(name, value.clone()), &format!("{name}: {value}"))
                .await;
        }
    }
    assert_refused(&client, &client.proof_with("iat", json!(START as f64 + 0.5)), "half a second").await;
    let twice = client.claims().to_string().replacen('{', r#"{"htm":"GET","#, 1);
    assert_refused(&client, &client.key.token_of(&client.header().to_string(), &twice), "a name twice").await;
}

#[tokio::test]
async fn check_4_and_5_type_and_algorithm() {
    let client = Client::new();
    let with = |name, value| client.proof(&changed(client.header(), name, value), &client.claims());
    for typ in [Value::Null, json!("JWT"), json!("at+jwt"), json!("application/dpop+jwt"), json!(1)] {
        assert_refused(&client, &with("typ", typ.clone()), &typ.to_string()).await;
    }
    for alg in [Value::Null, json!("none"), json!("HS256"), json!("ES384"), json!("es256"), json!("RS256")] {
        assert_refused(&client, &with("alg", alg.clone()), &alg.to_string()).await;
    }
    for (name, value) in [("crit", json!(["exp"])), ("b64", json!(false)), ("zip", json!("DEF"))] {
        assert_refused(&client, &with(name, value), name).await;
    }
}

#[tokio::test]
async fn check_6_and_7_signature_and_public_key() {
    let client = Client::new();
    let proof = client.good();
    let (signed, _) = proof.rsplit_once('.').unwrap();
    let other = Signer::es256("p").sign(signed.as_bytes());
    assert_refused(&client, &format!("{signed}.{}", encode(&other)), "signed by another").await;
    let mut secret = client.jwk();
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        secret[name] = json!("AA");
        let header = changed(client.header(), "jwk", secret.clone());
        assert_refused(&client, &client.proof(&header, &client.claims()), name).await;
        secret.as_object_mut().unwrap().remove(name);
    }
    for jwk in [Value::Null, json!("x"), json!({}), json!({"kty": "oct", "k": "AA"}), json!({"kty": "EC"})] {
        let header = changed(client.header(), "jwk", jwk.clone());
        assert_refused(&client, &client.proof(&header, &client.claims()), &jwk.to_string()).await;
    }
    let mut named = client.jwk();
    named["alg"] = json!("ES384");
    let header = changed(client.header(), "jwk", named);
    assert_refused(&client, &client.proof(&header, &client.claims()), "a key for something else").await;
}

#[tokio::test]
async fn check_8_and_9_method_and_address() {
    let client = Client::new();
    for htm in ["POST", "get", "GET "] {
        assert_refused(&client, &client.proof_with("htm", json!(htm)), htm).await;
    }
    for htu in
        ["https://evil.example/notes", "https://api.example.com/", "http://api.example.com/notes", "/notes"]
    {
        assert_refused(&client, &client.proof_with("htu", json!(htu)), htu).await;
    }
    let long = client.proof_with("htu", json!(format!("{ORIGIN}:443/notes?other=query#part")));
    assert_eq!(client.ask(&[&long]).await.body(), "alice", "query and fragment are left aside");
    // Whoever replays a proof that another host was given names that host: it does not count.
    let stolen = client.proof_with("htu", json!("https://evil.example/notes"));
    let mut request = client.request(&[&stolen]);
    request.headers_mut().insert(header::HOST, "evil.example".parse().unwrap());
    request.headers_mut().insert("x-forwarded-host", "evil.example".parse().unwrap());
    let request = with_peer(request, |peer| peer.host = Some("evil.example".into()));
    assert_bad_proof(&send(&client.layer, request).await, "Host is the sender's to choose");
}

#[tokio::test]
async fn check_10_the_servers_nonce() {
    let nonces = DpopNonces::new(&SecretBytes::new(vec![1; 32])).unwrap();
    let client = Client::with("ES256", Dpop::at(ORIGIN).nonces(nonces).build().unwrap());
    let answer = client.ask(&[&client.good()]).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(challenges(&answer)[0].starts_with(r#"DPoP error="use_dpop_nonce""#));
    let nonce = answer.headers()["dpop-nonce"].to_str().unwrap().to_owned();
    let answer = client.ask(&[&client.proof_with("nonce", json!(nonce))]).await;
    assert!(answer.body() == "alice" && !answer.headers().contains_key("dpop-nonce"));
    let answer = client.ask(&[&client.proof_with("nonce", json!("x"))]).await;
    assert!(challenges(&answer)[0].starts_with(r#"DPoP error="use_dpop_nonce""#));
    // The next one comes with the answer to a proof that has the last one, and once is enough (§8.2).
    client.clock.advance(Duration::from_secs(60));
    let after_a_minute = |nonce: &str| {
        let claims = changed(changed(client.claims(), "nonce", json!(nonce)), "iat", json!(START + 60));
        client.proof(&client.header(), &claims)
    };
    let answer = client.ask(&[&after_a_minute(&nonce)]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let next = answer.headers()["dpop-nonce"].to_str().unwrap().to_owned();
    assert_ne!(next, nonce);
    let answer = client.ask(&[&after_a_minute(&next)]).await;
    assert_eq!((answer.status(), answer.headers().contains_key("dpop-nonce")), (StatusCode::OK, false));
    client.clock.advance(Duration::from_secs(120));
    let late = changed(changed(client.claims(), "nonce", json!(nonce)), "iat", json!(START + 180));
    let answer = client.ask(&[&client.proof(&client.header(), &late)]).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "nonces are over");
    assert_ne!(answer.headers()["dpop-nonce"], nonce);
}

#[tokio::test]
async fn check_11_made_just_now() {
    let client = Client::new();
    for (shift, good) in [(-60, false), (-59, true), (59, true), (60, false), (i64::MAX - START, false)] {
        let proof = client.proof_with("iat", json!(START + shift));
        assert_eq!(client.ask(&[&proof]).await.status() == 200, good, "{shift}");
    }
    assert_refused(&client, &client.proof_with("iat", json!(i64::MIN)), "long ago").await;
    assert_refused(&client, &client.proof_with("exp", json!(START)), "over by itself").await;
    assert_refused(&client, &client.proof_with("nbf", json!(START + 61)), "not begun by itself").await;
}

#[tokio::test]
async fn check_12_this_token_and_its_key() {
    let client = Client::new();
    assert_refused(&client, &client.proof_with("ath", json!(ath("another"))), "another token").await;
    // Another key, whose own proof is in order.
    let thief = Signer::es256("p");
    let header = changed(client.header(), "jwk", public(&thief));
    let proof = thief.token_of(&header.to_string(), &client.claims().to_string());
    let answer = client.ask(&[&proof]).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(challenges(&answer)[0].starts_with(r#"DPoP error="invalid_token""#));
}

#[tokio::test]
async fn the_schemes_are_kept_apart() {
    let client = Client::new();
    let bearer = format!("Bearer {}", client.token);
    for proofs in [&[][..], &[&*client.good()]] {
        let answer = send(&client.layer, request(&bearer, proofs)).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "a bound token is no bearer token (§7.2)");
        assert_eq!(challenges(&answer).len(), 1);
        assert!(challenges(&answer)[0].starts_with(r#"DPoP error="invalid_token""#));
    }
    let plain = client.issuer.token(&claims());
    let answer = send(&client.layer, request(&format!("DPoP {plain}"), &[&client.good()])).await;
    assert!(challenges(&answer)[0].starts_with(r#"DPoP error="invalid_token""#), "a proof for nothing");
    let answer = send(&client.layer, request(&format!("Bearer {plain}"), &[])).await;
    assert_eq!(answer.body(), "alice", "others may be bearers");
    let strict = client.layer.clone().require_sender_constraint();
    let answer = send(&strict, request(&format!("Bearer {plain}"), &[])).await;
    assert!(challenges(&answer)[0].starts_with(r#"DPoP error="invalid_token""#));
    // Whoever asks for bound tokens invites no others, whatever is wrong.
    for bad in ["Bearer eyJ.eyJ.x", "Bearer opaque", "Bearer"] {
        let answer = send(&strict, request(bad, &[])).await;
        let told = challenges(&answer);
        assert!(told.len() == 1 && told[0].starts_with("DPoP error="), "{bad}: {told:?}");
    }
    let mut two = client.request(&[&client.good()]);
    two.headers_mut().append(header::AUTHORIZATION, bearer.parse().unwrap());
    let answer = send(&client.layer, two).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(challenges(&answer).len(), 2);
    let nobody = send(&client.layer, http::Request::get("/notes").body(()).unwrap()).await;
    assert_eq!(challenges(&nobody)[0], "Bearer");
    assert!(challenges(&nobody)[1].starts_with(r#"DPoP algs="ES256 "#));
}

#[tokio::test]
async fn without_a_policy_bound_tokens_are_refused() {
    let client = Client::new();
    let layer = AuthLayer::required(client.layer.verifier().unwrap().clone());
    let answer = send(&layer, client.request(&[&client.good()])).await;
    assert_eq!(
        (answer.status(), challenges(&answer)),
        (StatusCode::UNAUTHORIZED, vec![r#"Bearer error="invalid_token""#])
    );
}

#[tokio::test]
async fn both_bindings_of_one_token_count() {
    let client = Client::new();
    let cnf = json!({"jkt": super::sender::thumbprint(&client.key), "x5t#S256": encode(&[7; 32])});
    let token = client.issuer.token(&claims_with("cnf", cnf));
    for (certificate, good) in [(None, false), (Some([8; 32]), false), (Some([7; 32]), true)] {
        let proof = client.proof_with("ath", json!(ath(&token)));
        let request = request(&format!("DPoP {token}"), &[&proof]);
        let request = with_peer(request, |peer| peer.certificate_sha256 = certificate);
        assert_eq!(send(&client.layer, request).await.status() == 200, good);
    }
}

/// RFC 7800 §3.1: what else confirms the sender can't be checked here, whatever stands beside it.
#[tokio::test]
async fn a_token_with_another_confirmation_beside_its_key_is_refused() {
    let client = Client::new();
    let cnf = json!({"also": encode(&[7; 32]), "jkt": super::sender::thumbprint(&client.key)});
    let token = client.issuer.token(&claims_with("cnf", cnf));
    let proof = client.proof_with("ath", json!(ath(&token)));
    let answer = send(&client.layer, request(&format!("DPoP {token}"), &[&proof])).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_crates_own_key_makes_good_proofs() {
    let key = ProofKey::generate().unwrap();
    let issuer = Signer::es256("k");
    let token = issuer.token(&claims_with("cnf", json!({"jkt": key.thumbprint()})));
    let verifier = static_verifier(&[&issuer]).build().unwrap();
    let layer = AuthLayer::required(verifier).dpop(Dpop::at(ORIGIN).build().unwrap());
    let url = format!("{ORIGIN}/notes?page=2");
    let wanted = ProofFor::new(&Method::GET, &url).token(&token);
    let proof = key.proof(&wanted, Timestamp::from_unix_seconds(START), &SystemEntropy::new()).unwrap();
    let answer = send(&layer, request(&format!("DPoP {token}"), &[proof.to_str().unwrap()])).await;
    assert_eq!(answer.body(), "alice");
}

#[test]
fn all_problems_of_a_policy_are_told_at_once() {
    let bad =
        Dpop::at("http://api.example.com").window(Duration::ZERO).algorithms(["HS256"]).max_proof_bytes(1);
    let text = bad.build().unwrap_err().to_string();
    for field in ["dpop.public-origin", "dpop.window", "dpop.algorithms", "dpop.max-proof-bytes"] {
        assert!(text.contains(field), "{field}: {text}");
    }
    let loopback = Dpop::at("http://127.0.0.1:3000").run_in(Profile::Development);
    assert!(loopback.and_at("http://localhost:3000").build().is_ok());
}
