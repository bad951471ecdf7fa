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

#[cfg(feature = "serde")]
mod from_a_file {
    use gambeson_oidc_auth::{Config, Verifier};

    use super::*;

    /// The verifier that a file describes, but for the keys, which are these.
    fn built(text: &str) -> Result<Verifier, ConfigError> {
        let config: Config = toml::from_str(text).unwrap();
        let verifier = |builder: gambeson_oidc_auth::VerifierBuilder| {
            builder.transport(std::sync::Arc::new(crate::fake_issuer::FakeIssuer::with(&[])))
        };
        config.build(verifier, |login| login, None).map(|built| built.verifier.unwrap())
    }

    #[test]
    fn every_preset_has_its_table() {
        for (table, issuer) in [
            (
                "okta = { domain = \"octo.okta.com\", server = \"default\" }",
                "https://octo.okta.com/oauth2/default",
            ),
            (
                &format!("entra = {{ tenant = \"{TENANT}\" }}"),
                &format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            ),
            (
                &format!("entra-tenants = {{ tenants = [\"{TENANT}\"] }}"),
                "https://login.microsoftonline.com/{tenantid}/v2.0",
            ),
            ("google-workspace = { domain = \"example.com\" }", "https://accounts.google.com"),
            ("auth0 = { domain = \"octo.eu.auth0.com\" }", "https://octo.eu.auth0.com/"),
            (
                "keycloak = { base = \"https://id.example.com\", realm = \"acme\" }",
                "https://id.example.com/realms/acme",
            ),
            (
                "cognito = { user-pool = \"eu-central-1_Example\" }",
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example",
            ),
            (
                "github-actions = { repository = \"octo-org/octo-repo\" }",
                "https://token.actions.githubusercontent.com",
            ),
            ("kubernetes = { issuer = \"https://k8s.example.com\" }", "https://k8s.example.com"),
        ] {
            let verifier = built(&format!("audience = \"api\"\npreset.{table}")).unwrap();
            assert_eq!(verifier.issuer(), issuer);
            assert!(verifier.is_lenient(), "the preset's profile is the default: {table}");
        }
    }

    #[tokio::test]
    async fn what_a_file_says_comes_before_its_preset() {
        let preset = "audience = \"api\"\npreset.auth0 = { domain = \"octo.eu.auth0.com\" }\n";
        assert!(built(preset).unwrap().is_lenient());
        let strict = built(&format!("{preset}token-profile = \"access-token\"")).unwrap();
        assert!(!strict.is_lenient(), "said is said, though it is what goes without a preset");
        let signer = Signer::es256("k");
        let fixture: Value = serde_json::from_str(include_str!("fixtures/auth0.json")).unwrap();
        let mut claims = at_start(&fixture["claims"]);
        claims["roles"] = json!(["editor"]);
        let token = signer.token_of(&fixture["header"].to_string(), &claims.to_string());
        for (more, wanted) in [("", "notes:edit"), ("claims.roles = \"roles\"", "editor")] {
            let config: Config = toml::from_str(&format!("{preset}{more}")).unwrap();
            let house = crate::fake_issuer::House::with(&[&signer]);
            let at = "https://octo.eu.auth0.com";
            let document = json!({"issuer": format!("{at}/"), "jwks_uri": format!("{at}/jwks")});
            house.issuer.edit(|state| state.metadata = document);
            let builder = config.verifier().unwrap().transport(std::sync::Arc::new(house.issuer.clone()));
            let clock = std::sync::Arc::new(house.clock.clone());
            let verifier = builder.clock(clock.clone()).timer(clock).build().unwrap();
            let caller = verifier.verify_or_wait(&token, None).await.unwrap();
            assert_eq!(caller.roles().collect::<Vec<_>>(), [wanted]);
        }
    }

    /// Who takes the described verifier as a start for one of their own gets no weaker one.
    #[test]
    fn the_verifier_alone_is_not_built_of_mistakes() {
        for (file, told) in [
            ("issuer = \"https://id.example\"\n[[require]]\nclaim = \"hd\"", "require = hd"),
            ("issuer = \"https://id.example\"\npreset.auth0 = { domain = \"a.example\" }", "not both"),
            (
                "issuer = \"https://id.example\"\n[[also]]\nissuer = \"https://b.example\"\naudience = \"b\"",
                "Config::build",
            ),
        ] {
            let config: Config = toml::from_str(&format!("audience = \"api\"\n{file}")).unwrap();
            let builder = config.verifier().unwrap();
            let issuer = crate::fake_issuer::FakeIssuer::with(&[]);
            let error = builder.transport(std::sync::Arc::new(issuer)).build().unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }

    #[test]
    fn further_issuers_have_their_own_audience() {
        let file = "issuer = \"https://id.example\"\naudience = \"api\"\n[[also]]\naudience = \"https://api.example\"\n\
                    preset.github-actions = { repository = \"octo-org/octo-repo\" }";
        let verifier = built(file).unwrap();
        let issuers: Vec<&str> = verifier.each().map(Verifier::issuer).collect();
        assert_eq!(issuers, ["https://id.example", "https://token.actions.githubusercontent.com"]);
        assert_eq!(verifier.each().last().unwrap().audiences().collect::<Vec<_>>(), ["https://api.example"]);
        for (also, told) in [
            ("issuer = \"https://id.example\"\naudience = \"b\"", "name each issuer once"),
            ("issuer = \"http://b.example\"\naudience = \"b\"", "also[0].issuer = http://b.example"),
            ("issuer = \"https://b.example\"", "also[0].audience"),
            ("issuer = \"https://b.example\"\naudience = \"b\"\n[also.login]", "also[0].login"),
            ("issuer = \"https://b.example\"\naudience = \"b\"\n[[also.also]]", "also[0].also"),
        ] {
            let file = format!("issuer = \"https://id.example\"\naudience = \"api\"\n[[also]]\n{also}");
            let error = built(&file).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }

    #[test]
    fn rules_have_one_test_each_and_an_issuer_one_name() {
        let rule = |test: &str| {
            let issuer = "audience = \"api\"\nissuer = \"https://id.example\"";
            built(&format!("{issuer}\n[[require]]\nclaim = \"hd\"\n{test}"))
        };
        for test in
            ["equals = \"a\"", "one-of = [\"a\"]", "starts-with = \"a\"", "is-true = true", "present = true"]
        {
            rule(test).unwrap();
        }
        for test in ["", "equals = \"a\"\npresent = true"] {
            assert!(rule(test).unwrap_err().to_string().contains("require = hd"), "{test}");
        }
        let both =
            "audience = \"api\"\nissuer = \"https://id.example\"\npreset.auth0 = { domain = \"a.example\" }";
        assert!(built(both).unwrap_err().to_string().contains("not both"));
        let unknown = toml::from_str::<Config>("preset.octo = { domain = \"a\" }").unwrap_err().to_string();
        assert!(unknown.contains("octo") && unknown.contains("keycloak"), "{unknown}");
    }
}
