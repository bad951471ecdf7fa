//! Ending tokens at their issuer (RFC 7009).

use std::sync::Arc;

use gambeson_core::{Profile, SecretBytes};
use gambeson_oidc_auth::{ClientAuth, Issuer, Revocation, RevocationErrorKind, TokenHint};
use gambeson_testing::{DevIdp, Fault};
use serde_json::json;

use crate::outgoing::provider::{Scene, by_secret, issuer};

fn revocation(idp: &DevIdp, client: ClientAuth) -> Revocation {
    let builder = Revocation::builder(Issuer::discover(idp.issuer()), client);
    builder.run_in(Profile::Development).build().unwrap()
}

fn secret(text: &'static str) -> SecretBytes {
    SecretBytes::new(text.as_bytes())
}

#[tokio::test]
async fn a_token_is_revoked_by_each_way_of_proving_who_asks() {
    let idp = DevIdp::builder().start().await.unwrap();
    let known = || secret("dev-service-secret");
    for client in [
        ClientAuth::secret("service", known()),
        ClientAuth::secret_basic("service", known()),
        ClientAuth::secret_post("service", known()),
    ] {
        let revocation = revocation(&idp, client);
        let token = idp.mint().service("service").token();
        revocation.revoke(&token, TokenHint::AccessToken).await.unwrap();
        revocation.revoke("unknown", TokenHint::RefreshToken).await.unwrap();
    }
    assert_eq!(idp.requests("/revoke"), 6);
}

#[tokio::test]
async fn what_goes_wrong_is_told_by_whose_fault_it_is() {
    let idp = DevIdp::builder().start().await.unwrap();
    let wrong = revocation(&idp, ClientAuth::secret("service", secret("wrong-secret")));
    let error = wrong.revoke("a-token", TokenHint::RefreshToken).await.unwrap_err();
    assert_eq!(error.kind(), RevocationErrorKind::ClientRefused, "{error}");
    idp.fault(Fault::ServerError);
    let error = wrong.revoke("a-token", TokenHint::RefreshToken).await.unwrap_err();
    assert_eq!(error.kind(), RevocationErrorKind::Unavailable, "{error}");
    let text = format!("{error} {error:?} {wrong:?}");
    assert!(!text.contains("a-token") && !text.contains("wrong-secret"), "{text}");
}

#[tokio::test]
async fn the_kind_of_the_token_is_told() {
    let scene = Scene::new();
    scene.provider.edit(|state| state.metadata["revocation_endpoint"] = json!("https://id.example/revoke"));
    let builder = Revocation::builder(issuer(), by_secret()).transport(Arc::new(scene.provider.clone()));
    let revocation = builder.build().unwrap();
    for (hint, kind) in [(TokenHint::AccessToken, "access_token"), (TokenHint::RefreshToken, "refresh_token")]
    {
        revocation.revoke("a-token", hint).await.unwrap();
        let asked = scene.provider.last();
        assert_eq!((asked.field("token"), asked.field("token_type_hint")), (Some("a-token"), Some(kind)));
    }
}

#[test]
fn all_problems_at_once() {
    let issuer = Issuer::static_keys("http://id.example.com", "{}");
    let error = Revocation::builder(issuer, ClientAuth::public(" ")).build().unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(|problem| &*problem.field).collect();
    assert_eq!(fields, ["issuer", "revocation.client-id", "revocation.issuer"]);
    let issuer = Issuer::discover("https://id.example.com");
    let error = Revocation::builder(issuer, ClientAuth::tls("notes")).build().unwrap_err();
    assert_eq!(&*error.problems()[0].field, "revocation.certificate", "nobody would show one");
}
