//! What the provider says that it signs ID tokens with.

use std::sync::Arc;

use bytes::Bytes;
use gambeson_client::Client;
use gambeson_core::{BoxFuture, HttpTransport, TransportError, TransportLimits};
use gambeson_oidc_auth::LoginLayer;
use http::{Request, Response};

use super::browser::{App, Browser, Scene, location, refusal};

/// Asks the provider, whose discovery document then says otherwise.
#[derive(Debug)]
struct Says {
    inner: Client,
    otherwise: &'static str,
}

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
