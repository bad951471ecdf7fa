//! What the probes found.

use std::fmt;

/// One probe of the contract suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Probe {
    /// `poll_ready` is forwarded, `Pending` and errors with it, and the readied instance is the one that is called.
    Readiness,
    /// A clone is not ready because its original was, and cloning clones the inner service once.
    Clone,
    /// A request that must pass is called once, and request and answer keep everything but header fields.
    Passes,
    /// A request that must be refused never reaches `call` of the inner service, and the refusal is in `RequestFacts`.
    Refusal,
    /// Errors of the inner service pass as they are.
    Errors,
    /// Dropping the response future at any await point drops the inner future and gives permits back.
    Cancel,
    /// Dropping a body half-way drops the inner body; a body that breaks off is told so.
    DropMidBody,
    /// After a panic of the inner service the layer goes on working.
    Panic,
    /// The layer works inside and around a layer that wraps body types.
    BodyWrap,
    /// The layer works around tower's own `ConcurrencyLimit`, `Buffer` and `LoadShed`.
    TowerInners,
}

impl Probe {
    /// All probes, in the order in which [`check`](super::check) runs them.
    pub const ALL: [Self; 10] = [
        Self::Passes,
        Self::Readiness,
        Self::Clone,
        Self::Refusal,
        Self::Errors,
        Self::Cancel,
        Self::DropMidBody,
        Self::Panic,
        Self::BodyWrap,
        Self::TowerInners,
    ];

    /// The law that the probe is about, in a few words.
    #[must_use]
    pub const fn law(self) -> &'static str {
        match self {
            Self::Readiness => "law 6: forward poll_ready, and call the instance that was polled ready",
            Self::Clone => "laws 5 and 6: a clone is cheap and has to be polled ready by itself",
            Self::Passes => "law 1: what passes is called once and changed in header fields only",
            Self::Refusal => {
                "laws 2, 4 and 7: decide before the inner service is called, and leave the refusal in RequestFacts"
            }
            Self::Errors => "law 1: the error type is the inner service's, and its errors pass",
            Self::Cancel => "law 9: a dropped future is a normal event that leaves nothing behind",
            Self::DropMidBody => {
                "law 9: a dropped or broken body is a normal event that leaves nothing behind"
            }
            Self::Panic => "law 8: a panic further in does not break the layer for others",
            Self::BodyWrap => "law 1: no body type is required that another layer may wrap",
            Self::TowerInners => "law 6: services that count on poll_ready may stand behind any layer",
        }
    }
}

/// A law that a layer breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The probe that found it.
    pub probe: Probe,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{:?}]: {}", self.probe.law(), self.probe, self.what)
    }
}

/// What all probes found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    /// The laws that the layer breaks; none if it is sound.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether no probe found anything.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether this probe found something.
    #[must_use]
    pub fn found_by(&self, probe: Probe) -> bool {
        self.findings.iter().any(|finding| finding.probe == probe)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sound() {
            return f.write_str("the layer keeps the laws");
        }
        f.write_str("the layer breaks the contract:")?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}
