//! A pretend paid model API in this process, on loopback.

mod bill;
mod builder;
mod chat;
mod completion;
mod error;
mod fault;
mod handle;
mod routes;
mod state;

pub use bill::ModelBill;
pub use builder::DevModelBuilder;
pub use error::{DevModelError, DevModelErrorKind};
pub use fault::ModelFault;
pub use handle::DevModel;
