//! Where the route of a request is known from.

use gambeson_core::MatchedRoute;

use crate::metrics::OnceTable;

/// The route that axum's router matched: applied with `Router::layer`, so that the router has matched before.
#[cfg(feature = "axum-router")]
#[derive(Debug, Clone, Copy, Default)]
pub struct AxumRoute;

#[cfg(feature = "axum-router")]
impl gambeson_core::RouteSource for AxumRoute {
    fn template<'a>(&self, head: &gambeson_core::RequestHead<'a>) -> Option<&'a str> {
        head.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
    }
}

/// Templates that were seen: a known one costs no allocation.
pub(crate) struct RouteNames(OnceTable<MatchedRoute>);

impl RouteNames {
    pub(crate) fn new(most: usize) -> Self {
        Self(OnceTable::new(most))
    }

    /// The route of this template.
    pub(crate) fn route(&self, template: &str) -> MatchedRoute {
        let known = |route: &MatchedRoute| route.as_str() == template;
        match self.0.get_or_insert(&template, known, || MatchedRoute::new(template)) {
            Some(route) => route.clone(),
            None => MatchedRoute::new(template),
        }
    }
}
