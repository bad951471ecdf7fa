//! Which other origins' scripts may read answers.

mod policy;
mod prepare;
mod refusal;
mod settings;

pub(crate) use policy::{CorsPolicy, Grant};
pub use settings::Cors;
