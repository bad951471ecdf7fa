//! Endpoints that are not counted.

use gambeson_core::{EndpointSpec, RequestHead};
use http::Method;

/// The endpoints that say they are exempt from rate limits.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExemptEndpoints(Vec<(Method, Box<str>)>);

impl ExemptEndpoints {
    pub(crate) fn add(&mut self, endpoints: &[&EndpointSpec]) {
        let exempt = endpoints.iter().filter(|endpoint| endpoint.exempt.rate_limit);
        self.0.extend(exempt.map(|endpoint| (endpoint.method.clone(), Box::from(&*endpoint.template))));
    }

    pub(crate) fn holds(&self, head: &RequestHead<'_>) -> bool {
        self.0.iter().any(|(method, path)| method == head.method && **path == *head.uri.path())
    }
}
