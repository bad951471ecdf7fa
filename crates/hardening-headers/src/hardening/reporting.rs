//! Where browsers report to.

use gambeson_core::ConfigProblems;

use super::builder::Hardening;
use crate::config::report_path_problem;
use crate::csp::Csp;
use crate::headers::{HeaderSet, Rollout};

impl Hardening {
    /// Has browsers report to this path of the app what its documents' policies find, the enforced and the one that is tried:
    /// over https by `report-to` and `Reporting-Endpoints`, and by `report-uri` over http and for browsers that know only that.
    /// Policies that say themselves where they report keep that. The module `reports` (feature `reports`) has what
    /// answers there.
    ///
    /// Posts of reports to this path pass the cross-site check: some come without Fetch Metadata or with the origin `null`. That
    /// is for the two types of reports alone and only without cookie, `Authorization` and certificate: wherever the path leads,
    /// nobody acts in a visitor's name by them.
    #[must_use]
    pub fn reports(self, path: impl Into<String>) -> Self {
        Self { reports: Some(path.into()), ..self }
    }

    /// A second policy, which browsers report about and don't enforce, for a share of the documents: the next policy, before it
    /// is enforced. A nonce that is taken is in both. [`reports`](Self::reports) says where they report to.
    ///
    /// ```
    /// use gambeson_hardening_headers::{Csp, Hardening, Rollout};
    ///
    /// let edge = Hardening::web()
    ///     .csp_report_only(Csp::strict(), Rollout::percent(10))
    ///     .reports("/.well-known/reports")
    ///     .build()?;
    /// # let _ = edge;
    /// # Ok::<(), gambeson_core::ConfigError>(())
    /// ```
    ///
    /// Each report that a browser posts to the app counts against its visitor's own rate in [`EdgeLimitLayer`](crate::EdgeLimitLayer): a
    /// policy that blocks much on each page can use up what the visitor needs for the pages themselves. Begin with a small share.
    #[must_use]
    pub fn csp_report_only(self, policy: Csp, rollout: Rollout) -> Self {
        self.headers(|set| set.csp_report_only((policy, rollout)))
    }
}

/// The base set, and the variants with their names.
type Sets = (HeaderSet, Vec<(Box<str>, HeaderSet)>);

/// The sets, with where their policies report to.
pub(super) fn reporting(
    path: Option<&str>,
    set: HeaderSet,
    named: Vec<(Box<str>, HeaderSet)>,
    problems: &mut ConfigProblems,
) -> Sets {
    let Some(path) = path else { return (set, named) };
    if let Some(cure) = report_path_problem(path) {
        problems.add("hardening-headers.reports.path", path, cure);
        return (set, named);
    }
    (set.reports(path), named.into_iter().map(|(name, set)| (name, set.reports(path))).collect())
}
