//! One broken law at one place.

use std::fmt;

/// Where a law is broken, which, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// Stable and greppable.
    pub(crate) law: &'static str,
    pub(crate) what: String,
    pub(crate) cure: &'static str,
}

impl Finding {
    pub(crate) fn new(
        file: &str,
        line: usize,
        law: &'static str,
        what: impl Into<String>,
        cure: &'static str,
    ) -> Self {
        Self { file: file.to_owned(), line, law, what: what.into(), cure }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}; {}", self.file, self.line, self.law, self.what, self.cure)
    }
}
