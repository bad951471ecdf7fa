//! Security headers: presets in words, prepared once, put onto every answer.

mod apply;
mod hsts;
mod overrides;
mod prepared;
mod set;
mod shared_caches;
mod values;
mod variants;

pub(crate) use apply::{Client, Oddities, apply};
pub use hsts::Hsts;
pub use overrides::{KeepErrorBody, Override};
pub(crate) use prepared::Transport;
pub use set::HeaderSet;
pub use values::{FrameOptions, OpenerPolicy, PermissionsPolicy, ReferrerPolicy, ResourcePolicy};
pub(crate) use variants::Variants;
