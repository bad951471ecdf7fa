//! Limits of single routes.

use std::time::Duration;

use gambeson_core::{ConfigProblems, RequestHead};
use http::Method;

use super::config::Limits;
#[cfg(feature = "serde")]
use crate::config::human;

/// Other limits for one route, as a configuration file writes them: `[[hardening-headers.route-limits]]`. What is left out is as
/// for all routes, and so is the mode.
///
/// ```
/// use gambeson_hardening_headers::limits::{Limits, RouteLimits};
///
/// let upload = RouteLimits::new("POST /files/{name}").body(1 << 30);
/// assert_eq!(upload.over(Limits::new()).body, Some(1 << 30));
/// assert_eq!(upload.over(Limits::new()).handler, Limits::new().handler);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct RouteLimits {
    /// The route: a template as the router writes it, with or without a method before it: `"POST /files/{name}"`, `"/files"`.
    pub route: String,
    /// The largest request body, in bytes; `Some(None)`: of any size.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "human::some_size_or_off"))]
    pub body: Option<Option<u64>>,
    /// The time that reading the body may take.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "human::some_time_or_off"))]
    pub body_deadline: Option<Option<Duration>>,
    /// Bytes for which the body's deadline moves back by a second.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "human::some_bytes_u32"))]
    pub body_rate: Option<u32>,
    /// The time that may pass between two parts of the body.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "human::some_time_or_off"))]
    pub body_idle: Option<Option<Duration>>,
    /// The time until the head of the answer.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "human::some_time_or_off"))]
    pub handler: Option<Option<Duration>>,
    /// The time that may pass between two parts of the answer.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "human::some_time_or_off"))]
    pub stream_idle: Option<Option<Duration>>,
}

impl RouteLimits {
    /// Limits of this route; those of all routes, until something is said.
    #[must_use]
    pub fn new(route: impl Into<String>) -> Self {
        Self { route: route.into(), ..Self::default() }
    }

    /// The largest request body, in bytes.
    #[must_use]
    pub fn body(self, bytes: u64) -> Self {
        Self { body: Some(Some(bytes)), ..self }
    }

    /// Bodies of any size.
    #[must_use]
    pub fn no_body_limit(self) -> Self {
        Self { body: Some(None), ..self }
    }

    /// The time that reading the body may take.
    #[must_use]
    pub fn body_deadline(self, time: Duration) -> Self {
        Self { body_deadline: Some(Some(time)), ..self }
    }

    /// Bodies that take any time.
    #[must_use]
    pub fn no_body_deadline(self) -> Self {
        Self { body_deadline: Some(None), ..self }
    }

    /// The minimum rate of a long upload, in bytes a second.
    #[must_use]
    pub fn body_rate(self, bytes_per_second: u32) -> Self {
        Self { body_rate: Some(bytes_per_second), ..self }
    }

    /// The time that may pass between two parts of the request body.
    #[must_use]
    pub fn body_idle(self, time: Duration) -> Self {
        Self { body_idle: Some(Some(time)), ..self }
    }

    /// The time until the head of the answer.
    #[must_use]
    pub fn handler(self, time: Duration) -> Self {
        Self { handler: Some(Some(time)), ..self }
    }

    /// No deadline for the handler.
    #[must_use]
    pub fn no_handler_deadline(self) -> Self {
        Self { handler: Some(None), ..self }
    }

    /// The time that may pass without anything more of an answer's body.
    #[must_use]
    pub fn stream_idle(self, time: Duration) -> Self {
        Self { stream_idle: Some(Some(time)), ..self }
    }

    /// These limits, as far as they are given, over those of all routes.
    #[must_use]
    pub fn over(&self, base: Limits) -> Limits {
        Limits {
            body: self.body.unwrap_or(base.body),
            body_deadline: self.body_deadline.unwrap_or(base.body_deadline),
            body_rate: self.body_rate.unwrap_or(base.body_rate),
            body_idle: self.body_idle.unwrap_or(base.body_idle),
            handler: self.handler.unwrap_or(base.handler),
            stream_idle: self.stream_idle.unwrap_or(base.stream_idle),
            mode: base.mode,
        }
    }

    /// The rule; what is wrong with it is noted.
    pub(super) fn prepared(&self, base: Limits, problems: &mut ConfigProblems) -> Option<RouteRule> {
        const FIELD: &str = "hardening-headers.route-limits";
        let limits = self.over(base);
        limits.check(FIELD, problems);
        let (method, template) = match self.route.split_once(' ') {
            None => (None, self.route.as_str()),
            Some((method, template)) => (Some(method), template),
        };
        let known = method.map(|method| Method::from_bytes(method.as_bytes())).transpose();
        match known {
            Ok(method) if template.starts_with('/') => {
                Some(RouteRule { method, template: template.into(), limits })
            }
            _ => {
                problems.add(
                    format!("{FIELD}.route"),
                    &self.route,
                    "write a route's template, such as \"POST /files/{name}\" or \"/files\"",
                );
                None
            }
        }
    }
}

/// Limits of one route, made ready.
#[derive(Debug, Clone)]
pub(super) struct RouteRule {
    method: Option<Method>,
    template: Box<str>,
    pub(super) limits: Limits,
}

impl RouteRule {
    /// The route as it was written.
    pub(super) fn route(&self) -> String {
        self.method
            .as_ref()
            .map_or_else(|| self.template.to_string(), |method| format!("{method} {}", self.template))
    }

    pub(super) fn is_for(&self, head: &RequestHead<'_>) -> bool {
        self.method.as_ref().is_none_or(|method| method == head.method) && *self.template == *template(head)
    }
}

/// The template that the router matched; where no router has, the whole path.
fn template<'a>(head: &RequestHead<'a>) -> &'a str {
    #[cfg(feature = "axum")]
    if let Some(matched) = head.extensions.get::<axum::extract::MatchedPath>() {
        return matched.as_str();
    }
    head.uri.path()
}
