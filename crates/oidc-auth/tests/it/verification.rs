//! Tokens that are accepted, and what becomes of their claims.

use gambeson_core::PrincipalKind;
use gambeson_oidc_auth::{ClaimNames, Reason, TokenProfile, VerifierBuilder};
use serde_json::{Value, json};

use crate::fake_issuer::{START, claims, claims_with, static_verifier};
use crate::signer::{Signer, encode};

fn reason(builder: VerifierBuilder, token: &str) -> Reason {
    builder.build().unwrap().verify(token).unwrap_err().reason()
}

#[test]
fn every_algorithm_verifies_its_own_and_no_other() {
    let algorithms =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
    for alg in algorithms {
        let signer = Signer::of(alg, "k");
        let verifier = static_verifier(&[&signer]).build().unwrap();
        verifier.verify(&signer.token(&claims())).unwrap_or_else(|error| panic!("{alg}: {error}"));
        for other in algorithms.into_iter().filter(|other| *other != alg) {
            let mut header = signer.header();
            header["alg"] = json!(other);
            let token = signer.token_of(&header.to_string(), &claims().to_string());
            let same_length = Signer::of(other, "k").sign(b"").len() == signer.sign(b"").len();
            let wanted = if same_length { Reason::UnknownKey } else { Reason::Malformed };
            assert_eq!(verifier.verify(&token).unwrap_err().reason(), wanted, "{alg} as {other}");
        }
    }
}

#[test]
fn ed25519_has_two_names() {
    let signer = Signer::of("Ed25519", "k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    for alg in ["Ed25519", "EdDSA"] {
        let header = json!({"alg": alg, "kid": "k", "typ": "at+jwt"}).to_string();
        verifier.verify(&signer.token_of(&header, &claims().to_string())).unwrap();
    }
}

#[test]
fn claims_become_a_principal() {
    let signer = Signer::es256("k");
    let mut all = claims();
    all["acr"] = json!("gold");
    all["amr"] = json!(["pwd", "otp"]);
    all["auth_time"] = json!(START - 10);
    all["sid"] = json!("s1");
    all["act"] = json!({"sub": "gateway"});
    let alice = static_verifier(&[&signer]).build().unwrap().verify(&signer.token(&all)).unwrap();
    assert_eq!((alice.subject(), alice.tenant(), alice.client()), ("alice", Some("acme"), Some("web")));
    assert_eq!(alice.kind(), PrincipalKind::User);
    assert_eq!(alice.scopes().collect::<Vec<_>>(), ["notes:read", "notes:write"]);
    assert_eq!(alice.roles().collect::<Vec<_>>(), ["editor"]);
    assert_eq!(alice.groups().collect::<Vec<_>>(), ["staff"]);
    assert_eq!(alice.amr().collect::<Vec<_>>(), ["pwd", "otp"]);
    assert_eq!((alice.acr(), alice.session_id(), alice.token_id()), (Some("gold"), Some("s1"), Some("1")));
    assert_eq!(alice.expires_at().unwrap().unix_seconds(), START + 300);
    assert_eq!(alice.auth_time().unwrap().unix_seconds(), START - 10);
    assert_eq!(alice.actor().unwrap().subject(), "gateway");
    assert!(alice.claims().unwrap().contains("\"tenant\":\"acme\""));
}

#[test]
fn groups_and_roles_may_have_the_shape_of_scim() {
    let signer = Signer::es256("k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    for claim in ["groups", "roles"] {
        let of = |value: Value| verifier.verify(&signer.token(&claims_with(claim, value)));
        let scim = json!([{"value": "e9e30dba", "display": "admins", "$ref": "../Groups/e9e30dba"}, "staff", {"value": "x"}]);
        let alice = of(scim).unwrap();
        let got: Vec<&str> =
            if claim == "groups" { alice.groups().collect() } else { alice.roles().collect() };
        assert_eq!(got, ["e9e30dba", "staff", "x"], "never what it is called for people");
        for bad in [
            json!([{"display": "admins"}]),
            json!([{"value": 7}]),
            json!([{"value": null}]),
            json!(["staff", {"value": ["admins"]}]),
            json!([["staff"]]),
            json!([7]),
            json!({"value": "staff"}),
        ] {
            assert_eq!(of(bad.clone()).unwrap_err().reason(), Reason::Malformed, "{claim} {bad}");
        }
    }
    for claim in ["scope", "aud", "amr"] {
        let token = signer.token(&claims_with(claim, json!([{"value": "api"}])));
        assert_eq!(verifier.verify(&token).unwrap_err().reason(), Reason::Malformed, "{claim}");
    }
}

#[test]
fn a_client_in_its_own_name_is_a_service() {
    let signer = Signer::es256("k");
    let token = signer.token(&claims_with("client_id", json!("alice")));
    let service = static_verifier(&[&signer]).build().unwrap().verify(&token).unwrap();
    assert_eq!(service.kind(), PrincipalKind::Service);
}

#[test]
fn claims_are_looked_for_where_the_configuration_says() {
    let signer = Signer::es256("k");
    let mut all = claims_with("roles", Value::Null);
    all["realm_access"] = json!({"roles": ["admin"]});
    all["https://example.com/tenant"] = json!("globex");
    all["scp"] = json!(["notes:read"]);
    let names = ClaimNames::default()
        .roles("/realm_access/roles")
        .tenant("https://example.com/tenant")
        .scope("scp")
        .groups("absent");
    let verifier = static_verifier(&[&signer]).claims(names).build().unwrap();
    let alice = verifier.verify(&signer.token(&all)).unwrap();
    assert_eq!(alice.roles().collect::<Vec<_>>(), ["admin"]);
    assert_eq!(alice.tenant(), Some("globex"));
    assert_eq!(alice.scopes().collect::<Vec<_>>(), ["notes:read"]);
    assert_eq!(alice.groups().len(), 0);
}

#[test]
fn what_rfc_9068_requires_is_required() {
    let signer = Signer::es256("k");
    for (claim, wanted) in [
        ("iss", Reason::Issuer),
        ("aud", Reason::Audience),
        ("exp", Reason::Expired),
        ("sub", Reason::MissingClaim),
        ("client_id", Reason::MissingClaim),
        ("iat", Reason::MissingClaim),
        ("jti", Reason::MissingClaim),
    ] {
        let token = signer.token(&claims_with(claim, Value::Null));
        assert_eq!(reason(static_verifier(&[&signer]), &token), wanted, "{claim}");
    }
    for typ in [json!("JWT"), json!("dpop+jwt"), json!("logout+jwt"), Value::Null] {
        let mut header = signer.header();
        header["typ"] = typ;
        if header["typ"].is_null() {
            header.as_object_mut().unwrap().remove("typ");
        }
        let token = signer.token_of(&header.to_string(), &claims().to_string());
        assert_eq!(reason(static_verifier(&[&signer]), &token), Reason::TokenType);
    }
    let header = json!({"alg": "ES256", "kid": "k", "typ": "application/AT+JWT"}).to_string();
    let token = signer.token_of(&header, &claims().to_string());
    static_verifier(&[&signer]).build().unwrap().verify(&token).unwrap();
}

#[test]
fn the_lenient_profile_takes_plain_jwts_but_no_id_tokens() {
    let signer = Signer::es256("k");
    let lenient = || static_verifier(&[&signer]).profile(TokenProfile::JwtLenient);
    let mut plain = claims();
    for claim in ["client_id", "jti", "iat"] {
        plain.as_object_mut().unwrap().remove(claim);
    }
    for header in [json!({"alg": "ES256", "kid": "k"}), json!({"alg": "ES256", "kid": "k", "typ": "JWT"})] {
        let token = signer.token_of(&header.to_string(), &plain.to_string());
        lenient().build().unwrap().verify(&token).unwrap();
        plain["at_hash"] = json!("x");
        let token = signer.token_of(&header.to_string(), &plain.to_string());
        assert_eq!(reason(lenient(), &token), Reason::Purpose);
        plain.as_object_mut().unwrap().remove("at_hash");
    }
    let header = json!({"alg": "ES256", "kid": "k", "typ": "dpop+jwt"}).to_string();
    assert_eq!(reason(lenient(), &signer.token_of(&header, &plain.to_string())), Reason::TokenType);
}

#[test]
fn times_have_the_leeway_and_no_more() {
    let signer = Signer::es256("k");
    let check = |claim: &str, at: i64| {
        let verifier = static_verifier(&[&signer]).build().unwrap();
        verifier.verify(&signer.token(&claims_with(claim, json!(at)))).map_err(|error| error.reason())
    };
    assert!(check("exp", START - 29).is_ok());
    assert_eq!(check("exp", START - 30).unwrap_err(), Reason::Expired);
    assert!(check("nbf", START + 30).is_ok());
    assert_eq!(check("nbf", START + 31).unwrap_err(), Reason::NotYetValid);
    assert!(check("iat", START + 30).is_ok());
    assert_eq!(check("iat", START + 31).unwrap_err(), Reason::ClockSkew);
    assert!(check("exp", START + 86_400).is_ok());
    assert_eq!(check("exp", START + 86_401).unwrap_err(), Reason::Lifetime);
    assert_eq!(check("exp", i64::MAX).unwrap_err(), Reason::Lifetime);
    assert_eq!(check("exp", i64::MIN).unwrap_err(), Reason::Expired);
}

#[test]
fn for_a_token_without_a_key_name_the_first_four_keys_of_its_algorithm_are_tried() {
    let signers: Vec<Signer> = (1..=5).map(|n| Signer::es256(&n.to_string())).collect();
    let other = Signer::of("EdDSA", "other");
    let set: Vec<&Signer> = std::iter::once(&other).chain(&signers).collect();
    for profile in [TokenProfile::AccessToken, TokenProfile::JwtLenient] {
        let verifier = || static_verifier(&set).profile(profile);
        let unnamed = |signer: &Signer| {
            let header = json!({"alg": "ES256", "typ": "at+jwt"}).to_string();
            signer.token_of(&header, &claims().to_string())
        };
        for signer in &signers[..4] {
            verifier().build().unwrap().verify(&unnamed(signer)).unwrap();
        }
        assert_eq!(reason(verifier(), &unnamed(&signers[4])), Reason::Signature, "the fifth");
        assert_eq!(reason(verifier(), &unnamed(&Signer::es256("1"))), Reason::Signature, "of none");
        let swapped = signers[1].token_of(&signers[0].header().to_string(), &claims().to_string());
        assert_eq!(reason(verifier(), &swapped), Reason::Signature, "who names a key means it alone");
    }
    let unnamed = other.token_of(r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims().to_string());
    assert_eq!(reason(static_verifier(&[&other]), &unnamed), Reason::UnknownKey);
}

#[test]
fn what_can_be_no_signature_is_malformed() {
    for (alg, lengths) in [
        ("RS256", &[255, 1_025][..]),
        ("PS512", &[64, 255, 1_025]),
        ("ES256", &[1, 63, 65, 70]),
        ("ES384", &[95, 97]),
        ("ES512", &[131, 133]),
        ("EdDSA", &[63, 65]),
    ] {
        let signer = Signer::of(alg, "k");
        let token = signer.token(&claims());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let good = || static_verifier(&[&signer]);
        for bad in [format!("{signature}="), format!("{signature}A*"), signature.replacen('A', "+", 1) + "/"]
        {
            assert_eq!(reason(good(), &format!("{signed}.{bad}")), Reason::Malformed, "{alg} {bad}");
        }
        for length in lengths {
            let bad = format!("{signed}.{}", encode(&vec![7; *length]));
            assert_eq!(reason(good(), &bad), Reason::Malformed, "{alg} {length}");
        }
        let whole = format!("{signed}.{}", encode(&vec![7; decoded_length(signature)]));
        assert_eq!(reason(good(), &whole), Reason::Signature, "{alg}");
    }
}

fn decoded_length(text: &str) -> usize {
    text.len() * 3 / 4
}

#[cfg(feature = "client")]
#[test]
fn tokens_that_live_long_are_warned_of_once() {
    crate::log::listen();
    let signer = Signer::es256("k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    let living =
        |seconds: i64| verifier.verify(&signer.token(&claims_with("exp", json!(START + seconds)))).map(drop);
    let _ = crate::log::lines();
    living(3_600).unwrap();
    assert_eq!(crate::log::lines(), "", "an hour is what is usual");
    living(3_601).unwrap();
    let told = crate::log::lines();
    assert!(told.contains("WARN") && told.contains("seconds=3601"), "{told}");
    living(86_400).unwrap();
    assert_eq!(crate::log::lines(), "", "once is enough");
    assert_eq!(living(86_401).unwrap_err().reason(), Reason::Lifetime);
}
