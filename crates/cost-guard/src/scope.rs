//! Who spends, and for what.

use std::sync::Arc;

use gambeson_core::{MatchedRoute, Principal, RequestFacts};

/// The name of a feature of the app, given in code. A clone is one atomic increment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Feature(Arc<str>);

impl Feature {
    /// The feature of this name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Feature {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// On whose account something is spent: the verified caller, the matched route, the feature named in code. Nothing of it
/// is ever read from a client's header.
///
/// ```
/// use gambeson_core::Principal;
/// use gambeson_cost_guard::{Feature, Scope};
///
/// let alice = Principal::user("https://id.example", "alice").tenant("acme").build();
/// let summaries = Feature::new("summaries");
/// let scope = Scope::principal(&alice).feature(&summaries);
/// # let _ = scope;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope<'a> {
    pub(crate) facts: Option<&'a RequestFacts>,
    pub(crate) principal: Option<&'a Principal>,
    pub(crate) feature: Option<&'a Feature>,
    route: Option<&'a MatchedRoute>,
}

impl<'a> Scope<'a> {
    /// What the layers around a request found out: its verified caller and matched route.
    #[must_use]
    pub fn of(facts: &'a RequestFacts) -> Self {
        Self { facts: Some(facts), principal: facts.principal(), feature: None, route: facts.route() }
    }

    /// A caller outside of a request.
    #[must_use]
    pub fn principal(principal: &'a Principal) -> Self {
        Self { principal: Some(principal), ..Self::default() }
    }

    /// Nobody: spends from the budgets for the anonymous, if there are some.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// For this feature of the app.
    #[must_use]
    pub fn feature(self, feature: &'a Feature) -> Self {
        Self { feature: Some(feature), ..self }
    }

    pub(crate) fn tenant(&self) -> Option<&'a str> {
        self.principal.and_then(Principal::tenant)
    }

    pub(crate) fn route(&self) -> Option<&'a MatchedRoute> {
        self.route
    }
}
