//! What a developer's machine has in place of real services: an identity provider, and a model that bills.

use std::net::SocketAddr;

use gambeson_testing::{DevClient, DevIdp, DevModel};

use crate::keys::{CLIENT_SECRET, MADE_UP, MODEL_KEY};
use crate::run::Failure;
use crate::settings::{IssuerSetting, ModelSetting, Settings};

/// The embedded servers that run; they stop when this is dropped.
#[derive(Debug)]
pub struct Embedded {
    pub idp: Option<DevIdp>,
    pub model: Option<DevModel>,
}

impl Embedded {
    /// Starts a server for each service that is not set, for the app at this origin.
    pub async fn start(settings: &Settings, origin: &str) -> Result<Self, Failure> {
        Ok(Self { idp: start_idp(settings, origin).await?, model: start_model(settings).await? })
    }

    /// Who vouches for the callers.
    pub fn issuer<'a>(&'a self, settings: &'a Settings) -> &'a str {
        match &settings.issuer {
            IssuerSetting::Real(issuer) => issuer,
            IssuerSetting::Dev(_) => self.idp.as_ref().map(DevIdp::issuer).unwrap_or_default(),
        }
    }

    /// Where the model is; `None`: the app has none.
    pub fn model_origin<'a>(&'a self, settings: &'a Settings) -> Option<&'a str> {
        match &settings.model {
            ModelSetting::Real(origin) => Some(origin),
            ModelSetting::Dev(_) => self.model.as_ref().map(DevModel::url),
            ModelSetting::None => None,
        }
    }
}

async fn start_idp(settings: &Settings, origin: &str) -> Result<Option<DevIdp>, Failure> {
    let IssuerSetting::Dev(address) = settings.issuer else { return Ok(None) };
    let mut builder = DevIdp::builder().bind(address.to_string()).audience(settings.audience.as_str());
    if let Some(client_id) = &settings.client_id {
        let client = DevClient::confidential(client_id, made_up(CLIENT_SECRET))
            .redirect_uri(format!("{origin}/login/callback"))
            .post_logout_redirect_uri(format!("{origin}/"));
        builder = builder.client(client);
    }
    match builder.start().await {
        Ok(idp) => Ok(Some(idp)),
        Err(error) => Err(format!(
            "the dev identity provider can't listen on {address}: {error}\n  \
             choose another port with DEV_IDP_PORT={}, or name a real issuer with OIDC_ISSUER",
            next_port(address)
        )
        .into()),
    }
}

async fn start_model(settings: &Settings) -> Result<Option<DevModel>, Failure> {
    let ModelSetting::Dev(address) = settings.model else { return Ok(None) };
    let model = DevModel::builder().bind(address.to_string()).key(made_up(MODEL_KEY)).usage(1_000, 200);
    match model.start().await {
        Ok(model) => Ok(Some(model)),
        Err(error) => Err(format!(
            "the pretend model can't listen on {address}: {error}\n  \
             choose another port with MODEL_PORT={}, or name a real model with MODEL_URL",
            next_port(address)
        )
        .into()),
    }
}

fn made_up(name: &str) -> &'static str {
    MADE_UP.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).unwrap_or_default()
}

/// A port to suggest instead.
pub fn next_port(address: SocketAddr) -> u16 {
    address.port().checked_add(1000).unwrap_or(3000)
}
