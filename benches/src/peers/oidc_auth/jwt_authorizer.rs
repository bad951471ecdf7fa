//! jwt-authorizer: its authorizer.

use std::net::IpAddr;

use http::{Response, StatusCode};
use jwt_authorizer::{Authorizer, RegisteredClaims, Validation};

use super::Guard;
use crate::token;

pub(crate) struct JwtAuthorizer(Authorizer);

impl Guard for JwtAuthorizer {
    const NAME: &'static str = "jwt-authorizer";
    type Asked = String;
    type Accepted = RegisteredClaims;

    async fn start(issuer: &str, keys: &str) -> Self {
        let rules = Validation::new().iss(&[issuer]).aud(&[token::AUDIENCE]).nbf(true);
        let authorizer = jwt_authorizer::JwtAuthorizer::from_jwks_url(keys).validation(rules).build().await;
        Self(authorizer.expect("an authorizer"))
    }

    fn ask(token: &str, _: IpAddr) -> String {
        token.to_owned()
    }

    async fn decide(&self, token: &String) -> Result<RegisteredClaims, StatusCode> {
        let decided = self.0.check_auth(token).await;
        decided.map(|token| token.claims).map_err(|error| Response::<_>::from(error).status())
    }

    fn subject(accepted: &RegisteredClaims) -> &str {
        accepted.sub.as_deref().unwrap_or_default()
    }
}
