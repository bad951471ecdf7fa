//! The words that two or more Gambeson crates share, and nothing else.
//!
//! A layer of one crate must be able to read what a layer of another crate learned, without either knowing
//! the other. This crate holds the vocabulary for that: who is calling ([`Principal`], [`Authentication`]), what
//! is known about the request ([`RequestFacts`]), why it was refused ([`Rejection`], [`Respond`]), what is worth
//! keeping ([`AuditEvent`], [`CostRecord`]) and the seams to the world ([`Clock`], [`Timer`], [`Spawn`],
//! [`Entropy`], [`HttpTransport`]).
//!
//! It does no I/O, starts no task, and depends on `http` and `bytes` only; `serde`, `tracing` and the system's
//! clock, timer, spawner and entropy are behind the features `serde`, `tracing` and `system`.
//!
//! # One request, many layers
//!
//! The outermost layer puts one [`RequestFacts`] into the request's extensions; the others fill its write-once
//! slots. The outermost layer can read what inner ones learned even when the request was cancelled.
//!
//! ```
//! use gambeson_core::{Principal, Authentication, Challenges, RequestFacts};
//!
//! let mut request = http::Request::get("/notes").body(()).unwrap();
//! let facts = RequestFacts::ensure(&mut request);
//! assert!(facts.authentication().is_none(), "no authentication layer ran: not the same as anonymous");
//!
//! let alice = Principal::user("https://id.example", "alice").tenant("acme").role("editor").build();
//! facts.authenticate(Authentication::Verified(alice, Challenges::none())).unwrap();
//! assert_eq!(facts.principal().unwrap().subject(), "alice");
//! ```
#![forbid(unsafe_code)]

mod answer;
mod audit;
mod authentication;
mod config;
mod context;
mod cost;
mod credential;
mod endpoint;
mod entropy;
mod escape;
mod facts;
mod forget;
mod gcra;
mod head;
mod health;
mod mode;
mod money;
mod peer;
mod principal;
mod profile;
mod rate_limit;
mod rejection;
mod respond;
mod route;
mod scrub;
mod secret_ref;
#[cfg(feature = "system")]
mod system;
mod task;
mod time;
mod trace;
mod transport;
mod word;

#[cfg(feature = "system")]
pub use system::*;
pub use {
    answer::*, audit::*, authentication::*, config::*, context::*, cost::*, credential::*, endpoint::*,
    entropy::*, escape::*, facts::*, forget::*, gcra::*, head::*, health::*, mode::*, money::*, peer::*,
    principal::*, profile::*, rate_limit::*, rejection::*, respond::*, route::*, scrub::*, secret_ref::*,
    task::*, time::*, trace::*, transport::*,
};

/// Any error that can cross threads.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

mod sealed {
    /// Keeps the seams closed: a wrong clock or weak entropy can't be plugged in from outside.
    pub trait Sealed {}
}
