//! The route that a router matched.

use std::sync::Arc;

use crate::RequestHead;
use crate::word::shown;

/// A route template such as `/notes/{id}`; never the raw path. A clone is one atomic increment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MatchedRoute(Arc<str>);

impl MatchedRoute {
    /// The route of this template.
    pub fn new(template: impl Into<Arc<str>>) -> Self {
        Self(template.into())
    }

    /// The template as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

shown!(Debug for MatchedRoute, |route| format_args!("MatchedRoute({route})"));
shown!(Display for MatchedRoute, |route| route.0);

/// Knows which route template a request matched.
///
/// The template borrows from the request's extensions (axum's `MatchedPath`) or its URI (a gRPC method), so that
/// looking it up allocates nothing. `None`: nothing matched. Any function of that shape is a source.
pub trait RouteSource: Send + Sync + 'static {
    /// The template that `head` matched.
    fn template<'a>(&self, head: &RequestHead<'a>) -> Option<&'a str>;
}

impl<F> RouteSource for F
where
    F: for<'a> Fn(&RequestHead<'a>) -> Option<&'a str> + Send + Sync + 'static,
{
    fn template<'a>(&self, head: &RequestHead<'a>) -> Option<&'a str> {
        self(head)
    }
}
