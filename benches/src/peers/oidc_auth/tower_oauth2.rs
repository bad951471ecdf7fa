//! tower-oauth2-resource-server: its layer, over aws-lc.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};
use tower_oauth2_resource_server::claims::DefaultClaims;
use tower_oauth2_resource_server::layer::OAuth2ResourceServerLayer;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use super::{Guard, Ready as Set};
use crate::Run;
use crate::cases::oidc_auth;
use crate::drive::{NoBody, recycled};
use crate::token::{self, Token};

type TheirLayer = OAuth2ResourceServerLayer<Full<Bytes>, DefaultClaims>;

pub(crate) struct TowerOauth2(TheirLayer);

impl Guard for TowerOauth2 {
    const NAME: &'static str = "tower-oauth2-resource-server";
    type Asked = String;
    type Accepted = String;

    async fn start(issuer: &str, keys: &str) -> Self {
        let audiences = vec![token::AUDIENCE.to_owned()];
        let tenant = TenantConfiguration::builder(issuer)
            .jwks_url(keys)
            .claims_validation(ClaimsValidationSpec::recommended(issuer, &audiences))
            .build()
            .await
            .expect("a tenant");
        let server = OAuth2ResourceServer::<DefaultClaims>::builder().add_tenant(tenant).build().await;
        Self(server.expect("a server").into_layer())
    }

    fn ask(token: &str, _: IpAddr) -> String {
        format!("Bearer {token}")
    }

    async fn decide(&self, bearer: &String) -> Result<String, StatusCode> {
        let request = Request::get("/notes").header("authorization", bearer).body(NoBody::new());
        let answer = self.0.layer(Whose).oneshot(request.expect("a request")).await.expect("it never fails");
        match answer.extensions().get::<DefaultClaims>() {
            Some(claims) => Ok(claims.sub.clone().unwrap_or_default()),
            None => Err(answer.status()),
        }
    }

    fn subject(accepted: &String) -> &str {
        accepted
    }
}

/// Its work is a layer's, so it is measured as ours is: the request comes back to be used again.
pub(super) fn measured(token: Token) -> Run {
    let set = Set::<TowerOauth2>::new(&token);
    let mut run = recycled(|app| set.guard.0.layer(app), vec![oidc_auth::request(&token)], StatusCode::OK);
    Box::new(move || {
        let _on_runtime = &set.runtime;
        run();
    })
}

/// An app that hands the claims back.
#[derive(Clone, Copy)]
struct Whose;

impl<B> Service<Request<B>> for Whose {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut answer = Response::new(Full::default());
        *answer.extensions_mut() = std::mem::take(request.extensions_mut());
        ready(Ok(answer))
    }
}
