//! Back-channel logout: the provider tells that somebody signed out elsewhere.

mod body;
mod refused;
mod seen;
mod service;
mod token;

pub use self::service::{BackchannelLogout, ResponseFuture};
pub(super) use self::token::LogoutTokens;
