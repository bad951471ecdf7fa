//! How a decision can end.

/// How a decision can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Decision {
    /// Go ahead.
    Allow,
    /// Not allowed: no role grants it, or one denies it.
    Deny,
    /// It depends on the record, which was not at hand: decide again upon it. Never an allowance by itself.
    Conditional,
    /// It could not be decided, which never means allow: answer 503.
    Indeterminate,
}

impl Decision {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Conditional => "conditional",
            Self::Indeterminate => "indeterminate",
        }
    }
}
