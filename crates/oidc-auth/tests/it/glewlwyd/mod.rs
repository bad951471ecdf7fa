//! Against Debian's `glewlwyd`, a provider in C with ways of its own: the audience of a token is its scope unless a resource was
//! asked for, keys don't say what they are used for, discovered addresses have two slashes, the token's type is `bearer`.

mod process;

use std::time::Duration;

use gambeson_core::{CredentialSource, Principal, PrincipalKind, Profile, SecretBytes};
use gambeson_oidc_auth::outgoing::TokenSource;
use gambeson_oidc_auth::{ClientAuth, Issuer, Reason, TokenErrorKind, Verifier};

use process::{Glewlwyd, SECRET};

/// A token for the service, by discovery and client credentials.
async fn token(issuer: &str) -> String {
    let client = ClientAuth::secret_basic("service", SecretBytes::new(SECRET.as_bytes()));
    let source = TokenSource::client_credentials(Issuer::discover(issuer), client).scope("notes");
    let source = source.run_in(Profile::Development).build().unwrap();
    let credential = source.credential().wait().await.unwrap();
    credential.authorization().to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned()
}

fn verifier(issuer: &str, audience: &str) -> Verifier {
    Verifier::builder(Issuer::discover(issuer))
        .audience(audience)
        .run_in(Profile::Development)
        .build()
        .unwrap()
}

fn check(caller: &Principal, issuer: &str) {
    assert_eq!(
        (caller.subject(), caller.kind(), caller.issuer()),
        ("service", PrincipalKind::Service, issuer)
    );
    assert_eq!(caller.scopes().collect::<Vec<_>>(), ["notes"]);
}

#[tokio::test]
#[ignore = "needs glewlwyd: cargo xtask test"]
async fn its_tokens_are_verified_whatever_key_signs_them() {
    let provider = Glewlwyd::start().await;
    for (name, kind) in [("ec", "ecdsa"), ("rsa", "rsa"), ("pss", "rsa-pss")] {
        let issuer = provider.issuer(name, kind).await;
        let discovered = provider.read(&format!("/api/{name}/.well-known/openid-configuration")).await;
        let keys = provider.read(&format!("/api/{name}/jwks")).await;
        assert_eq!(discovered["jwks_uri"], format!("{}//api/{name}/jwks", provider.url()), "{kind}");
        assert!(keys["keys"][0].get("use").is_none(), "{kind}");

        let token = token(&issuer).await;
        let verified = verifier(&issuer, "notes").verify_or_wait(&token, None).await;
        check(&verified.unwrap(), &issuer);
        let elsewhere = verifier(&issuer, "https://api.example").verify_or_wait(&token, None).await;
        assert_eq!(elsewhere.unwrap_err().reason(), Reason::Audience);
    }
}

#[tokio::test]
#[ignore = "needs glewlwyd: cargo xtask test"]
async fn issuers_of_one_provider_are_told_apart() {
    let provider = Glewlwyd::start().await;
    let (one, other) = (provider.issuer("one", "ecdsa").await, provider.issuer("other", "ecdsa").await);
    let (of_one, of_other) = (token(&one).await, token(&other).await);
    let only = verifier(&one, "notes");
    only.ready().await.unwrap();
    assert!(only.verify(&of_one).is_ok());
    // Its key is not among those of the one, so the claims alone say what is wrong.
    assert_eq!(only.verify(&of_other).unwrap_err().reason(), Reason::Issuer);
    let both = Verifier::any_of([only, verifier(&other, "notes")]).unwrap();
    both.ready().await.unwrap();
    check(&both.verify(&of_one).unwrap(), &one);
    check(&both.verify(&of_other).unwrap(), &other);
    // A slash more is another issuer, which this provider does not say that it is.
    let spelled = verifier(&format!("{one}/"), "notes").verify_or_wait(&of_one, None).await;
    assert_eq!(spelled.unwrap_err().reason(), Reason::Issuer);
}

#[tokio::test]
#[ignore = "needs glewlwyd: cargo xtask test"]
async fn a_new_key_is_taken_up_at_once_and_the_old_one_is_gone() {
    let provider = Glewlwyd::start().await;
    let issuer = provider.issuer("ec", "ecdsa").await;
    let verifier = verifier(&issuer, "notes");
    let old = token(&issuer).await;
    assert!(verifier.verify_or_wait(&old, None).await.is_ok());
    provider.rotate("ec", "ecdsa").await;
    let new = token(&issuer).await;
    let wait = tokio::time::timeout(Duration::from_secs(3), verifier.verify_or_wait(&new, None)).await;
    check(&wait.unwrap().unwrap(), &issuer);
    assert_eq!(verifier.verify(&old).unwrap_err().kind(), TokenErrorKind::UnknownKey);
}
