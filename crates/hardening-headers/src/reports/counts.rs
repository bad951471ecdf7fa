//! What a collector has seen.

/// The kinds of reports that browsers send (Reporting API §2.2 and what extends it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReportKind {
    /// A content security policy.
    CspViolation,
    /// `Integrity-Policy`.
    IntegrityViolation,
    /// `Cross-Origin-Embedder-Policy`.
    EmbedderPolicy,
    /// `Cross-Origin-Opener-Policy`.
    OpenerPolicy,
    /// `Permissions-Policy`.
    PermissionsPolicy,
    /// `Document-Policy`.
    DocumentPolicy,
    /// A feature of the browser that will go.
    Deprecation,
    /// Something that the browser did not do for the page's own good.
    Intervention,
    /// A page that crashed.
    Crash,
    /// Network Error Logging.
    NetworkError,
    /// Anything else.
    Other,
}

impl ReportKind {
    pub(super) const ALL: [(&'static str, Self); 11] = [
        ("csp-violation", Self::CspViolation),
        ("integrity-violation", Self::IntegrityViolation),
        ("coep", Self::EmbedderPolicy),
        ("coop", Self::OpenerPolicy),
        ("permissions-policy-violation", Self::PermissionsPolicy),
        ("document-policy-violation", Self::DocumentPolicy),
        ("deprecation", Self::Deprecation),
        ("intervention", Self::Intervention),
        ("crash", Self::Crash),
        ("network-error", Self::NetworkError),
        ("other", Self::Other),
    ];

    pub(super) fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find_map(|(known, kind)| (known == name).then_some(kind)).unwrap_or(Self::Other)
    }
}

/// What a collector has counted since it was built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReportCounts {
    /// Violations that are, or were, in the table.
    pub kept: u64,
    /// Reports of browser extensions and of browsers' own pages.
    pub noise: u64,
    /// Reports about pages of hosts other than the one that they were sent to.
    pub foreign: u64,
    /// Bodies and reports that say nothing that can be used.
    pub malformed: u64,
    /// Reports that were one too many in their minute or their body, and bodies that came when the minute was full.
    pub dropped: u64,
    /// Violations that had to make room for others.
    pub evicted: u64,
    pub(super) by_kind: [u64; ReportKind::ALL.len()],
}

impl ReportCounts {
    /// How many reports of this kind came, those that were not kept among them.
    #[must_use]
    pub fn of_kind(&self, kind: ReportKind) -> u64 {
        let place = ReportKind::ALL.into_iter().zip(self.by_kind);
        place.into_iter().find_map(|((_, known), count)| (known == kind).then_some(count)).unwrap_or(0)
    }

    pub(super) fn count(&mut self, kind: ReportKind) {
        let places = ReportKind::ALL.into_iter().zip(&mut self.by_kind);
        for (_, count) in places.filter(|((_, known), _)| *known == kind) {
            *count += 1;
        }
    }
}
