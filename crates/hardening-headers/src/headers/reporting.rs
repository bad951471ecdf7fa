//! Where browsers report to, and which policy is only tried.

use gambeson_core::ConfigProblems;
use http::HeaderValue;

use super::rollout::Rollout;
use super::set::HeaderSet;
use crate::csp::{Csp, is_endpoint_name, is_target};

/// The name under which [`Hardening::reports`](crate::Hardening::reports) announces its endpoint.
const ENDPOINT: &str = "reports";

impl HeaderSet {
    /// A second policy for documents, which browsers report about and don't enforce, for this share of them; `None` leaves it
    /// out, which is so unless said. An answer's own `Content-Security-Policy-Report-Only` wins. A 304 carries none, nor does an
    /// answer with [`Override::frame_ancestors`](crate::Override::frame_ancestors). See [`Rollout`].
    #[must_use]
    pub fn csp_report_only(self, policy: impl Into<Option<(Csp, Rollout)>>) -> Self {
        Self { report_only: policy.into().map(Box::new), ..self }
    }

    /// An endpoint for reports of documents (`Reporting-Endpoints`, Reporting API §3.3), sent over https only: its name, for
    /// [`Csp::report_to`], and a path of this app or an https address. One of the same name is replaced.
    #[must_use]
    pub fn reporting_endpoint(mut self, name: impl Into<Box<str>>, address: impl Into<Box<str>>) -> Self {
        let name = name.into();
        self.endpoints.retain(|(known, _)| *known != name);
        self.endpoints.push((name, address.into()));
        self
    }

    /// Changes the policy that is tried, if there is one.
    pub(crate) fn edit_report_only(mut self, change: impl FnOnce(Csp) -> Csp) -> Self {
        self.report_only = self.report_only.map(|tried| Box::new((change(tried.0), tried.1)));
        self
    }

    /// Sends what its policies find to this path, unless they say themselves where it goes.
    pub(crate) fn reports(self, path: &str) -> Self {
        let reporting = |policy: Csp| match policy.reports() {
            true => policy,
            false => match policy.clone().report_uri(path).and_then(|policy| policy.report_to(ENDPOINT)) {
                Ok(reporting) => reporting,
                // The path is a problem of its own.
                Err(_) => policy,
            },
        };
        self.edit_csp(reporting).edit_report_only(reporting).reporting_endpoint(ENDPOINT, path)
    }

    /// The value of `Reporting-Endpoints`.
    pub(super) fn endpoints_value(&self) -> Option<HeaderValue> {
        let members: Vec<String> =
            self.endpoints.iter().map(|(name, address)| format!("{name}=\"{address}\"")).collect();
        if members.is_empty() { None } else { HeaderValue::try_from(members.join(", ")).ok() }
    }

    /// Notes what is wrong with endpoints and with the policy that is tried.
    pub(super) fn look_through_reports(&self, problems: &mut ConfigProblems) {
        const ENDPOINTS: &str = "hardening-headers.reporting-endpoints";
        for (name, address) in &self.endpoints {
            if !is_endpoint_name(name) {
                problems.add(
                    ENDPOINTS,
                    &**name,
                    "write a name such as \"reports\": a-z, then a-z, 0-9, _ - .",
                );
            }
            if !is_target(address) || address.starts_with("http:") {
                problems.add(ENDPOINTS, &**address, "write a path of this app or an https address");
            }
        }
        let tried = self.report_only.as_deref();
        if let Some((_, rollout)) = tried
            && let Some(cure) = rollout.problem()
        {
            let field = "hardening-headers.csp-report-only.percent";
            problems.add(field, rollout.as_percent().to_string(), cure);
        }
        for policy in std::iter::once(&self.csp).chain(tried.map(|(policy, _)| policy)) {
            let known = |name: &str| self.endpoints.iter().any(|(known, _)| **known == *name);
            if let Some(name) = policy.reporting_to().filter(|name| !known(name)) {
                let cure = "say where that is: HeaderSet::reporting_endpoint, or Hardening::reports";
                problems.add("hardening-headers.csp.report-to", name, cure);
            }
        }
    }
}
