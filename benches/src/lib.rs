//! The four cases of a layer, beside a bare service and beside named peers, in one run.
//!
//! A [`Case`] is one situation: a request that passes, one that is refused, one that finds nothing remembered, or a part
//! of a layer. Its subjects do the same work one after the other: `bare` (the service without a layer), `gambeson`, and
//! a peer under its own name. Three programs measure the same list of cases:
//!
//! | program | metric | how |
//! |---|---|---|
//! | `times` | `cpu_ns` | time of this thread's processor, the subjects by turns; see [`timing`] |
//! | `allocations` | `allocations` | a counting allocator, this thread only |
//! | `rotation` | what becomes of valid tokens when keys rotate | each subject against an issuer on loopback; see [`rotation`] |
//! | `instructions` (a bench target) | `instructions` | callgrind, through gungraun |
//!
//! Each prints one JSON object a line: `{"crate","case","subject","metric","value","unit"}`. `cargo xtask bench` merges
//! them, adds what is over bare, and holds them against the targets.

#![forbid(unsafe_code)]

mod case;
pub mod cases;
pub mod drive;
#[cfg(feature = "peers")]
mod key_server;
mod peers;
#[cfg(feature = "peers")]
pub mod rotation;
mod row;
pub mod timing;
mod token;

pub use case::{Case, Figure, Kind, Run, Subject};
pub use row::Row;

/// How many calls the instruction and the allocation counts are taken over.
pub const CALLS: u32 = 100;
