//! What went wrong elsewhere, as tests: each is named for the rule that it taught.

use gambeson_oidc_auth::{Reason, TokenProfile, Verifier};
use serde_json::{Value, json};

use crate::fake_issuer::{START, claims, claims_with, static_verifier};
use crate::signer::{Signer, encode};

fn verifier(signer: &Signer) -> Verifier {
    static_verifier(&[signer]).build().unwrap()
}

fn refused(signer: &Signer, token: &str) -> Reason {
    verifier(signer).verify(token).unwrap_err().reason()
}

/// CVE-2026-48526, CVE-2026-34950, CVE-2026-33322: the algorithm comes from the key, and no HMAC has one.
#[test]
fn hmac_with_the_public_key_is_no_signature() {
    use aws_lc_rs::hmac;
    let signer = Signer::of("RS256", "k");
    let jwk = signer.jwk();
    let public = [jwk["n"].as_str().unwrap(), &jwk.to_string(), ""];
    for (alg, algorithm) in
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        for secret in public {
            let header = json!({"alg": alg, "kid": "k", "typ": "at+jwt"}).to_string();
            let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims().to_string().as_bytes()));
            let tag = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), signed.as_bytes());
            assert_eq!(refused(&signer, &format!("{signed}.{}", encode(tag.as_ref()))), Reason::Algorithm);
        }
    }
}

/// A symmetric key in the set is skipped, whatever it says of itself.
#[test]
fn symmetric_keys_of_a_set_are_skipped() {
    let signer = Signer::es256("k");
    let oct = json!({"kty": "oct", "kid": "k", "k": "AAAA", "alg": "HS256"});
    let odd = json!({"kty": "oct", "kid": "k", "k": "AAAA", "alg": "ES256"});
    let set = json!({"keys": [oct, odd, 5, {"kid": 7}, signer.jwk()]}).to_string();
    let issuer = gambeson_oidc_auth::Issuer::static_keys(crate::fake_issuer::ISSUER, set);
    let house = crate::fake_issuer::House::with(&[]);
    let verifier = house.builder_of(Verifier::builder(issuer)).build().unwrap();
    assert_eq!(verifier.status().keys, 1, "a bad key is skipped, the others stay");
    verifier.verify(&signer.token(&claims())).unwrap();
}

#[test]
fn alg_none_in_any_spelling_is_refused() {
    let signer = Signer::es256("k");
    for alg in ["none", "None", "NONE", "nOnE", "", "es256", "ES256 ", "ES256K"] {
        let header = json!({"alg": alg, "kid": "k", "typ": "at+jwt"}).to_string();
        let token = signer.token_of(&header, &claims().to_string());
        assert_eq!(refused(&signer, &token), Reason::Algorithm, "{alg:?}");
        let unsigned = token.rsplit_once('.').unwrap().0;
        assert_eq!(refused(&signer, &format!("{unsigned}.")), Reason::Malformed);
        assert_eq!(refused(&signer, unsigned), Reason::Malformed);
    }
    for alg in [json!(["ES256"]), json!(null), json!(5), json!({"alg": "ES256"})] {
        let header = json!({"alg": alg, "kid": "k", "typ": "at+jwt"}).to_string();
        assert_eq!(refused(&signer, &signer.token_of(&header, &claims().to_string())), Reason::Algorithm);
    }
}

/// GHSA-jc38-x7x8-2xc8: only the compact form, so no header is outside the signature.
#[test]
fn only_the_compact_form_is_read() {
    let signer = Signer::es256("k");
    let token = signer.token(&claims());
    let [header, payload, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let flat =
        json!({"protected": header, "payload": payload, "signature": signature, "header": {"alg": "none"}});
    assert_eq!(refused(&signer, &flat.to_string()), Reason::Malformed);
    assert_eq!(refused(&signer, &format!("{token}.{payload}.{signature}")), Reason::Malformed);
}

/// CVE-2026-25537: a claim that is there but of a wrong type is no absent claim.
#[test]
fn claims_of_a_wrong_type_are_refused() {
    let signer = Signer::es256("k");
    let wrong = [
        ("exp", json!("9999999999")),
        ("exp", json!(9_999_999_999.5)),
        ("exp", json!([1])),
        ("exp", json!(true)),
        ("nbf", json!("0")),
        ("nbf", json!(1.5)),
        ("nbf", json!({})),
        ("iat", json!("1")),
        ("iat", json!(-0.5)),
        ("auth_time", json!("now")),
        ("aud", json!(5)),
        ("aud", json!({})),
        ("aud", json!(["api", 5])),
        ("iss", json!({})),
        ("iss", json!([crate::fake_issuer::ISSUER])),
        ("sub", json!(5)),
        ("sub", json!(["alice"])),
        ("jti", json!(1)),
        ("client_id", json!(["web"])),
        ("roles", json!({"editor": true})),
        ("roles", json!([1])),
        ("groups", json!(7)),
        ("tenant", json!(["acme", "globex"])),
        ("scope", json!(5)),
        ("act", json!("x")),
        ("amr", json!({})),
        ("acr", json!(1)),
        ("sid", json!(1)),
    ];
    for (claim, value) in wrong {
        let token = signer.token(&claims_with(claim, value.clone()));
        assert_eq!(refused(&signer, &token), Reason::Malformed, "{claim}: {value}");
    }
    for claim in ["exp", "nbf", "iat", "iss", "aud", "sub", "tenant"] {
        let payload = claims().to_string().replacen('{', &format!("{{\"x{claim}\":0,"), 1);
        let with_null = payload.replace(&format!("\"x{claim}\":0"), &format!("\"{claim}\":null"));
        let with_null = match claims().get(claim) {
            Some(value) => with_null.replace(&format!("\"{claim}\":{value},"), ""),
            None => with_null,
        };
        let token = signer.token_of(&signer.header().to_string(), &with_null);
        assert_eq!(refused(&signer, &token), Reason::Malformed, "{claim}: null");
    }
}

/// GHSA-hm7r-c7qw-ghp6: any `crit` is refused, and what only it could allow.
#[test]
fn critical_extensions_are_refused() {
    let signer = Signer::es256("k");
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("crit", json!("b64")),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
    ] {
        let mut header = signer.header();
        header[name] = value;
        let token = signer.token_of(&header.to_string(), &claims().to_string());
        assert_eq!(refused(&signer, &token), Reason::Critical, "{header}");
    }
}

/// Keys that a token brings along never count: neither `jwk` nor what `jku`, `x5u` and `x5c` lead to.
#[test]
fn keys_that_a_token_brings_along_do_not_count() {
    let (real, own) = (Signer::es256("k"), Signer::es256("k"));
    for (name, value) in [
        ("jwk", own.jwk()),
        ("jku", json!("https://elsewhere.example/jwks")),
        ("x5u", json!("https://elsewhere.example/cert")),
        ("x5c", json!(["AAAA"])),
    ] {
        let mut header = own.header();
        header[name] = value;
        let header = header.to_string();
        assert_eq!(
            refused(&real, &own.token_of(&header, &claims().to_string())),
            Reason::Signature,
            "{name}"
        );
        verifier(&real).verify(&real.token_of(&header, &claims().to_string())).unwrap();
    }
}

/// Two parsers must not read two tokens: a name twice is refused, known or not, escaped or not.
#[test]
fn duplicate_names_are_refused() {
    let signer = Signer::es256("k");
    let body = claims().to_string();
    for extra in [r#""sub":"admin","#, r#""x":1,"x":2,"#, r#""s\u0075b":"admin","#, r#""roles":["admin"],"#] {
        let payload = body.replacen('{', &format!("{{{extra}"), 1);
        let token = signer.token_of(&signer.header().to_string(), &payload);
        assert_eq!(refused(&signer, &token), Reason::Malformed, "{extra}");
    }
    for extra in [r#""alg":"none","#, r#""kid":"k","#, r#""x":1,"x":1,"#] {
        let header = signer.header().to_string().replacen('{', &format!("{{{extra}"), 1);
        assert_eq!(refused(&signer, &signer.token_of(&header, &body)), Reason::Malformed, "{extra}");
    }
}

/// oauth-resource-server 0.3.1: names that a JSON library keeps for itself are names like others.
#[test]
fn a_json_librarys_own_names_are_no_way_round() {
    let signer = Signer::es256("k");
    let raw = json!({"$serde_json::private::RawValue": claims().to_string()}).to_string();
    let token = signer.token_of(&signer.header().to_string(), &raw);
    assert_eq!(refused(&signer, &token), Reason::Issuer);
    let number = claims_with("exp", json!({"$serde_json::private::Number": "9999999999"}));
    assert_eq!(refused(&signer, &signer.token(&number)), Reason::Malformed);
}

/// A bit of the signature, of the header or of the payload: each is under the signature.
#[test]
fn every_changed_character_is_noticed() {
    let signer = Signer::es256("k");
    let token = signer.token(&claims());
    let verifier = verifier(&signer);
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verifier.verify(&changed).is_err(), "character {at}");
    }
}

/// Base64 with padding, spaces, the other alphabet or spare bits would give one token many spellings.
#[test]
fn a_token_has_one_spelling() {
    let signer = Signer::es256("k");
    let token = signer.token(&claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let last = signature.chars().last().unwrap();
    let spare = if last == 'A' { 'B' } else { char::from(u8::try_from(last).unwrap() + 1) };
    for other in [
        format!("{token}="),
        format!("{token}=="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{signed}.{}{spare}", &signature[..signature.len() - 1]),
        token.replace('.', " ."),
    ] {
        assert!(verifier(&signer).verify(&other).is_err(), "{other}");
    }
}

/// Keycloak's `account`, and tokens without an audience: only a token for this API is one.
#[test]
fn an_audience_is_always_asked_for() {
    let signer = Signer::es256("k");
    for aud in [json!("account"), json!(["account"]), json!([]), json!(""), json!("API"), json!("api/")] {
        let token = signer.token(&claims_with("aud", aud.clone()));
        assert_eq!(refused(&signer, &token), Reason::Audience, "{aud}");
    }
    verifier(&signer).verify(&signer.token(&claims_with("aud", json!(["account", "api"])))).unwrap();
}

/// A token bound to its sender is no bearer token.
#[test]
fn a_bound_token_is_refused_as_a_bearer() {
    let signer = Signer::es256("k");
    for cnf in [json!({"jkt": "x"}), json!({"x5t#S256": "x"}), json!({}), json!("x")] {
        let token = signer.token(&claims_with("cnf", cnf));
        assert_eq!(refused(&signer, &token), Reason::SenderConstrained);
    }
}

/// A log-out token or another security event is signed with the same keys.
#[test]
fn a_security_event_is_no_access_token() {
    let signer = Signer::es256("k");
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let token = signer.token(&claims_with("events", events));
    assert_eq!(refused(&signer, &token), Reason::Purpose);
    let lenient = static_verifier(&[&signer]).profile(TokenProfile::JwtLenient).build().unwrap();
    assert_eq!(lenient.verify(&token).unwrap_err().reason(), Reason::Purpose);
}

/// RSA keys under 2048 bits, points off the curve, and keys that are for something else are skipped.
#[test]
fn weak_and_foreign_keys_are_skipped() {
    let mut encryption = Signer::es256("k").jwk();
    encryption["use"] = json!("enc");
    let mut operations = Signer::es256("k").jwk();
    operations["key_ops"] = json!(["sign"]);
    let mut off_curve = Signer::es256("k").jwk();
    off_curve["x"] = json!(encode(&[1; 32]));
    let mut short = Signer::es256("k").jwk();
    short["y"] = json!(encode(&[1; 31]));
    let mut confused = Signer::of("RS256", "k").jwk();
    confused["alg"] = json!("ES256");
    let small = json!({"kty": "RSA", "kid": "k", "n": encode(&[0xff; 128]), "e": "AQAB"});
    let one = json!({"kty": "RSA", "kid": "k", "n": encode(&[0xff; 256]), "e": "AQ"});
    let keys = json!({"keys": [encryption, operations, off_curve, short, confused, small, one]});
    let house = crate::fake_issuer::House::with(&[]);
    let issuer = gambeson_oidc_auth::Issuer::static_keys(crate::fake_issuer::ISSUER, keys.to_string());
    let verifier = house.builder_of(Verifier::builder(issuer)).build().unwrap();
    assert_eq!(verifier.status().keys, 0);
}

/// A token of any size costs no more than a look at its length.
#[test]
fn oversized_tokens_are_refused_unread() {
    let signer = Signer::es256("k");
    let token = signer.token(&claims_with("pad", json!("x".repeat(8_192))));
    assert_eq!(refused(&signer, &token), Reason::TooLarge);
    let many: Value = (0..500).map(|n| (format!("c{n}"), json!(0))).collect::<serde_json::Map<_, _>>().into();
    let token = signer.token_of(&signer.header().to_string(), &many.to_string());
    assert_eq!(refused(&signer, &token), Reason::Malformed);
    let deep = format!("{{\"roles\":{}{}}}", "[".repeat(3_000), "]".repeat(3_000));
    let token = signer.token_of(&signer.header().to_string(), &deep);
    assert_eq!(refused(&signer, &token), Reason::Malformed);
}

/// Another issuer's token by the same key (multi-tenant providers share keys) is another issuer's token.
#[test]
fn the_issuer_is_compared_to_the_letter() {
    let signer = Signer::es256("k");
    for iss in ["https://id.example/", "https://ID.example", "https://id.example.evil", "", "id.example"] {
        let token = signer.token(&claims_with("iss", json!(iss)));
        assert_eq!(refused(&signer, &token), Reason::Issuer, "{iss}");
    }
    let token = signer.token(&claims_with("exp", json!(START - 3_600)));
    assert_eq!(refused(&signer, &token), Reason::Expired);
}
