//! Why a policy was refused.

use std::fmt;
use std::path::Path;

use gambeson_core::{ConfigError, escape_controls};

use crate::finding::{Finding, Severity};

/// Why a policy was refused: every finding, not only the first. `Debug` shows what `Display` does, since a `main` that returns
/// the error prints that.
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

impl fmt::Debug for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn what_main_prints_are_the_findings_as_people_read_them() {
        let refused = Policy::parse("version = 2").unwrap_err();
        assert_eq!(refused.kind(), PolicyErrorKind::Invalid);
        let expected = "policy refused\n  1:11: version 2 of the policy format is not known [unknown-version]: write the number 1, without quotes";
        assert_eq!(format!("{refused:?}"), expected);
        let unreadable =
            PolicyError::unreadable(Path::new("no/policy.toml"), &std::io::ErrorKind::NotFound.into());
        assert_eq!(format!("{unreadable:?}"), "policy file no/policy.toml can't be read: entity not found");
    }
}
