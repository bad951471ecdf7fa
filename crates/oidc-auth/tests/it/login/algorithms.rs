//! What the provider says that it signs ID tokens with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_client::Client;
use gambeson_core::{BoxFuture, HttpTransport, TransportError, TransportLimits};
use gambeson_oidc_auth::LoginLayer;
use gambeson_testing::eventually;
use http::{Request, Response};

use super::browser::{App, Browser, Scene, location, refusal};

/// Asks the provider, whose discovery document then says otherwise.
#[derive(Debug)]
struct Says {
    inner: Client,
    otherwise: &'static str,
}

const PATIENCE: Duration = Duration::from_secs(10);

const LISTED: &str = r#""id_token_signing_alg_values_supported":["RS256"]"#;

impl HttpTransport for Says {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let document = request.uri().path().ends_with("/openid-configuration");
        let (sent, otherwise) = (self.inner.send(request, limits), self.otherwise);
        Box::pin(async move {
            let answer = sent.await?;
            Ok(if document { answer.map(|body| said(&body, otherwise)) } else { answer })
        })
    }
}

fn said(body: &[u8], otherwise: &str) -> Bytes {
    let text = std::str::from_utf8(body).unwrap();
    assert!(text.contains(LISTED), "{text}");
    text.replace(LISTED, otherwise).into()
}

#[tokio::test]
async fn a_refreshed_id_token_too() {
    for (otherwise, refreshed) in [
        (r#""id_token_signing_alg_values_supported":["RS256","ES256"]"#, true),
        (r#""id_token_signing_alg_values_supported":["ES256"]"#, false),
    ] {
        let scene = Scene::new().await;
        let (here, mut browser) = (scene.app(), Browser::default());
        browser.sign_in(&scene, &here, "alice").await;
        // Another instance has a newer document.
        let transport = Says { inner: Client::builder().build().unwrap(), otherwise };
        let there = App(LoginLayer::new(scene.builder().transport(Arc::new(transport)).build().unwrap()));
        let asked = scene.idp.requests("/token");
        scene.clock.advance(Duration::from_secs(240));
        assert_eq!(browser.who(&there).await, "alice");
        let exchanged = |count| {
            let (browser, scene, there) = (browser.clone(), &scene, &there);
            move || {
                let mut browser = browser.clone();
                async move {
                    assert_eq!(browser.who(there).await, "alice", "nobody knows: it goes on");
                    (scene.idp.requests("/token") >= asked + count).then_some(())
                }
            }
        };
        eventually(PATIENCE, exchanged(1)).await.expect("an exchange");
        if refreshed {
            let done = || async { scene.events().contains(&"session.refresh success".into()).then_some(()) };
            eventually(PATIENCE, done).await.expect("a refresh");
        } else {
            // It is over when the next one is begun.
            let again = || {
                scene.clock.advance(Duration::from_secs(60));
                exchanged(2)()
            };
            eventually(PATIENCE, again).await.expect("the next one");
            assert_eq!(scene.events(), ["login success"]);
        }
    }
}

#[tokio::test]
async fn an_id_token_is_signed_as_the_provider_says() {
    for (otherwise, signed_in) in [
        (r#""id_token_signing_alg_values_supported":["ES256","RS256"]"#, true),
        (r#""of_no_meaning":1"#, true),
        (r#""id_token_signing_alg_values_supported":["ES256"]"#, false),
        (r#""id_token_signing_alg_values_supported":[]"#, false),
    ] {
        let scene = Scene::new().await;
        let transport = Says { inner: Client::builder().build().unwrap(), otherwise };
        let app = App(LoginLayer::new(scene.builder().transport(Arc::new(transport)).build().unwrap()));
        let mut browser = Browser::default();
        let answer = browser.sign_in(&scene, &app, "alice").await;
        match signed_in {
            true => assert_eq!(location(&answer), "http://127.0.0.1:3000/", "{otherwise}"),
            false => assert_eq!(refusal(&answer), (400, "login-failed".into()), "{otherwise}"),
        }
        assert_eq!(browser.who(&app).await, if signed_in { "alice" } else { "nobody" }, "{otherwise}");
    }
}
