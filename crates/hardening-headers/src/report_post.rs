//! What a browser's report looks like from outside.

use http::header::{self, HeaderMap};

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    /// `application/csp-report`: one violation (CSP 3 §5.3).
    Csp,
    /// `application/reports+json`: a list (Reporting API §3.4).
    Reports,
}

impl ReportFormat {
    /// The format that the one `Content-Type` names.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut types = headers.get_all(header::CONTENT_TYPE).iter();
        let named = types.next()?.as_bytes().split(|byte| *byte == b';').next()?.trim_ascii();
        if types.next().is_some() {
            return None;
        }
        [(&b"application/csp-report"[..], Self::Csp), (b"application/reports+json", Self::Reports)]
            .into_iter()
            .find_map(|(name, format)| named.eq_ignore_ascii_case(name).then_some(format))
    }
}
