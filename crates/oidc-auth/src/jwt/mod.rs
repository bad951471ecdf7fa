//! JSON Web Tokens in compact form (RFC 7515 §7.1, RFC 7519), read once and strictly.

mod claims;
mod compact;
mod header;
mod json;

pub(crate) use claims::{Claims, texts_of, values_of};
pub(crate) use compact::Compact;
pub(crate) use header::Header;
pub(crate) use json::{Json, Keep, Members, read_object};
