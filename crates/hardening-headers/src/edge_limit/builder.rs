//! Building a limiter with everything that can be chosen.

use std::sync::Arc;

use gambeson_core::{
    Clock, ConfigError, ConfigProblems, EndpointSpec, Entropy, ProblemJson, SystemClock, SystemEntropy,
};

use super::layer::EdgeLimitLayer;
use super::limiter::{Counts, Limiter};
use super::network::Networks;
use super::rate::EdgeRate;
use super::table::Table;
use crate::check::{self, HH100, Silences};
use crate::exempt::ExemptEndpoints;

/// Collects what an [`EdgeLimitLayer`] is made of.
#[derive(Debug)]
pub struct EdgeLimitBuilder<R = ProblemJson> {
    rate: EdgeRate,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    exempt: ExemptEndpoints,
    problems: ConfigProblems,
    respond: R,
    told_elsewhere: bool,
}

impl EdgeLimitBuilder {
    pub(super) fn new(rate: EdgeRate) -> Self {
        Self {
            rate,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::new()),
            exempt: ExemptEndpoints::default(),
            problems: ConfigProblems::new(),
            respond: ProblemJson,
            told_elsewhere: false,
        }
    }

    /// Leaves it to who calls this to tell what is weak.
    pub(crate) fn told_elsewhere(self) -> Self {
        Self { told_elsewhere: true, ..self }
    }
}

impl<R> EdgeLimitBuilder<R> {
    /// The clock of the rates; the system's unless said.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Where the secret key of the table comes from; the system unless said.
    #[must_use]
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
    }

    /// Lets through, uncounted, those of these endpoints that say they are exempt from rate limits.
    ///
    /// Their paths are compared whole; an exempt endpoint with parameters in its path is refused when building.
    #[must_use]
    pub fn exempt<'a>(mut self, endpoints: impl IntoIterator<Item = &'a EndpointSpec>) -> Self {
        for endpoint in endpoints.into_iter().filter(|endpoint| endpoint.exempt.rate_limit) {
            self.exempt.add(endpoint, "hardening-headers.rate.exempt", &mut self.problems);
        }
        self
    }

    /// Answers refusals so; problem details unless said.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> EdgeLimitBuilder<T> {
        let Self { rate, clock, entropy, exempt, problems, respond: _, told_elsewhere } = self;
        EdgeLimitBuilder { rate, clock, entropy, exempt, problems, respond, told_elsewhere }
    }

    /// The layer.
    ///
    /// # Errors
    /// Every value out of its range, exempt paths with parameters, and a system without randomness; all at once.
    pub fn build(self) -> Result<EdgeLimitLayer<R>, ConfigError> {
        let mut problems = self.problems;
        let parts = self.rate.parts().map_err(|error| problems.extend(error)).ok();
        let networks = Networks::new(&*self.entropy, self.rate.v6_prefix)
            .map_err(|error| {
                problems.add(
                    "hardening-headers.rate",
                    error.to_string(),
                    HH100.says("the table needs a random key"),
                );
            })
            .ok();
        let (Some((gcra, fields)), Some(networks), true) = (parts, networks, problems.is_empty()) else {
            problems.check()?;
            return Err(ConfigError::one("hardening-headers.rate", "", "write a rate that is not zero"));
        };
        if !self.told_elsewhere {
            check::log(&self.rate.findings(), &Silences::default());
        }
        let limiter = Limiter {
            rate: self.rate,
            gcra,
            fields,
            networks,
            table: Table::new(self.rate.table_bytes),
            nameless: Table::new(1),
            clock: self.clock,
            exempt: self.exempt,
            counts: Counts::default(),
        };
        Ok(EdgeLimitLayer::with(Some(Arc::new(limiter)), self.respond))
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::FixedEntropy;

    use super::*;

    fn hash(builder: EdgeLimitBuilder) -> u64 {
        let limiter = builder.build().unwrap().early().0.unwrap();
        limiter.networks.hash("192.0.2.1".parse().unwrap())
    }

    /// Whoever knew the key could have others' networks share an entry with their own.
    #[test]
    fn each_limiter_hashes_under_a_key_of_its_own() {
        let builder = || EdgeLimitLayer::builder(EdgeRate::default());
        let hashes: std::collections::HashSet<u64> = (0..32).map(|_| hash(builder())).collect();
        assert_eq!(hashes.len(), 32);
        let fixed = || builder().entropy(Arc::new(FixedEntropy::default()));
        assert_eq!(hash(fixed()), hash(fixed()), "the control: the key is all that makes them differ");
    }

    #[test]
    fn without_randomness_no_limiter_is_built() {
        let entropy = FixedEntropy::default();
        entropy.fail(true);
        let error =
            EdgeLimitLayer::builder(EdgeRate::default()).entropy(Arc::new(entropy)).build().unwrap_err();
        assert!(error.to_string().contains("the table needs a random key"), "{error}");
    }
}
