//! One thing that can be wrong or weak, under the id that it keeps.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing; right for many apps.
    Info,
    /// Weaker than it should be.
    Warning,
    /// The edge is not built so. It can't be silenced.
    Error,
}

/// The levels of OWASP ASVS 5: what every app should meet, what most should, and what those with the most to lose should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Level 1.
    L1,
    /// Level 2.
    L2,
    /// Level 3.
    L3,
}

/// What a rule looks at; decides which layer tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// What [`HardeningLayer`](crate::HardeningLayer) was told.
    Edge,
    /// [`TrustedProxies`](crate::TrustedProxies).
    Proxies,
    /// [`Limits`](crate::Limits).
    Limits,
    /// [`EdgeRate`](crate::EdgeRate).
    Rate,
    /// Answers and requests, while the app runs; logged once.
    Traffic,
    /// Answers, when [`scan`](crate::scan) looks at them.
    Answers,
}

/// One thing that can be wrong or weak. Its id never changes its meaning.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    pub(crate) asvs: &'static str,
    pub(crate) level: Level,
    pub(crate) part: Part,
    pub(crate) what: &'static str,
    pub(crate) cure: &'static str,
}

impl Rule {
    /// The id, such as `HH063`.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The requirement of OWASP ASVS 5 that it is about, such as `3.5.1`.
    #[must_use]
    pub fn asvs(&self) -> &'static str {
        self.asvs
    }

    /// The level from which on that requirement counts.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// What is wrong or weak.
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// What to do about it.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        self.cure
    }

    /// A text under this rule's id, as errors of a configuration tell their cures.
    pub(crate) fn says(&self, text: impl fmt::Display) -> String {
        format!("{self}: {text}")
    }
}

/// `HH063 (ASVS 3.5.1)`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (ASVS {})", self.id, self.asvs)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        })
    }
}
