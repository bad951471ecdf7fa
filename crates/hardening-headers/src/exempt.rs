//! Endpoints that a check leaves alone.

use gambeson_core::{ConfigProblems, EndpointSpec, RequestHead};
use http::Method;

use crate::check::HH007;

/// Methods and whole paths; a HEAD is exempt where its GET is.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExemptEndpoints(Vec<(Method, Box<str>)>);

impl ExemptEndpoints {
    /// Adds an endpoint. One with parameters in its path is a problem of this field: it is more than one path.
    pub(crate) fn add(&mut self, endpoint: &EndpointSpec, field: &str, problems: &mut ConfigProblems) {
        self.add_path(endpoint.method.clone(), &endpoint.template, field, problems);
    }

    /// Adds a method and a whole path.
    pub(crate) fn add_path(
        &mut self,
        method: Method,
        path: &str,
        field: &str,
        problems: &mut ConfigProblems,
    ) {
        if !path.starts_with('/') || path.contains(['{', '*']) {
            problems.add(field, path, HH007.says("an exempt endpoint needs a path without parameters"));
        } else {
            self.0.push((method, path.into()));
        }
    }

    /// Whether the request is for one of them.
    pub(crate) fn holds(&self, head: &RequestHead<'_>) -> bool {
        let method =
            |ours: &Method| ours == head.method || (ours == Method::GET && head.method == Method::HEAD);
        self.0.iter().any(|(ours, path)| **path == *head.uri.path() && method(ours))
    }
}
