//! oauth-resource-server: its validator, with the refresh in the background that its documentation asks for.

use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;
use oauth_resource_server::{AuthorizedToken, KeyNaming, OAuthConfig, OAuthValidator, refusal};

use super::Guard;
use crate::token;

pub(crate) struct OauthResourceServer(Arc<OAuthValidator>);

impl Guard for OauthResourceServer {
    const NAME: &'static str = "oauth-resource-server";
    type Asked = String;
    type Accepted = AuthorizedToken;

    async fn start(issuer: &str, keys: &str) -> Self {
        let config = OAuthConfig {
            enabled: true,
            issuer: issuer.to_owned(),
            jwks_uri: Some(keys.to_owned()),
            audience: token::AUDIENCE.to_owned(),
            resource: "https://api.example.com/notes".to_owned(),
            require_at_jwt: true,
            ..OAuthConfig::default()
        };
        let config =
            config.resolve(KeyNaming::Dotted("oauth")).expect("valid settings").expect("it is enabled");
        let validator = Arc::new(OAuthValidator::new(&config).expect("a validator"));
        drop(validator.spawn_background_refresh());
        while !validator.is_ready() {
            tokio::task::yield_now().await;
        }
        Self(validator)
    }

    fn ask(token: &str, _: IpAddr) -> String {
        token.to_owned()
    }

    async fn decide(&self, token: &String) -> Result<AuthorizedToken, StatusCode> {
        self.0.validate(token).await.map_err(|rejection| {
            let status = refusal(&rejection, Some(&self.0)).status;
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    fn subject(accepted: &AuthorizedToken) -> &str {
        accepted.subject.as_deref().unwrap_or_default()
    }
}
