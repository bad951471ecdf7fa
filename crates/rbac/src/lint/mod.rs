//! What is wrong or doubtful in a policy.

mod access;
mod declared;
mod grants;
mod known;
mod names;
mod privileged;
mod reach;
mod routes;
mod rows;
mod tenants;

use gambeson_core::Timestamp;

pub use self::known::{LINTS, Lint};
use crate::finding::{Finding, Findings};
use crate::policy::Policy;
use crate::table::RouteEntry;

/// Everything that is wrong or doubtful in the policy `text`, in its order: [`Linter`] with nothing to compare.
///
/// ```
/// let findings = gambeson_rbac::lint(r#"
///     version = 1
///     [permissions]
///     "notes:read" = {}
///     "notes:write" = {}
///     [roles]
///     viewer = { grants = ["notes:raed"] }
/// "#);
/// assert_eq!(findings[0].to_string(), "7:26: unknown permission `notes:raed` [unknown-permission]: \
///     declare it in [permissions]; did you mean `notes:read`?");
/// ```
#[must_use]
pub fn lint(text: &str) -> Vec<Finding> {
    Linter::new(text).findings()
}

/// Looks for what is wrong or doubtful in a policy.
///
/// Errors are those for which [`Policy::parse`] refuses it. Warnings are looked for only where there is no error.
/// [`LINTS`] has them all.
#[derive(Debug, Clone)]
#[must_use]
pub struct Linter<'a> {
    text: &'a str,
    previous: Option<&'a Policy>,
    routes: Option<&'a [RouteEntry]>,
    now: Option<Timestamp>,
}

impl<'a> Linter<'a> {
    /// Looks at the policy `text` alone.
    pub fn new(text: &'a str) -> Self {
        Self { text, previous: None, routes: None, now: None }
    }

    /// Also looks at what became of an earlier version that somebody has approved.
    pub fn previous(self, policy: &'a Policy) -> Self {
        Self { previous: Some(policy), ..self }
    }

    /// Also looks whether the policy fits the routes of an app, as `Routes::inventory` lists them.
    pub fn routes(self, routes: &'a [RouteEntry]) -> Self {
        Self { routes: Some(routes), ..self }
    }

    /// Also looks for what is over by now.
    pub fn now(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// All that was found, in the order of the text.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let (policy, errors) = Policy::examine(self.text, None);
        if !errors.is_empty() {
            return errors;
        }
        let mut findings = Findings::about(self.text);
        access::check(&policy, self.routes, &mut findings);
        declared::check(&policy, &mut findings);
        names::check(&policy, &mut findings);
        grants::check(&policy, self.now, &mut findings);
        privileged::check(&policy, self.previous, &mut findings);
        reach::check(&policy, &mut findings);
        rows::check(&policy, &mut findings);
        tenants::check(&policy, self.routes, &mut findings);
        if let Some(routes) = self.routes {
            routes::check(&policy, routes, &mut findings);
        }
        findings.into_sorted()
    }
}
