//! Content Security Policy: typed, so that an injected token is impossible, with a nonce that is made when needed.
//!
//! [`Csp`] holds the policy, [`Source`] one checked source expression, [`Nonce`] the nonce of one answer.
//! Standards: Content Security Policy Level 3 §2.2 (parsing), §2.3 (sources), §7.1 (nonces), §8.2 (`'strict-dynamic'`).

mod directive;
mod nonce;
mod parse;
mod policy;
mod source;
mod template;

pub use directive::Directive;
pub(crate) use nonce::NonceSlot;
pub use nonce::{Nonce, NonceError, NonceErrorKind};
pub use parse::CspError;
pub use policy::Csp;
pub use source::{Source, SourceError};
pub(crate) use template::CspTemplate;
