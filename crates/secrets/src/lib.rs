//! Where credentials come from, rotate and expire: one live handle over many stores.
//!
//! [`Secrets`] reads what an allow list permits from stores, once however many ask, reads it again before it is too old, and
//! hands out [`Secret`]s: handles that cost nanoseconds to read and always hold the last good value.
//!
//! # Example
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use gambeson_secrets::{FileStore, SecretState, SecretString, Secrets};
//! # let mount = tempfile::TempDir::new()?;
//! # let run_secrets = mount.path();
//! # let write = |text| std::fs::write(run_secrets.join("model-key"), text);
//! # write("s3cr3t")?;
//! # #[cfg(unix)] std::fs::set_permissions(run_secrets.join("model-key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
//!
//! let secrets = Secrets::builder()
//!     .store("file", FileStore::new().root("app", run_secrets)) // such as /run/secrets
//!     .allow(["file://app/*"])
//!     .require(["file://app/model-key"]) // what is missing is said at start, all of it
//!     .connect(Duration::from_secs(5))
//!     .await?;
//!
//! let key = secrets.get::<SecretString>("file://app/model-key").await?; // once, at start
//! assert_eq!(key.usable()?.expose(), "s3cr3t"); // wherever the value is needed: refused when it is too old
//! assert_eq!(key.state(), SecretState::Fresh);
//! assert!(secrets.get::<SecretString>("env://PATH").await.is_err()); // not on the list
//!
//! // key.changed().await tells of a rotation, for what was built from the value.
//! # drop(key);
//! assert!(secrets.shutdown(Duration::from_secs(5)).await);
//! # Ok(()) }
//! ```
//!
//! # When a store is in trouble
//!
//! Handles keep the last good value, and say that it is [`Stale`](SecretState::Stale), for at most
//! [`Policy::max_stale`] after its freshness, and never beyond its own lifetime; then it is [`Failed`](SecretState::Failed): [`Secret::usable`],
//! the layers and core's traits refuse it, and only [`Secret::load`] still shows it. The store is asked again with growing waits.
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
