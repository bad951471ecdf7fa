//! How often a caller may ask.
mod future;
mod layer;
mod quotas;
mod spec;
mod table;
mod telemetry;

pub use future::QuotaFuture;
pub(crate) use layer::layer_order;
pub use layer::{QuotaLayer, QuotaService};
pub(crate) use quotas::Quotas;
pub use spec::Quota;
