//! Where a policy's violations are reported.

use super::parse::CspError;
use super::policy::Csp;

/// What a policy says about that: `report-to` and `report-uri`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ReportTargets {
    pub(super) to: Option<Box<str>>,
    pub(super) uri: Option<Box<str>>,
}

impl Csp {
    /// Sets `report-to`: the name of an endpoint of `Reporting-Endpoints`
    /// ([`HeaderSet::reporting_endpoint`](crate::HeaderSet::reporting_endpoint)). Sent over https only: browsers take no
    /// endpoints over http (Reporting API §3.3), and send nothing at all where it stands beside `report-uri` there.
    /// [`Hardening::reports`](crate::Hardening::reports) sets both, and the endpoint.
    ///
    /// # Errors
    /// A name that `Reporting-Endpoints` can't hold: it begins with a lower-case letter, and goes on with those, digits, `_`, `-`
    /// and `.` (RFC 9651 §3.1.2).
    pub fn report_to(mut self, endpoint: &str) -> Result<Self, CspError> {
        if !is_endpoint_name(endpoint) {
            return Err(CspError::new(
                "report-to",
                "has no name such as \"reports\": a-z, then a-z, 0-9, _ - .",
            ));
        }
        self.reports.to = Some(endpoint.into());
        Ok(self)
    }

    /// Sets `report-uri`: the path of this app or the address to which browsers post each violation. Those that know
    /// `report-to` heed it only where there is none (CSP 3 §6.5.1).
    ///
    /// # Errors
    /// Anything but a path such as `/.well-known/reports` or an http or https address, without fragment.
    pub fn report_uri(mut self, uri: &str) -> Result<Self, CspError> {
        if !is_target(uri) {
            return Err(CspError::new(
                "report-uri",
                "has no path such as \"/.well-known/reports\", nor a URL",
            ));
        }
        self.reports.uri = Some(uri.into());
        Ok(self)
    }

    /// The endpoint that `report-to` names.
    pub(crate) fn reporting_to(&self) -> Option<&str> {
        self.reports.to.as_deref()
    }

    /// Whether it says where its violations go.
    pub(crate) fn reports(&self) -> bool {
        self.reports != ReportTargets::default()
    }
}

/// Whether `Reporting-Endpoints` can hold an endpoint of this name.
pub(crate) fn is_endpoint_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.');
    first && name.len() <= 64 && name.bytes().all(rest)
}

/// Whether this is a path of the app or a whole address.
pub(crate) fn is_target(uri: &str) -> bool {
    let after = |scheme: &str| uri.strip_prefix(scheme).and_then(|rest| rest.bytes().next());
    let whole =
        |scheme: &str| after(scheme).is_some_and(|first| first.is_ascii_alphanumeric() || first == b'[');
    let path = uri.starts_with('/') && !uri.starts_with("//");
    uri.len() <= 500 && (path || whole("https://") || whole("http://")) && uri.bytes().all(is_of_uri)
}

/// What RFC 3986 §2 lets stand in a URI, but for what ends a directive or a quoted text.
fn is_of_uri(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&()*+=%".contains(&byte)
}
