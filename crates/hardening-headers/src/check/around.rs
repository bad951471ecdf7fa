//! What of limits and rates is weak.

use super::finding::Finding;
use super::rules::*;
use crate::edge_limit::EdgeRate;
use crate::limits::Limits;

impl Limits {
    /// What of these limits is weak.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let found = [
            (self.body.is_none(), HH091, "hardening-headers.limits.body"),
            (self.body_deadline.is_none(), HH092, "hardening-headers.limits.body-deadline"),
            (self.handler.is_none(), HH093, "hardening-headers.limits.handler"),
        ];
        let weak = found.into_iter().filter(|(weak, _, _)| *weak);
        weak.map(|(_, rule, field)| Finding::new(rule, field, "off")).collect()
    }
}

impl EdgeRate {
    /// What of this rate is weak.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let wide = self.v6_prefix == 128;
        wide.then(|| Finding::new(HH103, "hardening-headers.rate.v6-prefix", "128")).into_iter().collect()
    }
}

/// What is weak about a limiter that is off.
pub(crate) fn no_rate() -> Finding {
    Finding::new(HH102, "hardening-headers.rate-off", "true")
}
