//! Against an identity provider over real loopback HTTP, with the default transport.

use std::time::Duration;

use gambeson_core::{CredentialSource, Profile, SecretBytes};
use gambeson_oidc_auth::outgoing::{CallerToken, ClonedBody, TokenLayer, TokenSource, TokenSourceBuilder};
use gambeson_oidc_auth::{ClientAuth, Issuer, Verifier};
use gambeson_testing::{DevIdp, Fault};

use super::api::{API, Api, REFUSED, UNAVAILABLE, request, to_api};

async fn idp() -> DevIdp {
    DevIdp::builder().audience("orders").start().await.unwrap()
}

fn client() -> ClientAuth {
    ClientAuth::secret("service", SecretBytes::new(&b"dev-service-secret"[..]))
}

fn developing(builder: TokenSourceBuilder) -> TokenSource {
    builder.run_in(Profile::Development).deadline(Duration::from_millis(500)).build().unwrap()
}

fn credentials(idp: &DevIdp) -> TokenSource {
    developing(TokenSource::client_credentials(Issuer::discover(idp.issuer()), client()).scope("orders:read"))
}

fn verifier(idp: &DevIdp, audience: &str) -> Verifier {
    let builder = Verifier::builder(Issuer::discover(idp.issuer())).audience(audience);
    builder.run_in(Profile::Development).build().unwrap()
}

fn bare(authorization: &str) -> &str {
    authorization.strip_prefix("Bearer ").unwrap()
}

#[tokio::test]
async fn the_other_service_knows_who_calls() {
    let (idp, api) = (idp().await, Api::default());
    let layer = to_api(&credentials(&idp));
    for _ in 0..3 {
        assert_eq!(api.get(&layer).await, Ok(200));
    }
    assert_eq!(idp.requests("/token"), 1);
    let seen = api.seen();
    let caller = verifier(&idp, "orders").verify_or_wait(bare(&seen[0]), None).await.unwrap();
    assert_eq!((caller.subject(), caller.kind()), ("service", gambeson_core::PrincipalKind::Service));
    assert_eq!(caller.scopes().collect::<Vec<_>>(), ["orders:read"]);
}

#[tokio::test]
async fn it_knows_on_whose_behalf_it_is_called_and_who_calls() {
    let (idp, api) = (idp().await, Api::default());
    let source = developing(
        TokenSource::on_behalf_of(Issuer::discover(idp.issuer()), client())
            .audience("stock")
            .actor(credentials(&idp)),
    );
    let layer = to_api(&source);
    let ask = |token: String| {
        let mut request = request(API);
        request.extensions_mut().insert(CallerToken::new(token));
        request
    };
    for person in ["alice", "bob", "alice"] {
        let token = idp.mint().user(person).scope("stock:read").claim("jti", person).claim("iat", 1).token();
        assert_eq!(api.ask(&layer, ask(token)).await, Ok(200));
    }
    let seen = api.seen();
    let alice = verifier(&idp, "stock").verify_or_wait(bare(&seen[0]), None).await.unwrap();
    assert_eq!((alice.subject(), alice.tenant()), ("alice", Some("acme")));
    assert_eq!(alice.actor().map(|actor| actor.subject()), Some("service"));
    let ended = idp.mint().user("alice").expired().token();
    assert_eq!(api.ask(&layer, ask(ended)).await, Err((401, "caller-token-refused")));
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_names_no_secret() {
    let idp = idp().await;
    let wrong = ClientAuth::secret("service", SecretBytes::new(&b"another-secret"[..]));
    let source = developing(TokenSource::client_credentials(Issuer::discover(idp.issuer()), wrong));
    assert_eq!(Api::default().get(&to_api(&source)).await, REFUSED);
    let error = source.credential().wait().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("401 invalid_client") && !cause.contains("another-secret"), "{cause}");
}

#[tokio::test]
async fn no_fault_of_the_provider_sends_a_request_without_a_token() {
    for fault in [
        Fault::Down,
        Fault::ServerError,
        Fault::Html,
        Fault::Huge,
        Fault::Redirect,
        Fault::WrongIssuer,
        Fault::TokenError,
        Fault::TokenHang,
        Fault::Slow,
    ] {
        let (idp, api) = (idp().await, Api::default());
        idp.fault(fault);
        let source = credentials(&idp);
        assert_eq!(api.get(&to_api(&source)).await, UNAVAILABLE, "{fault:?}");
        assert!(api.seen().is_empty(), "{fault:?}");
        idp.fault(Fault::None);
        let back = async || api.get(&to_api(&credentials(&idp))).await == Ok(200);
        assert!(back().await, "{fault:?}");
    }
}

#[tokio::test]
async fn a_rotated_key_costs_one_401_that_nobody_sees() {
    let (idp, api) = (idp().await, Api::default());
    let layer = to_api(&credentials(&idp)).repeat_with(ClonedBody);
    assert_eq!(api.get(&layer).await, Ok(200));
    idp.rotate(false).unwrap();
    api.refuse(bare(&api.seen()[0]));
    assert_eq!(api.get(&layer).await, Ok(200));
    assert_eq!(idp.requests("/token"), 2);
}

#[tokio::test]
async fn the_dev_provider_is_refused_in_production() {
    let idp = idp().await;
    let error =
        TokenSource::client_credentials(Issuer::discover(idp.issuer()), client()).build().unwrap_err();
    assert!(error.to_string().contains("issuer"), "{error}");
    let error = TokenLayer::builder(credentials(&idp)).origin("http://127.0.0.1:3000").build().unwrap_err();
    assert!(error.to_string().contains("write https"), "{error}");
}
