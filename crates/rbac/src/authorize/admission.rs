//! What else is asked of a caller who may, and what those are told who may not.

use gambeson_core::{Principal, Rejection, RequestFacts, RequestHead, Wants};
use http::{HeaderValue, Method};

use super::rejections;
use super::settings::Settings;
use crate::bits::PermissionId;
use crate::log_in::LogIn;
use crate::policy::{Policy, Terms};

impl Settings {
    /// Makes sure that a caller who may is signed in as the permission and the route ask for.
    ///
    /// # Errors
    /// 401 with what would do; 303 for a browser's navigation, where the layer knows the way to the log-in.
    pub(crate) fn admit(
        &self,
        policy: &Policy,
        caller: &Principal,
        permission: PermissionId,
        route: Option<(Option<&Terms>, &RequestHead<'_>)>,
        facts: &RequestFacts,
    ) -> Result<(), Rejection> {
        let of_route = route.and_then(|(terms, _)| terms?.log_in.as_ref());
        let mut wanted = policy.log_in(permission).into_iter().chain(of_route).peekable();
        if wanted.peek().is_none() {
            return Ok(());
        }
        let now = self.clock.now();
        let Some(unmet) = wanted.find(|wanted| !wanted.met_by(caller, now)) else { return Ok(()) };
        let elsewhere = route.and_then(|(_, head)| self.elsewhere(unmet, head, facts));
        Err(rejections::step_up(unmet, elsewhere, facts))
    }

    /// Where a browser is sent to sign in better: with what is asked for, and the way back.
    fn elsewhere(&self, wanted: &LogIn, head: &RequestHead<'_>, facts: &RequestFacts) -> Option<HeaderValue> {
        let path = self.log_in.as_deref()?;
        if facts.wants() != Wants::Page || *head.method != Method::GET {
            return None;
        }
        let back = head.uri.path_and_query().map_or("/", |back| back.as_str());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("return_to", back);
        if !wanted.contexts.is_empty() {
            query.append_pair("acr_values", &wanted.acr_values());
        }
        if let Some(age) = wanted.max_age {
            query.append_pair("max_age", &age.as_secs().to_string());
        }
        HeaderValue::try_from(format!("{path}?{}", query.finish())).ok()
    }
}

/// What the policy in force says of a route beside who may call it, also of one that was declared in code.
pub(crate) fn terms<'p>(policy: &'p Policy, template: Option<&str>, method: &Method) -> Option<&'p Terms> {
    policy.table().terms(template, method)
}

/// What the caller is told: that there is no such thing, where the policy hides what is forbidden.
pub(crate) fn told(rejection: Rejection, policy: &Policy, terms: Option<&Terms>) -> Rejection {
    if rejection.slug() == rejections::FORBIDDEN && policy.hides(terms) {
        return rejections::not_found().cause("forbidden, which the policy hides");
    }
    rejection
}
