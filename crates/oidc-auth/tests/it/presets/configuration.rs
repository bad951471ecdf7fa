//! What a preset or a rule can't be made of is told, with the cure.

use gambeson_core::ConfigError;
use gambeson_oidc_auth::{ClaimNames, ClaimRule, Issuer, Reason, TokenProfile};
use serde_json::{Value, json};

use super::{TENANT, at_start, keys, verifier};
use crate::signer::Signer;

fn refused(issuer: Issuer) -> ConfigError {
    verifier(issuer, &json!({"keys": []})).build().unwrap_err()
}

#[test]
fn mistakes_are_named_with_their_cure() {
    let empty: [&str; 0] = [];
    for (issuer, cure) in [
        (Issuer::okta("octo.okta.com", ""), "authorization server"),
        (Issuer::entra("example.onmicrosoft.com"), "GUID"),
        (Issuer::entra_tenants(empty), "tenants that are let in"),
        (Issuer::entra_tenants(["a/b"]), "tenant's id"),
        (Issuer::google_workspace("https://example.com"), "bare domain"),
        (Issuer::google_workspace("alice@example.com"), "bare domain"),
        (Issuer::keycloak("https://id.example.com", ""), "realm"),
        (Issuer::cognito("eu-central-1"), "pool's id"),
        (Issuer::github_actions("octo-org"), "owner and repository"),
        (Issuer::github_actions("octo-org/"), "owner and repository"),
        (Issuer::discover("https://id.example").tenants("tid", ["a"]), "placeholder"),
        (Issuer::discover("https://{a}.{b}.example").tenants("tid", ["a"]), "placeholder"),
        (Issuer::discover("https://id.example").require(ClaimRule::equals("hd", "")), "empty text"),
        (Issuer::discover("https://id.example").require(ClaimRule::one_of("hd", empty)), "empty text"),
        (Issuer::discover("https://id.example").require(ClaimRule::present("/")), "name a claim"),
        (Issuer::discover("https://id.example").audience_claim(""), "for whom a token is"),
    ] {
        let told = refused(issuer.clone()).to_string();
        assert!(told.contains(cure), "{issuer:?}: {told}");
    }
}

#[test]
fn the_audience_that_every_keycloak_token_has_is_no_audience() {
    let issuer = Issuer::keycloak("https://id.example.com", "acme");
    let error = verifier(issuer, &json!({"keys": []})).audience("account").build().unwrap_err();
    assert!(error.to_string().contains("audience mapper"), "{error}");
}

#[test]
fn what_a_preset_says_can_be_said_otherwise() {
    let signer = Signer::es256("k");
    let fixture: Value = serde_json::from_str(include_str!("fixtures/entra.json")).unwrap();
    let token = signer.token_of(&fixture["header"].to_string(), &at_start(&fixture["claims"]).to_string());
    let build = || verifier(Issuer::entra(TENANT), &keys(&signer));
    let names = ClaimNames::default().roles("groups");
    let caller = build().claims(names).build().unwrap().verify(&token).unwrap();
    assert_eq!(caller.roles().collect::<Vec<_>>(), ["cccccccc-2222-3333-4444-dddddddddddd"]);
    let strict = build().profile(TokenProfile::AccessToken).build().unwrap();
    assert_eq!(strict.verify(&token).unwrap_err().reason(), Reason::TokenType);
}
