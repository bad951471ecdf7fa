//! What went wrong elsewhere, as tests: each is named for the rule that it taught. Where a rule belongs to another room, the test
//! stands there. `cargo xtask lint` sees to it that each test of this table exists.
//!
//! | what went wrong | test |
//! |---|---|
//! | PyJWT CVE-2026-48526, MinIO CVE-2026-33322, PAN-OS CVE-2026-0265: the token chooses the algorithm | `tests/it/advisories.rs::hmac_with_the_public_key_is_no_signature`, `tests/it/verification.rs::every_algorithm_verifies_its_own_and_no_other` |
//! | fast-jwt CVE-2026-34950: a public key with blanks before it taken as an HMAC secret | `tests/it/advisories.rs::hmac_with_the_public_key_is_no_signature`, `tests/it/advisories.rs::symmetric_keys_of_a_set_are_skipped` |
//! | web-token GHSA-jc38-x7x8-2xc8: the algorithm of an unprotected header | `tests/it/advisories.rs::only_the_compact_form_is_read` |
//! | jsonwebtoken CVE-2026-25537 (GHSA-h395-gr6q-cpjc): a malformed `nbf` counts as none | `tests/it/advisories.rs::claims_of_a_wrong_type_are_refused` |
//! | fast-jwt GHSA-hm7r-c7qw-ghp6: unknown `crit` accepted | `tests/it/advisories.rs::critical_extensions_are_refused` |
//! | fast-jwt 594 and 592: allow lists of regular expressions, slow and with a memory | `tests/it/advisories.rs::no_regular_expression_decides` |
//! | fast-jwt GHSA-rp9m-7r4c-75qg: two tokens under one key of the cache | `tests/it/advisories.rs::no_two_tokens_share_a_place_in_the_cache`, `src/cache.rs::a_name_is_of_one_token_under_one_policy` |
//! | lua-resty-openidc 569: what one route accepted another takes from the cache | `tests/it/cache.rs::what_one_policy_accepted_is_nothing_to_another` |
//! | BRRTRouter 212: keys are fetched under the cache's lock | `tests/it/rotation.rs::known_keys_go_on_working_while_the_issuer_is_down` |
//! | entur 361: another key, or another algorithm, under the same name | `tests/it/cache.rs::another_key_under_the_same_name_ends_what_the_first_signed`, `tests/it/advisories.rs::a_key_that_changes_its_algorithm_ends_what_it_signed` |
//! | oauth2-proxy GHSA-5hvv-m4w4-gf6v, GHSA-7x63-xv5r-3p2x, GHSA-pxq7-h93f-9jrg: a user agent, a forwarded address, a fragment lets in | `tests/it/advisories.rs::nothing_but_the_credential_decides` |
//! | oauth2-proxy GHSA-c5c4-8r6x-56w3: the domain of an address with two `@` | `tests/it/advisories.rs::domains_and_addresses_are_compared_whole` |
//! | oauth2-proxy GHSA-f24x-5g9q-753f: a session that was there before the log-in | `tests/it/login/hostile.rs::a_planted_session_does_not_become_a_signed_in_one` |
//! | oauth-resource-server 0.3.1: `$serde_json::private::RawValue` | `tests/it/advisories.rs::a_json_librarys_own_names_are_no_way_round` |
//! | Keycloak CVE-2026-8922: introspection forgets the realm's `notBefore` | `tests/it/denylist.rs::what_is_issued_after_the_denial_is_good`, `tests/it/introspection/mod.rs::a_denial_counts_while_an_answer_is_kept` |
//! | hydra GHSA-3p3g-vpw6-4w66: the same `jti` in two assertions | `tests/it/outgoing/grants.rs::an_assertion_is_fresh_each_time_and_for_this_issuer_alone` |
//! | RUSTSEC-2023-0071 (`rsa`), RUSTSEC-2026-0044 to 0048 (`aws-lc-sys`), RUSTSEC-2025-0009 (`ring`), RUSTSEC-2026-0258 (`h2`), RUSTSEC-2026-0104 (`rustls-webpki`) | `tests/it/advisories.rs::no_version_with_a_known_weakness_is_in_the_tree` |
//! | identitymodel 1010 and 2484, aspnetcore 28948, micronaut-security 2289, jazz 340, jwtk 8, compute-rust-auth 18, SocialiteProviders 1402: a rotation is a 401 | `tests/it/rotation.rs::a_token_by_a_new_key_waits_and_is_never_refused` |
//! | go-oidc 482, fastapi-zitadel-auth 156, meho 3484, libjwt 313: each unknown key name is a fetch | `tests/it/rotation.rs::junk_key_names_cost_one_fetch_in_two_seconds_and_no_honest_user`, `tests/it/rotation.rs::forged_signatures_ask_for_keys_ever_more_seldom_and_a_rotation_is_noticed_all_the_same` |
//! | mobula 28: a set without keys lifts the cooldown | `tests/it/advisories.rs::a_set_without_keys_does_not_lift_the_cooldown` |
//! | mr-boxington-cache 1, oauth-resource-server, jwt-authorizer: the fetch at the start spends the cooldown | `tests/it/rotation.rs::a_token_by_a_new_key_waits_and_is_never_refused` |
//! | spring 5853, jazz 2205, svelte-langgraph 284: a withdrawn key goes on working | `tests/it/rotation.rs::keys_are_refreshed_in_the_background_as_the_issuer_says`, `tests/it/rotation.rs::trust_in_old_keys_ends` |
//! | jose: an outage of the issuer is one of the app | `tests/it/rotation.rs::known_keys_go_on_working_while_the_issuer_is_down` |
//! | keycloak 35262, mcp-gateway-registry 1533: every token has the audience `account` | `tests/it/advisories.rs::an_audience_is_always_asked_for`, `tests/it/presets/configuration.rs::the_audience_that_every_keycloak_token_has_is_no_audience` |
//! | camunda 44650, IdentityModel 555, fastapi-cloudauth 76: Cognito's access tokens have no `aud`; WaveHouse 320, blaze 3552: neither `iss` nor `aud` is looked at | `tests/it/presets/mod.rs::each_bad_token_is_refused_for_its_own_reason`, `tests/it/verification.rs::what_rfc_9068_requires_is_required` |
//! | next-auth 13440, langfuse 13507, codex 38973, OrchardCore 14802, openid-client 718: Entra's `{tenantid}`, and documents elsewhere | `tests/it/presets/tenants.rs::the_shared_document_names_the_template`, `tests/it/rotation.rs::metadata_is_found_at_its_other_places` |
//! | camunda 51275, Apicurio 9861, openfga 3281, spring 12868: each request is verified anew | `tests/it/cache.rs::one_token_is_one_principal_for_a_minute` |
//! | lua-resty-openidc 573, IdentityServer4.ATV 79, fastmcp 3298, OpenLiberty 12496: many requests, many questions | `tests/it/introspection/mod.rs::many_requests_are_one_question` |
//! | lua-resty-openidc 523: what is remembered of junk grows | `tests/it/introspection/mod.rs::junk_is_remembered_for_a_while_and_pushes_out_nothing`, `src/introspection/refused.rs::bounded_in_time_and_number` |
//! | spring 18120: used proofs are remembered in one process only | `tests/it/bound/replay.rs::a_store_elsewhere_is_waited_for` |
//! | inji-certify 1000: proofs are remembered by `jti` alone | `tests/it/bound/replay.rs::a_proof_is_good_once_and_by_key_and_name` |
//! | wso2 958, Abblix 103: the nonce is not looked at, or has to be stored | `tests/it/bound/proofs.rs::check_10_the_servers_nonce`, `src/dpop/nonce.rs::nonces_roll_and_are_of_one_key` |
//! | Auth0 express-oauth2-jwt-bearer: a bound token is taken as a bearer token | `tests/it/bound/proofs.rs::without_a_policy_bound_tokens_are_refused` |
//! | jellyfin-plugin-sso 209, modelcontextprotocol 1721: RFC 9207's `iss` is read and not compared | `tests/it/login/hostile.rs::state_code_and_issuer_belong_together` |

use std::pin::pin;
use std::time::Duration;

use gambeson_oidc_auth::{AuthLayer, CacheConfig, ClaimRule, Issuer, Reason, TokenProfile, Verifier};
use http::{Request, Response};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::fake_issuer::{House, ISSUER, START, claims, claims_with, poll_once, settle, static_verifier};
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
    let pem = format!(
        " \n-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
        jwk["n"].as_str().unwrap()
    );
    let public = [jwk["n"].as_str().unwrap(), &jwk.to_string(), &pem, pem.trim(), ""];
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
    let issuer = Issuer::static_keys(ISSUER, set);
    let house = House::with(&[]);
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
        ("iss", json!([ISSUER])),
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
    let digest = encode(&[7; 32]);
    for cnf in [
        json!({"jkt": digest}),
        json!({"x5t#S256": digest}),
        json!({"jkt": "x"}),
        json!({"x5t#S256": "x"}),
        json!({}),
        json!("x"),
    ] {
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
    let house = House::with(&[]);
    let issuer = Issuer::static_keys(ISSUER, keys.to_string());
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

/// fast-jwt 594 and 592: rules have no language of their own, so none that is slow, and none that remembers.
#[test]
fn no_regular_expression_decides() {
    let signer = Signer::es256("k");
    let with_rule = |rule: ClaimRule| {
        let keys = json!({"keys": [signer.jwk()]}).to_string();
        let issuer = Issuer::static_keys(ISSUER, keys).require(rule);
        let builder = House::with(&[]).builder_of(Verifier::builder(issuer));
        builder.cache(CacheConfig::off()).build().unwrap()
    };
    for pattern in [".*", "^acme$", "(a+)+$", "acm.", "acme|globex", "%", "*", "acme$"] {
        for rule in [
            ClaimRule::equals("tenant", pattern),
            ClaimRule::one_of("tenant", [pattern]),
            ClaimRule::starts_with("tenant", pattern),
        ] {
            let verifier = with_rule(rule);
            let error = verifier.verify(&signer.token(&claims())).unwrap_err();
            assert_eq!(error.reason(), Reason::ClaimRule, "{pattern}");
            verifier.verify(&signer.token(&claims_with("tenant", json!(pattern)))).unwrap();
        }
    }
    let verifier = with_rule(ClaimRule::equals("tenant", "acme"));
    for _ in 0..3 {
        verifier.verify(&signer.token(&claims())).unwrap();
        assert!(verifier.verify(&signer.token(&claims_with("tenant", json!("acme acme")))).is_err());
    }
    let manifest = include_str!("../../Cargo.toml");
    assert!(!manifest.contains("regex"), "nor is there one in the crate");
}

/// GHSA-rp9m-7r4c-75qg: whatever is alike in two tokens, each is remembered as who it is.
#[test]
fn no_two_tokens_share_a_place_in_the_cache() {
    let signer = Signer::es256("k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    let tokens: Vec<(String, String)> = (0..300)
        .map(|n| {
            let subject = format!("user-{n}");
            let token = signer.token(&claims_with("sub", json!(subject)));
            (subject, token)
        })
        .collect();
    for _ in 0..2 {
        for (subject, token) in &tokens {
            assert_eq!(verifier.verify(token).unwrap().subject(), subject);
        }
    }
    assert_eq!(verifier.status().cached, tokens.len());
    let (_, first) = &tokens[0];
    let (signed, _) = first.rsplit_once('.').unwrap();
    let (_, signature) = tokens[1].1.rsplit_once('.').unwrap();
    assert!(verifier.verify(&format!("{signed}.{signature}")).is_err(), "one half known, and the other");
}

/// entur 361: what a key may sign with is part of what was verified.
#[tokio::test]
async fn a_key_that_changes_its_algorithm_ends_what_it_signed() {
    // RSA keys of one test run are the same: name and numbers stay, only the algorithm changes.
    let (before, after) = (Signer::of("RS256", "k"), Signer::of("PS256", "k"));
    let house = House::with(&[&before]);
    house.issuer.edit(|state| state.cache_control = Some("no-cache".into()));
    let verifier =
        house.builder().cache(CacheConfig::default().ttl(Duration::from_secs(600))).build().unwrap();
    settle().await;
    let token = before.token(&claims());
    verifier.verify(&token).unwrap();
    house.issuer.publish(&[&after]);
    house.pass_seconds(60).await;
    assert!(verifier.verify(&token).is_err(), "remembered or not");
    verifier.verify(&after.token(&claims())).unwrap();
}

/// GHSA-5hvv-m4w4-gf6v, GHSA-7x63-xv5r-3p2x, GHSA-pxq7-h93f-9jrg: no path, field or user agent is let through.
#[tokio::test]
async fn nothing_but_the_credential_decides() {
    let signer = Signer::es256("k");
    let layer = AuthLayer::required(static_verifier(&[&signer]).build().unwrap());
    let app = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(Response::new(bytes::Bytes::new()))
    }));
    for (name, value) in [
        ("user-agent", "kube-probe/1.30"),
        ("user-agent", "GoogleHC/1.0"),
        ("user-agent", "ELB-HealthChecker/2.0"),
        ("x-forwarded-uri", "/livez"),
        ("x-original-url", "/livez"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-client-cert", "URI=spiffe://example.org/admin"),
        ("x-forwarded-user", "admin"),
        ("x-forwarded-email", "admin@example.com"),
        ("referer", "https://app.example/livez"),
    ] {
        for path in
            ["/", "/livez", "/ping", "/oauth2/callback", "/private#/livez", "/private?a=/livez", "//livez"]
        {
            let request = Request::get(path.split('#').next().unwrap()).header(name, value).body(()).unwrap();
            let answer = app.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 401, "{name}: {value} at {path}");
        }
    }
}

/// GHSA-c5c4-8r6x-56w3: whoever may choose a part of a value may not choose what it means.
#[test]
fn domains_and_addresses_are_compared_whole() {
    let signer = Signer::es256("k");
    let keys = json!({"keys": [signer.jwk()]}).to_string();
    let issuer = Issuer::static_keys(ISSUER, keys)
        .require(ClaimRule::equals("hd", "example.com"))
        .require(ClaimRule::one_of("email", ["alice@example.com"]));
    let verifier = House::with(&[]).builder_of(Verifier::builder(issuer)).build().unwrap();
    let token = |hd: &str, email: &str| {
        let mut claims = claims_with("hd", json!(hd));
        claims["email"] = json!(email);
        signer.token(&claims)
    };
    verifier.verify(&token("example.com", "alice@example.com")).unwrap();
    for (hd, email) in [
        ("evil-example.com", "alice@example.com"),
        ("example.com.evil.example", "alice@example.com"),
        ("Example.com", "alice@example.com"),
        ("example.com ", "alice@example.com"),
        ("evil.example@example.com", "alice@example.com"),
        ("example.com", "mallory@evil.example@example.com"),
        ("example.com", "alice@example.com@evil.example"),
        ("example.com", "mallory+alice@example.com"),
        ("example.com", " alice@example.com"),
        ("example.com", ""),
    ] {
        assert_eq!(
            verifier.verify(&token(hd, email)).unwrap_err().reason(),
            Reason::ClaimRule,
            "{hd} {email}"
        );
    }
}

/// mobula 28: an issuer that publishes nothing is asked no more often for it.
#[tokio::test]
async fn a_set_without_keys_does_not_lift_the_cooldown() {
    let stranger = Signer::es256("k");
    let house = House::with(&[]);
    let verifier = house.verifier().await;
    let before = house.issuer.fetches();
    for _ in 0..100 {
        let token = stranger.token(&claims());
        let mut waiting = pin!(verifier.verify_or_wait(&token, None));
        assert!(!matches!(poll_once(waiting.as_mut()), std::task::Poll::Ready(Ok(_))));
        house.pass(Duration::from_millis(100)).await;
    }
    let fetches = house.issuer.fetches() - before;
    assert!((4..=6).contains(&fetches), "{fetches} fetches in 10 s");
}

/// RUSTSEC-2023-0071, 2025-0009, 2026-0044 to 0048, 2026-0104, 2026-0258; `deny.toml` says the same to `cargo xtask deny`.
#[test]
fn no_version_with_a_known_weakness_is_in_the_tree() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // A copy of this crate alone has no lock file of the workspace.
    let Ok(lock) = std::fs::read_to_string(root.join("Cargo.lock")) else { return };
    let rules = std::fs::read_to_string(root.join("deny.toml")).unwrap();
    let lock: toml::Table = lock.parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let versions = |name: &str| -> Vec<Vec<u64>> {
        let named = packages.iter().filter(|package| package["name"].as_str() == Some(name));
        let number = |part: &str| part.parse().unwrap_or_default();
        named
            .map(|package| package["version"].as_str().unwrap().split(['.', '-']).map(number).collect())
            .collect()
    };
    for (name, least) in [
        ("aws-lc-sys", &[0, 39][..]),
        ("h2", &[0, 4, 16]),
        ("ring", &[0, 17, 12]),
        ("rustls-webpki", &[0, 103, 13]),
    ] {
        for version in versions(name) {
            assert!(*version >= *least, "{name} {version:?}");
        }
        let least: Vec<String> = least.iter().map(ToString::to_string).collect();
        assert!(rules.contains(&format!("\"{name}:<{}\"", least.join("."))), "{name} has no minimum");
    }
    assert!(!versions("aws-lc-sys").is_empty(), "the lock file is read");
    for name in ["rsa", "openidconnect"] {
        assert!(versions(name).is_empty() && rules.contains(&format!("\"{name}\"")), "{name}");
    }
}
