//! What the environment says, checked as a whole before anything starts.

mod reader;
mod refused;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use gambeson::Profile;
use gambeson::core::{ConfigError, ConfigProblems};
use gambeson::hardening_headers::serve::TlsConfig;

use reader::Reader;

/// Where the app listens, whom it trusts and where its data lives.
#[derive(Debug, Clone)]
pub struct Settings {
    pub profile: Profile,
    /// `BIND` and `PORT`; default `127.0.0.1:3000`.
    pub listen: SocketAddr,
    /// `TLS_CERTIFICATE` and `TLS_KEY`: files in PEM; without them the app speaks plain http.
    pub tls: Option<TlsConfig>,
    /// `MANAGEMENT_BIND`; default `127.0.0.1:9464`. Production only: in development all is on one listener.
    pub management: SocketAddr,
    /// `DANGEROUSLY_EXPOSE_MANAGEMENT=yes`: the management listener may be reached from elsewhere.
    pub management_exposed: bool,
    /// `DATA_DIR`; default `./data`.
    pub data_dir: PathBuf,
    /// `AUDIT_KEYS_DIR`; default `audit-keys` in the folder for data: the keys that names in the trail are sealed under.
    pub audit_keys_dir: Option<PathBuf>,
    /// `SECRETS_DIR`: the folder whose files are the app's secrets.
    pub secrets_dir: Option<PathBuf>,
    /// Who vouches for the callers.
    pub issuer: IssuerSetting,
    /// `OIDC_AUDIENCE`; default `hardened-notes`: the audience that tokens must be for.
    pub audience: String,
    /// `OIDC_CLIENT_ID`: the name under which the issuer knows this app; without it nobody signs in with a browser.
    pub client_id: Option<String>,
    /// What summarises notes.
    pub model: ModelSetting,
    /// `DANGEROUSLY_FORGET_SPENDING_ON_RESTART=yes`: what was spent is in memory, and a restart refills every budget.
    pub spending_forgotten: bool,
    /// `PUBLIC_ORIGIN`: scheme, host and port as browsers see them.
    pub public_origin: Option<String>,
    /// `TRUSTED_PROXIES`: `none`, or the networks of the proxies in front, separated by commas.
    pub proxies: Vec<String>,
}

/// Who vouches for the callers.
#[derive(Debug, Clone)]
pub enum IssuerSetting {
    /// `OIDC_ISSUER`.
    Real(String),
    /// The dev identity provider, on `DEV_IDP_PORT`; default 3001.
    Dev(SocketAddr),
}

/// What summarises notes.
#[derive(Debug, Clone)]
pub enum ModelSetting {
    /// `MODEL_URL`: the origin of an API that is shaped like most.
    Real(String),
    /// The pretend model, on `MODEL_PORT`; default 3002. Development only.
    Dev(SocketAddr),
    /// Nothing: the app has no such route.
    None,
}

impl Settings {
    /// Reads the environment through `lookup`; every problem at once.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let read = Reader { lookup: |name: &str| lookup(name).filter(|value| !value.is_empty()) };
        let mut problems = ConfigProblems::new();
        let profile = read.profile(&mut problems);
        let issuer = read.issuer(&mut problems);
        let settings = Self {
            profile,
            listen: read.listen(&mut problems),
            tls: read.tls(&mut problems),
            management: read.or(
                "MANAGEMENT_BIND",
                loopback(9464),
                "an address such as 127.0.0.1:9464",
                &mut problems,
            ),
            management_exposed: read.says_yes("DANGEROUSLY_EXPOSE_MANAGEMENT"),
            data_dir: read.text("DATA_DIR").unwrap_or_else(|| "data".into()).into(),
            audit_keys_dir: read.text("AUDIT_KEYS_DIR").map(PathBuf::from),
            secrets_dir: read.text("SECRETS_DIR").map(PathBuf::from),
            audience: read.text("OIDC_AUDIENCE").unwrap_or_else(|| "hardened-notes".into()),
            client_id: read.client_id(&issuer),
            issuer,
            model: read.model(profile, &mut problems),
            spending_forgotten: read.says_yes("DANGEROUSLY_FORGET_SPENDING_ON_RESTART"),
            public_origin: read.text("PUBLIC_ORIGIN").map(|origin| origin.trim_end_matches('/').to_owned()),
            proxies: read.proxies(),
        };
        settings.refuse(read.is_set("TRUSTED_PROXIES"), &mut problems);
        problems.into_result(settings)
    }

    /// How browsers reach the app, which listens at this address.
    pub fn origin(&self, listens: SocketAddr) -> String {
        self.public_origin.clone().unwrap_or_else(|| format!("{}://{listens}", self.scheme()))
    }

    /// What the app speaks where it listens.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

#[cfg(test)]
mod tests;
