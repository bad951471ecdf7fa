//! What the tests found.

use std::fmt;

/// A test plan of the OpenID Foundation's conformance suite, for relying parties that use the code flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Plan {
    /// `oidcc-client-basic-certification-test-plan`: Basic RP.
    Basic,
    /// `oidcc-client-config-certification-test-plan`: Config RP.
    Config,
    /// `oidcc-client-rp-initiated-logout-rp-basic`: RP-Initiated RP.
    RpInitiatedLogout,
    /// `oidcc-client-back-channel-logout-rp-basic`: Back-Channel RP.
    BackChannelLogout,
    /// `oidcc-client-test-plan`: what the code flow has beyond the profiles that are certified.
    Comprehensive,
}

impl Plan {
    /// All plans, in the order in which their tests run.
    pub const ALL: [Self; 5] =
        [Self::Basic, Self::Config, Self::RpInitiatedLogout, Self::BackChannelLogout, Self::Comprehensive];

    /// The official name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "oidcc-client-basic-certification-test-plan",
            Self::Config => "oidcc-client-config-certification-test-plan",
            Self::RpInitiatedLogout => "oidcc-client-rp-initiated-logout-rp-basic",
            Self::BackChannelLogout => "oidcc-client-back-channel-logout-rp-basic",
            Self::Comprehensive => "oidcc-client-test-plan",
        }
    }
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The app does what it must.
    Passed,
    /// It does what it may, but had better not.
    Warned,
    /// It does what it must not, or not what it must.
    Failed,
    /// It was not tested: the app lacks something that it may lack, or was not described with it.
    NotApplicable,
}

impl Outcome {
    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
            Self::NotApplicable => "n/a",
        }
    }
}

/// What one test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub(super) test: &'static str,
    pub(super) plans: &'static [Plan],
    pub(super) outcome: Outcome,
    pub(super) seen: String,
}

impl Finding {
    /// The official name of the test.
    #[must_use]
    pub const fn test(&self) -> &'static str {
        self.test
    }

    /// The plans that have it.
    #[must_use]
    pub const fn plans(&self) -> &'static [Plan] {
        self.plans
    }

    /// How it ended.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What was seen, in words.
    #[must_use]
    pub fn seen(&self) -> &str {
        &self.seen
    }
}

/// What all tests found. Its text is a line for each test, what failed first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Whether tests were passed, and none failed. Warnings and tests that don't apply are no failures; a report of those that don't
    /// apply alone says nothing of the app.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        let any = |outcome| self.findings.iter().any(|finding| finding.outcome == outcome);
        !any(Outcome::Failed) && (any(Outcome::Passed) || any(Outcome::Warned))
    }

    /// Each test, in the order of the plans.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How the test of this official name ended; `None` if it was not run.
    #[must_use]
    pub fn outcome(&self, test: &str) -> Option<Outcome> {
        self.findings.iter().find(|finding| finding.test == test).map(Finding::outcome)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in [Outcome::Failed, Outcome::Warned, Outcome::Passed, Outcome::NotApplicable] {
            for finding in self.findings.iter().filter(|finding| finding.outcome == outcome) {
                writeln!(f, "{:6}  {}: {}", outcome.as_str(), finding.test, finding.seen)?;
            }
        }
        let count = |wanted| self.findings.iter().filter(|finding| finding.outcome == wanted).count();
        write!(
            f,
            "{} passed, {} warned, {} failed, {} not applicable",
            count(Outcome::Passed),
            count(Outcome::Warned),
            count(Outcome::Failed),
            count(Outcome::NotApplicable)
        )
    }
}
