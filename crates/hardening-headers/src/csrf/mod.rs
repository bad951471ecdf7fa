//! Cross-site requests: pages of other sites can't act in their visitors' names.

mod check;
mod prepare;
mod refusal;
mod settings;

pub(crate) use check::{CsrfCheck, asks_for_more};
pub use settings::{Csrf, CsrfExemption};
