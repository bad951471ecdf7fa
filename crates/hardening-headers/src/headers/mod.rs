//! Security headers: presets in words, prepared once, put onto every answer.

mod apply;
mod attachment;
mod hsts;
mod leaks;
mod overrides;
mod permissions;
mod prepared;
mod report_only;
mod reporting;
mod rollout;
mod set;
mod shared_caches;
mod values;
mod variants;

pub(crate) use apply::{Client, Oddities, apply};
pub use hsts::Hsts;
pub(crate) use leaks::is_leak;
pub use overrides::{KeepErrorBody, Override};
pub use permissions::{FeatureAccess, PermissionsPolicy, PermissionsPolicyError};
pub(crate) use prepared::Transport;
pub use rollout::Rollout;
pub use set::HeaderSet;
pub use values::{EmbedderPolicy, FrameOptions, OpenerPolicy, ReferrerPolicy, ResourcePolicy};
pub(crate) use variants::Variants;
