//! The app's own secrets: files of a folder that the platform mounts, or made-up ones on a developer's machine.

use std::sync::Arc;
use std::time::Duration;

use gambeson::audit_trail::AuditTrail;
use gambeson::core::SecretRef;
use gambeson::secrets::{FileStore, MemoryStore, Secrets};

use crate::run::Failure;
use crate::settings::Settings;

/// What proves to the identity provider that this app asks.
pub const CLIENT_SECRET: &str = "oidc-client-secret";
/// What the model's maker bills.
pub const MODEL_KEY: &str = "model-key";

/// What the secrets are worth that the embedded servers of a developer's machine take.
pub const MADE_UP: [(&str, &str); 2] =
    [(CLIENT_SECRET, "made-up-client-secret"), (MODEL_KEY, "made-up-model-key")];

/// How long a start may wait for them.
const WITHIN: Duration = Duration::from_secs(5);

/// Secrets by name, wherever they are.
#[derive(Debug, Clone)]
pub struct Keys {
    pub secrets: Secrets,
    place: &'static str,
}

impl Keys {
    /// Reads those that `wanted` names; whoever rotates one later changes its file, and nothing is started anew.
    pub async fn open(settings: &Settings, wanted: &[&str], trail: &AuditTrail) -> Result<Self, Failure> {
        let builder = Secrets::builder().run_in(settings.profile).audit(Arc::new(trail.clone()));
        let (builder, place) = match &settings.secrets_dir {
            Some(folder) => (builder.store("file", FileStore::new().root("app", folder)), "file://app/"),
            None => (builder.store("mem", made_up()), "mem://"),
        };
        let references = wanted.iter().map(|name| format!("{place}{name}"));
        let secrets = builder.allow([format!("{place}*")]).require(references).connect(WITHIN).await?;
        Ok(Self { secrets, place })
    }

    /// The reference to the secret of this name.
    pub fn reference(&self, name: &str) -> Result<SecretRef, Failure> {
        Ok(format!("{}{name}", self.place).parse()?)
    }
}

fn made_up() -> MemoryStore {
    MADE_UP.iter().fold(MemoryStore::new(), |store, (name, value)| store.with(name, value))
}
