//! Why a policy was refused.

use std::fmt;
use std::path::Path;

use gambeson_core::{ConfigError, escape_controls};

use crate::finding::{Finding, Severity};

/// Why a policy was refused: every finding, not only the first.
#[derive(Debug)]
pub struct PolicyError {
    kind: PolicyErrorKind,
    findings: Vec<Finding>,
    /// The file and what the system said of it, or in what the routes don't fit.
    detail: String,
}

/// What went wrong with a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// The file could not be read.
    Unreadable,
    /// The text is no good policy; see [`PolicyError::findings`].
    Invalid,
    /// The policy is good in itself, but the running routes ask for what it lacks.
    Mismatch,
}

impl PolicyErrorKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Invalid => "invalid",
            Self::Mismatch => "mismatch",
        }
    }
}

impl PolicyError {
    pub(crate) fn invalid(findings: Vec<Finding>) -> Self {
        let findings = findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
        Self { kind: PolicyErrorKind::Invalid, findings, detail: String::new() }
    }

    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let path = path.display().to_string();
        let detail = format!("policy file {} can't be read: {error}", escape_controls(&path));
        Self { kind: PolicyErrorKind::Unreadable, findings: Vec::new(), detail }
    }

    pub(crate) fn mismatch(error: &ConfigError) -> Self {
        let told = error.problems().iter().map(|problem| format!("\n  {problem}"));
        let detail = format!("policy does not fit the running routes{}", told.collect::<String>());
        Self { kind: PolicyErrorKind::Mismatch, findings: Vec::new(), detail }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> PolicyErrorKind {
        self.kind
    }

    /// Everything that is wrong in the text, in its order.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PolicyErrorKind::Unreadable | PolicyErrorKind::Mismatch => f.write_str(&self.detail),
            PolicyErrorKind::Invalid => {
                f.write_str("policy refused")?;
                self.findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
            }
        }
    }
}

impl std::error::Error for PolicyError {}
