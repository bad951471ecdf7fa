//! The caller as an argument of a handler.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use gambeson_oidc_auth::{AuthLayer, Caller};
use http::{Request, StatusCode, header};
use tower::ServiceExt;

use crate::fake_issuer::{claims, static_verifier};
use crate::signer::Signer;

fn routes() -> Router {
    let maybe =
        async |caller: Option<Caller>| caller.map_or("nobody".to_owned(), |c| c.0.subject().to_owned());
    Router::new()
        .route("/me", get(async |Caller(me): Caller| me.subject().to_owned()))
        .route("/maybe", get(maybe))
}

async fn ask(app: &Router, path: &str, token: Option<&str>) -> (StatusCode, Option<String>) {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let challenge = answer.headers().get(header::WWW_AUTHENTICATE);
    (answer.status(), challenge.map(|value| value.to_str().unwrap().to_owned()))
}

#[tokio::test]
async fn somebody_nobody_and_no_layer() {
    let signer = Signer::es256("k");
    let token = signer.token(&claims());
    let app = routes().layer(AuthLayer::new(static_verifier(&[&signer]).build().unwrap()));
    assert_eq!(ask(&app, "/me", Some(&token)).await, (StatusCode::OK, None));
    assert_eq!(ask(&app, "/me", None).await, (StatusCode::UNAUTHORIZED, Some("Bearer".into())));
    assert_eq!(ask(&app, "/maybe", None).await, (StatusCode::OK, None));
    for path in ["/me", "/maybe"] {
        for app in [routes(), routes().layer(AuthLayer::off())] {
            assert_eq!(ask(&app, path, Some(&token)).await, (StatusCode::INTERNAL_SERVER_ERROR, None));
        }
    }
}
