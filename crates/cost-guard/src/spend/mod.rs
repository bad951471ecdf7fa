//! Pays for calls to third parties.
mod body;
mod future;
mod layer;
mod usage;

pub use body::SpendBody;
pub use future::SpendFuture;
pub use layer::{SpendLayer, SpendService};
