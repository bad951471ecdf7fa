//! An OpenID provider in this process, on loopback.

mod answer;
mod authorization_request;
mod authorize;
mod backchannel;
mod builder;
mod capped;
mod client;
mod control;
mod error;
#[cfg(feature = "rp")]
mod exchange;
mod fault;
mod form;
mod grant;
mod handle;
mod keys;
mod logout;
mod logout_fault;
mod metadata;
mod mint;
mod own_page;
mod own_token;
mod page;
mod person;
mod pkce;
mod routes;
mod session;
mod sign_in;
mod state;
mod token;
mod userinfo;

pub use builder::DevIdpBuilder;
pub use client::DevClient;
pub use error::{DevIdpError, DevIdpErrorKind};
#[cfg(feature = "rp")]
pub(crate) use exchange::Exchange;
pub use fault::Fault;
pub use handle::DevIdp;
pub use keys::SigningAlgorithm;
pub use logout_fault::LogoutFault;
pub use mint::Mint;
pub use person::Person;
