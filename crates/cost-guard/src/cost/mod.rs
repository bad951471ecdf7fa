//! Holds money for a request before the app sees it.
mod body;
mod future;
mod layer;

pub use body::ResponseBody;
pub use future::CostFuture;
pub use layer::{CostLayer, CostService};
