//! Content Security Policy: typed, so that an injected token is impossible, with a nonce that is made when needed.
//!
//! [`Csp`] holds the policy, [`Source`] one checked source expression, [`Nonce`] the nonce of one answer.
//! Standards: Content Security Policy Level 3 §2.2 (parsing), §2.3 (sources), §7.1 (nonces), §8.2 (`'strict-dynamic'`),
//! §8.3 (hashes); Trusted Types §4.4; HTML §7.6 (sandbox).

mod directive;
mod hash;
mod nonce;
mod parse;
mod policy;
mod presets;
mod report;
mod sandbox;
mod source;
mod template;
mod trusted_types;
mod worker;

pub use directive::Directive;
pub(crate) use nonce::NonceSlot;
pub use nonce::{Nonce, NonceError, NonceErrorKind};
pub use parse::CspError;
pub use policy::Csp;
pub(crate) use report::{is_endpoint_name, is_target};
pub use sandbox::SandboxAllow;
pub use source::{Source, SourceError};
pub(crate) use template::CspTemplate;
pub use trusted_types::TrustedTypes;
