//! Where credentials come from, rotate and expire: one live handle over many stores.
//!
//! [`Secrets`] reads what an allow list permits from stores, once however many ask, reads it again before it is too old, and
//! hands out [`Secret`]s: handles that cost nanoseconds to read and always hold the last good value.
#![forbid(unsafe_code)]

mod allow;
mod builder;
mod config;
mod entry;
mod error;
pub mod header;
mod json;
mod policy;
mod race;
mod record;
mod registry;
mod seams;
mod secret;
mod shared;
mod state;
mod status;
mod store;
mod telemetry;
mod text;
mod wiped;

pub use builder::SecretsBuilder;
pub use config::Config;
pub use error::{MissingSecrets, ReadError, ReadErrorKind};
pub use header::{SecretHeader, SecretHeaderBuilder, SecretHeaderFuture, SecretHeaderLayer};
pub use policy::Policy;
pub use registry::{Changes, Secrets};
pub use seams::BearerSecret;
pub use secret::{Loaded, Secret};
pub use state::{SecretState, Version};
pub use status::SecretStatus;
pub use store::{EnvStore, Fetched, FileStore, MemoryStore, ReadContext, SecretStore};
pub use text::SecretString;
