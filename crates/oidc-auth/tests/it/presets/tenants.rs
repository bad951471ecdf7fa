//! One issuer of many tenants: Entra's template.

use gambeson_core::Profile;
use gambeson_oidc_auth::{Issuer, Reason, Verifier};
use serde_json::{Value, json};

use super::{TENANT, at_start, keys, verifier};
use crate::fake_issuer::House;
use crate::signer::Signer;

const OTHER: &str = "99999999-0000-cccc-1111-dddd2222eeee";
const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

/// Entra's documented token, issued under the name of one tenant with the `tid` of another.
fn token(signer: &Signer, iss: &str, tid: &str) -> String {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/entra.json")).unwrap();
    let mut claims = at_start(&fixture["claims"]);
    claims["iss"] = json!(format!("https://login.microsoftonline.com/{iss}/v2.0"));
    claims["tid"] = json!(tid);
    signer.token_of(&fixture["header"].to_string(), &claims.to_string())
}

fn reason(issuer: Issuer, jwks: &Value, token: &str) -> Option<Reason> {
    verifier(issuer, jwks).build().unwrap().verify(token).err().map(|error| error.reason())
}

#[test]
fn the_tenants_that_are_let_in_and_no_others() {
    let signer = Signer::es256("k");
    let keys = keys(&signer);
    let both = || Issuer::entra_tenants([TENANT, OTHER]);
    let one = || Issuer::entra_tenants([TENANT]);
    let caller = verifier(both(), &keys).build().unwrap().verify(&token(&signer, OTHER, OTHER)).unwrap();
    assert_eq!(caller.tenant(), Some(OTHER));
    assert_eq!(
        caller.issuer(),
        format!("https://login.microsoftonline.com/{OTHER}/v2.0"),
        "not the template"
    );
    assert_eq!(reason(one(), &keys, &token(&signer, TENANT, TENANT)), None);
    for (iss, tid) in [
        (OTHER, OTHER),
        (OTHER, TENANT),
        (TENANT, OTHER),
        ("{tenantid}", "{tenantid}"),
        ("", ""),
        (&format!("evil/{TENANT}"), TENANT),
        (&format!("{TENANT}/v2.0/x"), TENANT),
    ] {
        assert_eq!(reason(one(), &keys, &token(&signer, iss, tid)), Some(Reason::Issuer), "{iss} {tid}");
    }
    let any = Issuer::dangerously_entra_any_tenant;
    assert_eq!(reason(any(), &keys, &token(&signer, OTHER, OTHER)), None);
    assert_eq!(reason(any(), &keys, &token(&signer, OTHER, TENANT)), Some(Reason::Issuer));
}

#[test]
fn an_actor_is_of_the_token_s_own_issuer_unless_it_names_another() {
    let signer = Signer::es256("k");
    let fixture: Value = serde_json::from_str(include_str!("fixtures/entra.json")).unwrap();
    let mut claims = at_start(&fixture["claims"]);
    let own = format!("https://login.microsoftonline.com/{OTHER}/v2.0");
    claims["iss"] = json!(own);
    claims["tid"] = json!(OTHER);
    claims["act"] =
        json!({"sub": "gateway", "act": {"sub": "page", "iss": "https://x.example", "act": {"sub": "app"}}});
    let token = signer.token_of(&fixture["header"].to_string(), &claims.to_string());
    let verifier = verifier(Issuer::entra_tenants([TENANT, OTHER]), &keys(&signer)).build().unwrap();
    let caller = verifier.verify(&token).unwrap();
    let mut actors = Vec::new();
    let mut next = caller.actor();
    while let Some(actor) = next {
        actors.push((actor.subject(), actor.issuer()));
        next = actor.actor();
    }
    assert_eq!(actors, [("gateway", &*own), ("page", "https://x.example"), ("app", &own)]);
    let told = verifier.explain(&token).to_string();
    assert!(told.contains(&format!("by \"gateway\" of {own:?}")), "{told}");
    assert!(told.contains(&format!("issuer     {own:?}")), "not the template: {told}");
}

#[test]
fn a_key_of_one_tenant_signs_for_no_other() {
    let signer = Signer::es256("k");
    let set = |issuer: Value| {
        let mut key = signer.jwk();
        key["issuer"] = issuer;
        json!({"keys": [key]})
    };
    let issuer = || Issuer::entra_tenants([TENANT, OTHER]);
    let mine = token(&signer, TENANT, TENANT);
    let name = |tenant: &str| json!(format!("https://login.microsoftonline.com/{tenant}/v2.0"));
    assert_eq!(reason(issuer(), &set(json!(TEMPLATE)), &mine), None);
    assert_eq!(reason(issuer(), &set(name(TENANT)), &mine), None);
    assert_eq!(reason(issuer(), &set(name(OTHER)), &mine), Some(Reason::Signature));
}

#[test]
fn a_single_tenant_takes_no_key_of_another() {
    let signer = Signer::es256("k");
    let set = |issuer: Value| {
        let mut key = signer.jwk();
        key["issuer"] = issuer;
        json!({"keys": [key]})
    };
    let mine = token(&signer, TENANT, TENANT);
    let name = |tenant: &str| json!(format!("https://login.microsoftonline.com/{tenant}/v2.0"));
    for (issuer, wanted) in [
        (json!(TEMPLATE), None),
        (name(TENANT), None),
        (name(OTHER), Some(Reason::Signature)),
        (json!("https://{tenantid}.evil.example/v2.0"), Some(Reason::Signature)),
    ] {
        assert_eq!(reason(Issuer::entra(TENANT), &set(issuer.clone()), &mine), wanted, "{issuer}");
    }
}

#[tokio::test]
async fn the_shared_document_names_the_template() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let document = json!({"issuer": TEMPLATE, "jwks_uri": "https://login.microsoftonline.com/common/discovery/v2.0/jwks"});
    let build = || house.builder_of(Verifier::builder(Issuer::entra_tenants([TENANT]))).build().unwrap();
    house.issuer.edit(|state| {
        state.metadata = document.clone();
        state.metadata_path = "/common/v2.0/.well-known/openid-configuration".into();
    });
    let mine = token(&signer, TENANT, TENANT);
    build().verify_or_wait(&mine, None).await.unwrap();
    let theirs = token(&Signer::es256("new"), OTHER, OTHER);
    let error = build().verify_or_wait(&theirs, None).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Issuer, "a stranger's tenant costs no fetch");
    house
        .issuer
        .edit(|state| state.metadata["issuer"] = json!("https://login.microsoftonline.com/evil/v2.0"));
    let error = build().verify_or_wait(&mine, None).await.unwrap_err();
    assert_eq!(error.reason(), Reason::KeysUnavailable, "another name is another issuer: {error}");
}

#[test]
fn any_issuer_can_have_tenants() {
    let signer = Signer::es256("k");
    let issuer = || Issuer::discover("https://id.example/{org}").tenants("tenant", ["acme"]);
    let mut claims = crate::fake_issuer::claims();
    claims["iss"] = json!("https://id.example/acme");
    let build = || verifier(issuer(), &keys(&signer)).run_in(Profile::Production).build();
    build().unwrap().verify(&signer.token(&claims)).unwrap();
    claims["tenant"] = json!("globex");
    assert!(build().unwrap().verify(&signer.token(&claims)).is_err());
}
