//! An issuer examined: each fault with its cure.

use std::sync::Arc;

use gambeson_oidc_auth::{Doctor, Grade, Issuer, Report};
use serde_json::{Value, json};

use crate::fake_issuer::{House, ISSUER, Mood};
use crate::signer::Signer;

async fn examine(house: &House) -> Report {
    let doctor = Doctor::new(Issuer::discover(ISSUER)).clock(Arc::new(house.clock.clone()));
    doctor.transport(Arc::new(house.issuer.clone())).examine().await.unwrap()
}

/// The checks with this grade.
fn graded(report: &Report, grade: Grade) -> Vec<&'static str> {
    report.findings().iter().filter(|finding| finding.grade == grade).map(|finding| finding.check).collect()
}

fn healthy() -> House {
    let house = House::with(&[&Signer::es256("e"), &Signer::of("RS256", "r")]);
    house.issuer.edit(|state| {
        state.metadata["id_token_signing_alg_values_supported"] = json!(["RS256", "ES256"]);
        state.metadata["authorization_endpoint"] = json!("https://id.example/authorize");
        state.metadata["code_challenge_methods_supported"] = json!(["S256"]);
    });
    house
}

#[tokio::test]
async fn a_healthy_issuer_is_told_so() {
    let report = examine(&healthy()).await;
    assert!(report.is_healthy(), "{report}");
    assert_eq!(
        graded(&report, Grade::Good),
        ["settings", "discovery", "tls", "echo", "pkce", "size", "keys", "algorithms"]
    );
    let told = report.to_string();
    assert!(told.contains("RSA with 2048 bits") && told.contains("ES256, RS256"), "{told}");
    assert_eq!(graded(&report, Grade::Weak), ["clock"], "this issuer's answers have no Date");
}

#[tokio::test]
async fn each_fault_has_its_cure() {
    type Change = fn(&mut crate::fake_issuer::State);
    let cases: [(Change, &str, &str); 14] = [
        (|state| state.mood = Mood::Down, "discovery", "no connection"),
        (|state| state.mood = Mood::Error, "discovery", "whoever runs it"),
        (|state| state.mood = Mood::Garbage, "discovery", "no JSON"),
        (|state| state.metadata_path = "/elsewhere".into(), "discovery", "metadata_url"),
        (|state| state.metadata["issuer"] = json!("https://id.example/"), "echo", "trailing slash"),
        (|state| state.metadata["issuer"] = json!("https://other.example"), "echo", "metadata_url"),
        (|state| state.metadata["issuer"] = Value::Null, "echo", "no discovery document"),
        (|state| state.metadata["jwks_uri"] = json!("http://id.example/jwks"), "keys", "address of its own"),
        (
            |state| state.metadata["jwks_uri"] = json!("https://id.example/none"),
            "keys",
            "whoever runs the issuer",
        ),
        (|state| state.keys.clear(), "keys", "publish an RSA"),
        (|state| state.keys.push(json!({"kty": "oct", "k": "c2VjcmV0"})), "secrets", "forge tokens"),
        (|state| state.keys[0]["d"] = json!("c2VjcmV0"), "secrets", "private half"),
        (|state| state.keys[1]["n"] = json!(format!("{}8", "_".repeat(170))), "size", "2048"),
        (
            |state| state.metadata["id_token_signing_alg_values_supported"] = json!(["HS256"]),
            "algorithms",
            "HMAC",
        ),
    ];
    for (change, check, cure) in cases {
        let house = healthy();
        house.issuer.edit(change);
        let report = examine(&house).await;
        assert!(!report.is_healthy(), "{check}: {report}");
        let bad = report.findings().iter().find(|finding| finding.grade == Grade::Bad).unwrap();
        assert_eq!(bad.check, check, "{report}");
        assert!(bad.cure.as_deref().unwrap().contains(cure), "{cure} is not the cure in {report}");
        assert!(!report.to_string().contains("c2VjcmV0"), "a secret is not repeated");
    }
    let house = healthy();
    house.issuer.edit(|state| {
        state.metadata["id_token_signing_alg_values_supported"] = json!(["PS512"]);
        let twin = Signer::es256("e").jwk();
        state.keys.push(twin);
    });
    assert_eq!(graded(&examine(&house).await, Grade::Bad), ["names", "algorithms"]);
}

#[tokio::test]
async fn the_keys_are_asked_where_the_configuration_says() {
    let house = healthy();
    house.issuer.edit(|state| state.metadata["jwks_uri"] = json!("https://node.example/none"));
    let examine = async |url: &str| {
        let doctor = Doctor::new(Issuer::discover(ISSUER).jwks_url(url)).clock(Arc::new(house.clock.clone()));
        doctor.transport(Arc::new(house.issuer.clone())).examine().await.unwrap()
    };
    let report = examine("https://cluster.example/jwks").await;
    assert!(report.is_healthy(), "{report}");
    let asked = house.issuer.edit(|state| state.seen.iter().map(|(url, ..)| url.clone()).collect::<Vec<_>>());
    assert_eq!(asked.last().unwrap(), "https://cluster.example/jwks");
    let report = examine("https://cluster.example/none").await;
    let bad = report.findings().iter().find(|finding| finding.grade == Grade::Bad).unwrap();
    assert_eq!(bad.check, "keys");
    assert!(bad.cure.as_deref().unwrap().contains("jwks_url"), "{report}");
}

#[tokio::test]
async fn keys_without_names_are_tried_up_to_a_number() {
    for (count, grade) in [(1, None), (2, Some(Grade::Weak)), (4, Some(Grade::Weak)), (5, Some(Grade::Bad))] {
        let house = healthy();
        house.issuer.edit(|state| {
            let keys = (0..count).map(|n| Signer::es256(&n.to_string()).jwk());
            state.keys = keys.collect();
            state.keys.iter_mut().for_each(|key| drop(key.as_object_mut().unwrap().remove("kid")));
        });
        let report = examine(&house).await;
        let names = report.findings().iter().find(|finding| finding.check == "names");
        assert_eq!(names.map(|finding| finding.grade), grade, "{count}: {report}");
    }
}

#[tokio::test]
async fn clocks_are_compared() {
    // The tests start at 2026-11-18 11:06:40 UTC.
    for (date, grade) in [
        ("Wed, 18 Nov 2026 11:06:40 GMT", Grade::Good),
        ("Wed, 18 Nov 2026 11:06:50 GMT", Grade::Weak),
        ("Wed, 18 Nov 2026 11:05:00 GMT", Grade::Bad),
        ("Wed, 18 Nov 2026 12:06:40 GMT", Grade::Bad),
        ("yesterday", Grade::Weak),
    ] {
        let house = healthy();
        house.issuer.edit(|state| state.date = Some(date));
        let report = examine(&house).await;
        let clock = report.findings().iter().find(|finding| finding.check == "clock").unwrap();
        assert_eq!(clock.grade, grade, "{date}: {report}");
    }
}

#[tokio::test]
async fn settings_that_can_t_work_are_told_before_anything_is_asked() {
    let house = healthy();
    for issuer in ["http://id.example.com", "id.example.com", "https://127.0.0.1"] {
        let doctor = Doctor::new(Issuer::discover(issuer)).transport(Arc::new(house.issuer.clone()));
        let report = doctor.examine().await.unwrap();
        assert_eq!(graded(&report, Grade::Bad), ["settings"], "{report}");
    }
    assert_eq!(house.issuer.edit(|state| state.seen.len()), 0);
}

#[cfg(feature = "client")]
mod over_http {
    use std::time::Duration;

    use gambeson_core::Profile;
    use gambeson_oidc_auth::{Doctor, Grade, Issuer, Report};
    use gambeson_testing::{DevIdp, Fault};

    async fn dev(idp: &DevIdp) -> Report {
        let doctor = Doctor::new(Issuer::discover(idp.issuer())).run_in(Profile::Development);
        doctor.deadline(Duration::from_millis(500)).examine().await.unwrap()
    }

    #[tokio::test]
    async fn over_real_http_every_bad_behaviour_is_recognised() {
        let idp = DevIdp::builder().start().await.unwrap();
        let well = dev(&idp).await;
        assert!(well.is_healthy(), "{well}");
        for (fault, check, word) in [
            (Fault::Down, "discovery", "connection"),
            (Fault::Slow, "discovery", "in time"),
            (Fault::ServerError, "discovery", "whoever runs it"),
            (Fault::Html, "discovery", "page for people"),
            (Fault::TruncatedJwks, "keys", "JWK Set"),
            (Fault::EmptyJwks, "keys", "publish an RSA"),
            (Fault::Redirect, "discovery", "redirects are not followed"),
            (Fault::Huge, "discovery", "right address"),
            (Fault::WrongIssuer, "echo", "as its document writes it"),
        ] {
            let idp = DevIdp::builder().start().await.unwrap();
            idp.fault(fault);
            let report = dev(&idp).await;
            let bad = report.findings().iter().find(|finding| finding.grade == Grade::Bad);
            let bad = bad.unwrap_or_else(|| unreachable!("{fault:?}: {report}"));
            assert_eq!(bad.check, check, "{fault:?}: {report}");
            assert!(bad.cure.as_deref().unwrap().contains(word), "{fault:?}: {report}");
        }
    }
}
