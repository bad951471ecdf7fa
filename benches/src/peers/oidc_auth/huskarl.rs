//! huskarl-resource-server: its validator of RFC 9068.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use huskarl_reqwest::ReqwestClient;
use huskarl_resource_server::validator::ValidatedRequest;
use huskarl_resource_server::validator::metadata::ValidatorMetadata;
use huskarl_resource_server::validator::rfc9068::{Rfc9068AccessTokenClaims, Rfc9068Validator};

use super::Guard;
use crate::token;

pub(crate) struct Huskarl {
    validator: Rfc9068Validator,
    metadata: ValidatorMetadata,
    target: Uri,
}

impl Guard for Huskarl {
    const NAME: &'static str = "huskarl";
    type Asked = HeaderMap;
    type Accepted = ValidatedRequest<Rfc9068AccessTokenClaims>;

    async fn start(issuer: &str, keys: &str) -> Self {
        let client = ReqwestClient::builder().build().await.expect("a client");
        let validator = Rfc9068Validator::builder()
            .issuer(issuer)
            .audience(token::AUDIENCE)
            .jwks_uri(keys.parse().expect("a URL"))
            .jwks_source(client)
            .build()
            .await
            .expect("the keys are there");
        let metadata = validator.validator_metadata(None);
        Self { validator, metadata, target: Uri::from_static("https://api.example.com/notes") }
    }

    fn ask(token: &str, _: IpAddr) -> HeaderMap {
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header");
        HeaderMap::from_iter([(header::AUTHORIZATION, bearer)])
    }

    async fn decide(&self, headers: &HeaderMap) -> Result<Self::Accepted, StatusCode> {
        let result = self.validator.validate_request(headers, &Method::GET, &self.target, None).await;
        match result.rejection(&self.metadata, None) {
            Some(rejection) => Err(rejection.status),
            None => result.outcome.ok().flatten().ok_or(StatusCode::UNAUTHORIZED),
        }
    }

    fn subject(accepted: &Self::Accepted) -> &str {
        accepted.sub.as_deref().unwrap_or_default()
    }
}
