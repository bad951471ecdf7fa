//! Why a token is or isn't accepted, in words.

use gambeson_oidc_auth::{ClaimRule, Explanation, Issuer, Verdict, Verifier};
use serde_json::{Value, json};

use crate::fake_issuer::{House, ISSUER, Mood, START, claims, claims_with, settle, static_verifier};
use crate::signer::Signer;

fn failed(explained: &Explanation) -> Vec<&'static str> {
    let steps = explained.steps().iter();
    steps.filter(|step| step.verdict == Verdict::Failed).map(|step| step.check).collect()
}

#[test]
fn a_good_token_passes_every_check_and_says_who_it_is() {
    let signer = Signer::es256("k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    let token = signer.token(&claims());
    for text in [token.clone(), format!("Bearer {token}\n"), format!("  bearer {token}")] {
        let explained = verifier.explain(&text);
        assert!(explained.is_accepted() && failed(&explained).is_empty(), "{explained}");
        let told = explained.to_string();
        for part in ["ES256", "kid \"k\"", "user \"alice\"", "notes:read", "ends in 300 s", "accepted"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
    }
}

#[test]
fn each_fault_is_named_with_what_was_wanted_and_all_at_once() {
    let signer = Signer::es256("k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    let mut worst = claims_with("aud", json!("other"));
    worst["iss"] = json!("https://id.example/");
    worst["exp"] = json!(START - 60);
    worst.as_object_mut().unwrap().remove("jti");
    let explained = verifier.explain(&signer.token(&worst));
    assert_eq!(failed(&explained), ["issuer", "audience", "times", "required"]);
    let told = explained.to_string();
    for part in ["other", "\"api\"", "trailing slash", "expired 60 s ago", "jti is missing", "refused"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    for (claim, value, check) in [
        ("cnf", json!({"jkt": "x"}), "purpose"),
        ("at_hash", json!("x"), "purpose"),
        ("iat", json!(START + 3_600), "times"),
        ("exp", json!("soon"), "claims"),
        ("roles", json!(7), "caller"),
    ] {
        let explained = verifier.explain(&signer.token(&claims_with(claim, value)));
        assert_eq!(failed(&explained), [check], "{explained}");
    }
    let rule = Issuer::static_keys(ISSUER, json!({"keys": [signer.jwk()]}).to_string())
        .require(ClaimRule::equals("hd", "example.com"));
    let house = House::with(&[]);
    let verifier = house.builder_of(Verifier::builder(rule)).build().unwrap();
    assert_eq!(failed(&verifier.explain(&signer.token(&claims()))), ["rules"]);
}

#[test]
fn what_is_no_token_is_told_apart() {
    let signer = Signer::es256("k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    let good = signer.token(&claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    for (text, part) in [
        ("8xLOxBtZp8".to_owned(), "opaque"),
        ("a.b.c.d.e".to_owned(), "encrypted"),
        (format!("{signed}."), "unsigned"),
        (signed.to_owned(), "cut"),
        ("x".repeat(9_000), "max_token_bytes"),
        (format!("{signed}.{}", "A".repeat(86)), "not by that key"),
        (format!("{signed}.AAAA"), "3 bytes are no signature by ES256"),
        (format!("{signed}.{}=", "A".repeat(86)), "not unpadded base64url"),
        (Signer::es256("other").token(&claims()), "known are [k (ES256)]"),
        (signer.token_of(r#"{"alg":"none"}"#, "{}"), "alg is \"none\""),
        (signer.token_of(r#"{"alg":"HS256","typ":"at+jwt"}"#, "{}"), "HS256"),
        (signer.token_of(r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#, "{}"), "JwtLenient"),
    ] {
        let explained = verifier.explain(&text);
        assert!(!explained.is_accepted());
        assert!(explained.to_string().contains(part), "{part} is not in {explained}");
    }
}

#[test]
fn a_token_that_names_no_key_is_tried_as_verification_tries_it() {
    let signers: Vec<Signer> = (1..=5).map(|n| Signer::es256(&n.to_string())).collect();
    let verifier = static_verifier(&signers.iter().collect::<Vec<_>>()).build().unwrap();
    for (index, signer) in signers.iter().enumerate() {
        let token = signer.token_of(r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims().to_string());
        let explained = verifier.explain(&token);
        assert_eq!(explained.is_accepted(), index < 4);
        assert_eq!(failed(&explained), ["signature"][usize::from(index < 4)..], "{explained}");
        assert!(explained.to_string().contains("4 of this algorithm are tried"), "{explained}");
    }
}

#[test]
fn what_can_be_no_signature_is_told_without_the_key_too() {
    let verifier = static_verifier(&[&Signer::es256("k")]).build().unwrap();
    let token = Signer::es256("other").token(&claims());
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(failed(&verifier.explain(&token)), ["key"]);
    assert_eq!(failed(&verifier.explain(&format!("{signed}.AAAA"))), ["key", "signature"]);
}

#[test]
fn nothing_that_could_be_used_is_shown() {
    let (signer, stranger) = (Signer::es256("k"), Signer::es256("k"));
    let verifier = static_verifier(&[&signer]).build().unwrap();
    for token in
        [signer.token(&claims()), stranger.token(&claims()), signer.token(&claims_with("aud", Value::Null))]
    {
        let told = format!("{0}{0:?}", verifier.explain(&token));
        for part in token.split('.') {
            assert!(!told.contains(part) && !told.contains(&part[..16]), "{part} is in {told}");
        }
    }
    let nasty = signer.token(&claims_with("sub", json!("al\u{202e}ice")));
    assert!(!verifier.explain(&nasty).to_string().contains('\u{202e}'));
}

#[tokio::test]
async fn an_unknown_key_during_an_outage_says_why() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    house.issuer.mood(Mood::Down);
    let verifier = house.builder().build().unwrap();
    settle().await;
    let explained = verifier.explain(&signer.token(&claims()));
    assert_eq!(failed(&explained), ["key"]);
    assert!(explained.to_string().contains("the last fetch failed"), "{explained}");
    assert!(explained.steps().iter().any(|step| step.verdict == Verdict::Open));
}

#[tokio::test]
async fn another_issuer_s_outage_explains_nothing() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    house.issuer.mood(Mood::Down);
    let own = static_verifier(&[&signer]).build().unwrap();
    let other = house.builder_of(Verifier::builder(Issuer::discover("https://second.example")));
    let verifier = Verifier::any_of([own, other.build().unwrap()]).unwrap();
    settle().await;
    assert!(verifier.status().last_error.is_some());
    let explained = verifier.explain(&Signer::es256("other").token(&claims()));
    assert_eq!(failed(&explained), ["key"]);
    assert!(!explained.to_string().contains("the last fetch failed"), "{explained}");
}

#[test]
fn of_several_issuers_the_one_is_named() {
    let signer = Signer::es256("k");
    let other = Issuer::static_keys("https://second.example", r#"{"keys":[]}"#);
    let house = House::with(&[]);
    let other = house.builder_of(Verifier::builder(other)).build().unwrap();
    let verifier = Verifier::any_of([other, static_verifier(&[&signer]).build().unwrap()]).unwrap();
    assert!(verifier.explain(&signer.token(&claims())).is_accepted());
    let stranger = verifier.explain(&signer.token(&claims_with("iss", json!("https://third.example"))));
    assert!(stranger.to_string().contains("wanted one of"), "{stranger}");
}
