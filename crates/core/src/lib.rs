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
mod task;
mod time;
mod trace;
mod transport;
mod word;

pub use answer::{Answer, BoxFuture};
#[cfg(feature = "tracing")]
pub use audit::TracingSink;
pub use audit::{
    AuditError, AuditErrorKind, AuditEvent, AuditKind, AuditSink, Durability, NullSink, Outcome, Receipt,
};
pub use authentication::{
    Authentication, AuthenticationFrom, Challenge, Challenger, Challenges, ConflictingCredentials,
};
pub use config::{ConfigError, ConfigProblem, ConfigProblems};
pub use context::RequestContext;
pub use cost::{CostRecord, CostSink};
pub use credential::{Credential, CredentialError, CredentialErrorKind, CredentialSource};
pub use endpoint::{Access, EndpointSpec, Exempt};
#[cfg(feature = "test-util")]
pub use entropy::FixedEntropy;
#[cfg(feature = "system")]
pub use entropy::SystemEntropy;
pub use entropy::{Entropy, EntropyError};
pub use escape::{escape_controls, json_string};
pub use facts::RequestFacts;
pub use forget::{Forget, ForgetError, ForgetErrorKind, Forgotten};
pub use gcra::{Gcra, GcraDecision};
pub use head::{RequestHead, Wants};
pub use health::{Health, HealthCheck, Readiness, ReadinessState};
pub use mode::Mode;
pub use money::{Currency, Money, MoneyError};
pub use peer::{PeerInfo, RequestId, Scheme};
pub use principal::{EndSignal, Ended, Principal, PrincipalBuilder, PrincipalKind, Subject};
pub use profile::{Profile, ProfileError};
pub use rate_limit::RateLimitFields;
pub use rejection::{Member, Refused, Rejection, RejectionClass};
pub use respond::{GrpcStatus, Negotiated, ProblemJson, Respond, StatusOnly};
pub use route::{MatchedRoute, RouteSource};
pub use scrub::{NoScrub, Scrub};
pub use secret_ref::{SecretBytes, SecretError, SecretErrorKind, SecretRef, SecretRefError, SecretResolver};
pub use task::Spawn;
#[cfg(feature = "system")]
pub use task::TokioSpawn;
#[cfg(feature = "test-util")]
pub use time::ManualClock;
#[cfg(feature = "system")]
pub use time::SystemClock;
pub use time::{Clock, Monotonic, Timer, Timestamp};
pub use trace::TraceContext;
pub use transport::{HttpTransport, TransportError, TransportErrorKind, TransportLimits};

/// Any error that can cross threads.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

mod sealed {
    /// Keeps the seams closed: a wrong clock or weak entropy can't be plugged in from outside.
    pub trait Sealed {}
}
