//! An OpenID provider in this process, on loopback.

mod builder;
mod error;
mod fault;
mod handle;
mod keys;
mod mint;
mod person;
mod routes;
mod server;
mod state;

pub use builder::DevIdpBuilder;
pub use error::{DevIdpError, DevIdpErrorKind};
pub use fault::Fault;
pub use handle::DevIdp;
pub use keys::SigningAlgorithm;
pub use mint::Mint;
pub use person::Person;
