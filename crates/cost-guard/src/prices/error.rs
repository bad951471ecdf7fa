//! Why something has no price.

use std::fmt;

/// Why a usage could not be priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceError {
    pub(crate) kind: PriceErrorKind,
    pub(crate) text: String,
}

/// The classes of failure that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PriceErrorKind {
    /// There is no price; unknown never means free.
    Unpriced,
    /// The amount is out of range.
    Overflow,
}

impl PriceError {
    pub(crate) fn unpriced(text: String) -> Self {
        Self { kind: PriceErrorKind::Unpriced, text }
    }

    /// What the caller can act on.
    pub const fn kind(&self) -> PriceErrorKind {
        self.kind
    }
}

/// What is missing, and what to add to the price file.
impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for PriceError {}
