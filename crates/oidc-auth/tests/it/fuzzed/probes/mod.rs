//! What must hold whatever a stranger sends. Each probe takes bytes, panics when it does not hold, and says whether the bytes
//! came all the way in. The targets of `fuzz/` search for bytes; the tests give the probes those that were worth keeping.
//!
//! Keys and clock are fixed, so that the same bytes always mean the same.

mod authorization;
mod claims;
mod jwks;
mod key;
mod login;
mod proof;
mod provider;
mod sealed;
mod token;

pub(crate) use authorization::probe as authorization;
pub(crate) use claims::probe as claims;
pub(crate) use jwks::probe as jwks;
pub(crate) use login::probe as login;
pub(crate) use proof::probe as proof;
pub(crate) use token::probe as token;
