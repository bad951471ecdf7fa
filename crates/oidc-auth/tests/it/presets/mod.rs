//! Presets, each against its provider's documented token shape, good and bad.

mod configuration;
mod tenants;

use gambeson_core::{Principal, PrincipalKind};
use gambeson_oidc_auth::{ClaimRule, Issuer, VerifierBuilder};
use serde_json::{Value, json};

use crate::fake_issuer::{House, START};
use crate::signer::Signer;

const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

/// A provider's tokens, as a file describes them.
struct Fixture {
    name: &'static str,
    issuer: fn() -> Issuer,
    text: &'static str,
}

macro_rules! fixture {
    ($name:literal, $issuer:expr) => {
        Fixture { name: $name, issuer: || $issuer, text: include_str!(concat!("fixtures/", $name, ".json")) }
    };
}

const FIXTURES: [Fixture; 12] = [
    fixture!("okta", Issuer::okta("octo.okta.com", "default")),
    fixture!("okta_service", Issuer::okta("octo.okta.com", "default")),
    fixture!("entra", Issuer::entra(TENANT)),
    fixture!("entra_service", Issuer::entra(TENANT)),
    fixture!("google_workspace", Issuer::google_workspace("example.com")),
    fixture!("auth0", Issuer::auth0("octo.eu.auth0.com")),
    fixture!("auth0_rfc9068", Issuer::auth0("https://octo.eu.auth0.com/")),
    fixture!("keycloak", Issuer::keycloak("https://id.example.com/", "acme")),
    fixture!("keycloak_service", Issuer::keycloak("https://id.example.com", "acme")),
    fixture!("cognito", Issuer::cognito("eu-central-1_Example")),
    fixture!(
        "github_actions",
        Issuer::github_actions("octo-org/octo-repo").require(ClaimRule::equals("ref", "refs/heads/main"))
    ),
    fixture!(
        "kubernetes",
        Issuer::kubernetes("https://kubernetes.default.svc.cluster.local")
            .require(ClaimRule::equals("/kubernetes.io/namespace", "shop"))
    ),
];

impl Fixture {
    fn read(&self) -> Value {
        serde_json::from_str(self.text).expect(self.name)
    }

    fn token(&self, signer: &Signer, claims: &Value) -> String {
        signer.token_of(&self.read()["header"].to_string(), &at_start(claims).to_string())
    }
}

/// The claims with their times counted from the tests' start.
fn at_start(claims: &Value) -> Value {
    let mut claims = claims.clone();
    for name in ["exp", "iat", "nbf", "auth_time"] {
        if let Some(at) = claims.get(name).and_then(Value::as_i64) {
            claims[name] = json!(START + at);
        }
    }
    claims
}

fn changed(claims: &Value, row: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in row["set"].as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    for name in row["remove"].as_array().into_iter().flatten() {
        claims.as_object_mut().unwrap().remove(name.as_str().unwrap());
    }
    claims
}

fn verifier(issuer: Issuer, jwks: &Value) -> VerifierBuilder {
    let issuer = issuer.with_static_keys(jwks.to_string());
    House::with(&[]).builder_of(gambeson_oidc_auth::Verifier::builder(issuer))
}

fn keys(signer: &Signer) -> Value {
    json!({"keys": [signer.jwk()]})
}

#[test]
fn a_documented_token_is_accepted_and_mapped() {
    for fixture in FIXTURES {
        let (signer, read) = (Signer::es256("k"), fixture.read());
        let verifier = verifier((fixture.issuer)(), &keys(&signer)).build().unwrap();
        let token = fixture.token(&signer, &read["claims"]);
        let caller = verifier.verify(&token).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        assert_eq!(shown(&caller), wanted(&read["good"]), "{}", fixture.name);
        assert_eq!(caller.issuer(), read["claims"]["iss"], "{}", fixture.name);
        assert!(read["source"].as_str().unwrap().starts_with("https://"), "{}", fixture.name);
    }
}

#[test]
fn each_bad_token_is_refused_for_its_own_reason() {
    for fixture in FIXTURES {
        let (signer, read) = (Signer::es256("k"), fixture.read());
        let verifier = verifier((fixture.issuer)(), &keys(&signer)).build().unwrap();
        for row in read["bad"].as_array().unwrap() {
            let token = fixture.token(&signer, &changed(&read["claims"], row));
            let what = format!("{}: {}", fixture.name, row["what"]);
            let error = verifier.verify(&token).expect_err(&what);
            assert_eq!(error.reason().as_str(), row["reason"], "{what}: {error}");
        }
        let stranger = fixture.token(&Signer::es256("k"), &read["claims"]);
        assert_eq!(verifier.verify(&stranger).unwrap_err().reason().as_str(), "signature");
    }
}

/// No preset's tokens pass another preset's verifier, even where one key signed them all.
#[test]
fn no_provider_s_token_passes_for_another_s() {
    let signer = Signer::es256("k");
    for fixture in FIXTURES {
        let verifier = verifier((fixture.issuer)(), &keys(&signer)).build().unwrap();
        for other in FIXTURES {
            let (own, read) = (fixture.read(), other.read());
            let passes = verifier.verify(&other.token(&signer, &read["claims"])).is_ok();
            assert_eq!(
                passes,
                own["claims"]["iss"] == read["claims"]["iss"],
                "{} {}",
                fixture.name,
                other.name
            );
        }
    }
}

/// A person may have chosen the name of a service's account.
#[test]
fn who_logged_in_to_keycloak_is_no_service() {
    let signer = Signer::es256("k");
    let verifier =
        verifier(Issuer::keycloak("https://id.example.com", "acme"), &keys(&signer)).build().unwrap();
    let service = FIXTURES.iter().find(|fixture| fixture.name == "keycloak_service").unwrap();
    for (set, wanted) in [
        (json!({}), PrincipalKind::Service),
        (json!({"azp": "Worker"}), PrincipalKind::Service),
        (json!({"preferred_username": "service-account-alice"}), PrincipalKind::User),
        (json!({"preferred_username": "service-account-"}), PrincipalKind::User),
        (json!({"sid": "0b7e1d3f"}), PrincipalKind::User),
    ] {
        let claims = changed(&service.read()["claims"], &json!({"set": set}));
        let caller = verifier.verify(&service.token(&signer, &claims)).unwrap();
        assert_eq!(caller.kind(), wanted, "{set}");
    }
}

fn shown(caller: &Principal) -> Value {
    json!({
        "subject": caller.subject(), "client": caller.client(), "service": caller.kind() == PrincipalKind::Service,
        "scopes": caller.scopes().collect::<Vec<_>>(), "roles": caller.roles().collect::<Vec<_>>(),
        "groups": caller.groups().collect::<Vec<_>>(), "tenant": caller.tenant(),
    })
}

fn wanted(good: &Value) -> Value {
    let list = |name: &str| good.get(name).cloned().unwrap_or_else(|| json!([]));
    json!({
        "subject": good["subject"], "client": good["client"], "service": good["service"], "scopes": list("scopes"),
        "roles": list("roles"), "groups": list("groups"), "tenant": good["tenant"],
    })
}
