//! The issuer's keys: parsed once, swapped whole, fetched off the request path.

mod doubt;
mod fetch;
mod freshness;
mod jwk;
mod keeper;
mod remote;
mod set;
mod waiting;

pub(crate) use fetch::{Endpoint, FetchError, Metadata, describe, is_page, redirected};
pub(crate) use jwk::Jwk;
pub(crate) use keeper::{AtWork, either};
pub(crate) use remote::{Remote, RemoteParts, Round};
pub(crate) use set::{Key, KeySet, MAX_TRIED};
pub(crate) use waiting::{KeyWait, Network};
