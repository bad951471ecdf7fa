//! What something will cost, as far as one can say before.

use std::sync::Arc;

use gambeson_core::{Money, RequestHead};
use http::Method;

use crate::guard::Shared;
use crate::prices::{PriceError, Usage};
use crate::scope::Feature;

/// What a request or call may cost at most: nothing, an amount, or a usage of a model that the prices know.
///
/// The closer to the truth from above, the better: too low may overspend by the difference, too high refuses needlessly.
#[derive(Debug, Clone)]
pub struct Estimate {
    what: What,
    feature: Option<Feature>,
}

#[derive(Debug, Clone)]
enum What {
    Free,
    Amount(Money),
    Usage(Arc<str>, Usage),
}

impl Estimate {
    /// Nothing: the request passes untouched.
    #[must_use]
    pub const fn free() -> Self {
        Self { what: What::Free, feature: None }
    }

    /// This amount.
    #[must_use]
    pub const fn amount(amount: Money) -> Self {
        Self { what: What::Amount(amount), feature: None }
    }

    /// What this usage of a model costs by the prices of the day.
    #[must_use]
    pub fn usage(model: impl Into<Arc<str>>, usage: Usage) -> Self {
        Self { what: What::Usage(model.into(), usage), feature: None }
    }

    /// For this feature of the app.
    #[must_use]
    pub fn feature(self, feature: impl Into<Feature>) -> Self {
        Self { feature: Some(feature.into()), ..self }
    }

    pub(crate) fn is_free(&self) -> bool {
        matches!(self.what, What::Free)
    }

    pub(crate) fn feature_of(&self) -> Option<&Feature> {
        self.feature.as_ref()
    }

    pub(crate) fn model(&self) -> Option<&Arc<str>> {
        match &self.what {
            What::Usage(model, _) => Some(model),
            _ => None,
        }
    }

    pub(crate) fn price(&self, shared: &Shared) -> Result<Money, PriceError> {
        match &self.what {
            What::Free => Ok(Money::from_nanos(0, shared.currency)),
            What::Amount(amount) => Ok(*amount),
            What::Usage(model, usage) => shared.price(model, usage),
        }
    }
}

/// Says what a request may cost, from everything but its body. Any function of that shape does; so does
/// [`RouteCosts`], a table of routes.
pub trait Estimator: Send + Sync + 'static {
    /// The estimate.
    fn estimate(&self, head: &RequestHead<'_>) -> Estimate;
}

impl<F> Estimator for F
where
    F: Fn(&RequestHead<'_>) -> Estimate + Send + Sync + 'static,
{
    fn estimate(&self, head: &RequestHead<'_>) -> Estimate {
        self(head)
    }
}

/// What routes cost, by method and template (`/api/notes/{id}/summary`); all others are free.
///
/// The template is the one that an authorization layer noted in the request's facts, never the raw path.
#[derive(Debug, Clone, Default)]
pub struct RouteCosts(Vec<(Method, Box<str>, Estimate)>);

impl RouteCosts {
    /// All routes are free.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This route costs so much.
    #[must_use]
    pub fn route(mut self, method: Method, template: impl Into<Box<str>>, estimate: Estimate) -> Self {
        self.0.push((method, template.into(), estimate));
        self
    }
}

impl Estimator for RouteCosts {
    fn estimate(&self, head: &RequestHead<'_>) -> Estimate {
        let Some(route) = head.facts().and_then(|facts| facts.route()) else { return Estimate::free() };
        let of = |(method, template, _): &&(Method, Box<str>, Estimate)| {
            method == head.method && **template == *route.as_str()
        };
        self.0.iter().find(of).map_or(const { Estimate::free() }, |(_, _, estimate)| estimate.clone())
    }
}
