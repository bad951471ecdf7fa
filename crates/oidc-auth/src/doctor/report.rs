//! What was found.

use std::fmt;

/// All findings about one issuer, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report(Vec<Finding>);

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at; stable.
    pub check: &'static str,
    /// How it is.
    pub grade: Grade,
    /// What was found.
    pub what: String,
    /// What to do about it; `None` where all is well.
    pub cure: Option<String>,
}

/// How a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Grade {
    /// As it should be.
    Good,
    /// Works, but is weak or will hurt some day.
    Weak,
    /// Tokens are refused or not checked because of it.
    Bad,
}

impl Report {
    /// Whether nothing is bad; something may be weak.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.0.iter().all(|finding| finding.grade < Grade::Bad)
    }

    /// The findings.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.0
    }

    pub(super) fn good(&mut self, check: &'static str, what: impl AsRef<str>) {
        self.add(check, Grade::Good, what.as_ref(), None);
    }

    pub(super) fn weak(&mut self, check: &'static str, what: impl AsRef<str>, cure: impl Into<String>) {
        self.add(check, Grade::Weak, what.as_ref(), Some(cure.into()));
    }

    pub(super) fn bad(&mut self, check: &'static str, what: impl AsRef<str>, cure: impl Into<String>) {
        self.add(check, Grade::Bad, what.as_ref(), Some(cure.into()));
    }

    /// An issuer may write what it likes, but not at any length and not to a terminal.
    fn add(&mut self, check: &'static str, grade: Grade, what: &str, cure: Option<String>) {
        let cut: String = what.chars().take(500).collect();
        let what = gambeson_core::escape_controls(&cut).into_owned();
        self.0.push(Finding { check, grade, what, cure });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            writeln!(f, "{finding}")?;
        }
        f.write_str(if self.is_healthy() { "healthy" } else { "tokens can't be verified like this" })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grade = match self.grade {
            Grade::Good => "good",
            Grade::Weak => "WEAK",
            Grade::Bad => "BAD ",
        };
        write!(f, "{grade} {:<10} {}", self.check, self.what)?;
        match &self.cure {
            Some(cure) => write!(f, "\n     cure: {cure}"),
            None => Ok(()),
        }
    }
}
