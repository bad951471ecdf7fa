//! Which hosts this app answers for.
//!
//! An app that believes any `Host` builds links, redirects and cache entries for a stranger's name, and a page in a
//! browser can reach it under a name that it rebinds to a loopback address. The list is exact: no patterns.

mod list;
mod name;

pub(crate) use list::{HostList, HostVerdict};
pub(crate) use name::{HostName, host_of, parts as host_parts};
use name::{is_nameless, is_public_name};
