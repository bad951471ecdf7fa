//! What the checks found.

use std::fmt;

/// One check of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Check {
    /// Each cell of route and caller is refused or let through as it was said, whatever came before it.
    Cells,
    /// What is refused never reaches `call` of the app, which may start its work there.
    DecidesFirst,
    /// The instance that was polled ready is the one that is called.
    Readiness,
    /// A request waits neither for another one, nor for a reader of the policy, nor for its reload.
    NoGlobalLock,
    /// 401 with a challenge for nobody, 403 for one who may not.
    Statuses,
    /// 503 for what can't be decided.
    Undecidable,
    /// Nothing is remembered of one caller that answers for another one.
    CacheKeys,
    /// A requirement of nothing lets nobody through.
    EmptyRequirement,
    /// Two layers refuse what one of them refuses.
    OnlyNarrows,
    /// What the router does not name is refused.
    UnnamedRoute,
}

impl Check {
    /// All checks, in the order in which they run.
    pub const ALL: [Self; 10] = [
        Self::Cells,
        Self::DecidesFirst,
        Self::Readiness,
        Self::NoGlobalLock,
        Self::Statuses,
        Self::Undecidable,
        Self::CacheKeys,
        Self::EmptyRequirement,
        Self::OnlyNarrows,
        Self::UnnamedRoute,
    ];

    /// What must hold, in a few words.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Cells => "each cell of route and caller is refused or let through as the table says",
            Self::DecidesFirst => "decide before the app is called",
            Self::Readiness => "call the instance that was polled ready",
            Self::NoGlobalLock => "decide without waiting for others",
            Self::Statuses => "401 with a challenge for nobody, 403 for one who may not",
            Self::Undecidable => "503 for what can't be decided: it is neither allowed nor forbidden",
            Self::CacheKeys => "remember nothing of one caller that answers for another one",
            Self::EmptyRequirement => "a requirement of nothing lets nobody through",
            Self::OnlyNarrows => "two layers refuse what one of them refuses",
            Self::UnnamedRoute => "refuse what the router does not name",
        }
    }
}

/// A rule that a layer breaks, or that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The check that found it.
    pub check: Check,
    /// What happened.
    pub what: String,
    /// Whether the check could not be made, because the guard does not say how.
    pub untried: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{:?}]: {}", self.check.rule(), self.check, self.what)
    }
}

/// What all checks found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// The rules that the layer breaks, and those that could not be checked; none if it is sound.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether everything was checked or excepted, and nothing found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether the layer breaks the rule of this check.
    #[must_use]
    pub fn found_by(&self, check: Check) -> bool {
        self.findings.iter().any(|finding| finding.check == check && !finding.untried)
    }

    /// Whether this check could not be made.
    #[must_use]
    pub fn is_untried(&self, check: Check) -> bool {
        self.findings.iter().any(|finding| finding.check == check && finding.untried)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sound() {
            return f.write_str("the layer authorizes as it must");
        }
        f.write_str("the layer does not authorize as it must:")?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}
