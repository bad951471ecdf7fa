//! Why a policy was refused.

use std::fmt;

use gambeson_core::BoxError;

use crate::finding::{Finding, Severity};

/// Why a policy was refused: every finding, not only the first.
#[derive(Debug)]
pub struct PolicyError {
    kind: PolicyErrorKind,
    findings: Vec<Finding>,
    source: Option<BoxError>,
}

/// What went wrong with a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// The file could not be read.
    Unreadable,
    /// The text is no good policy; see [`PolicyError::findings`].
    Invalid,
    /// The policy is good in itself, but the running routes ask for what it lacks; see the source.
    Mismatch,
}

impl PolicyError {
    pub(crate) fn invalid(findings: Vec<Finding>) -> Self {
        let findings = findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
        Self { kind: PolicyErrorKind::Invalid, findings, source: None }
    }

    pub(crate) fn unreadable(source: std::io::Error) -> Self {
        Self { kind: PolicyErrorKind::Unreadable, findings: Vec::new(), source: Some(source.into()) }
    }

    pub(crate) fn mismatch(source: gambeson_core::ConfigError) -> Self {
        Self { kind: PolicyErrorKind::Mismatch, findings: Vec::new(), source: Some(source.into()) }
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
            PolicyErrorKind::Unreadable => f.write_str("policy file could not be read"),
            PolicyErrorKind::Mismatch => f.write_str("policy does not fit the running routes"),
            PolicyErrorKind::Invalid => {
                f.write_str("policy refused")?;
                self.findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
            }
        }
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
