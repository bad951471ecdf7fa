//! All layers of the edge from one configuration.

use gambeson_core::{Clock, ConfigError, ConfigProblems, EndpointSpec, Profile, SystemClock};

use super::Config;
use crate::check::{self, Finding, HH080};
use crate::{EdgeLimitLayer, Hardening, HardeningLayer, LimitsLayer, PeerLayer, TrustedProxies};

/// The layers of the HTTP edge, from the outermost to the innermost; telemetry goes between the first two.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Layers {
    /// Place 0.
    pub peer: PeerLayer,
    /// Place 2, outer.
    pub hardening: HardeningLayer,
    /// Place 2, inner.
    pub limits: LimitsLayer,
    /// Place 3.
    pub edge_limit: EdgeLimitLayer,
}

impl Layers {
    /// What is weak about any of them and not silenced, the worst first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.hardening.findings()
    }
}

impl Config {
    /// All layers of the edge. `exempt` are endpoints of which some say that checks leave them alone
    /// (host check, cross-site check, rate limit): probes, log-in, metrics.
    ///
    /// # Errors
    /// All that is wrong in any of them, at once, and in production proxies that are not declared
    /// (`proxies.direct = true` declares that there are none).
    ///
    /// ```
    /// use gambeson_core::Profile;
    /// use gambeson_hardening_headers::{Config, ProxiesConfig};
    ///
    /// let config = Config::default().public_origin("https://app.example.com").proxies(ProxiesConfig::default().direct());
    /// let layers = config.layers(Profile::Production, &[])?;
    /// # let _ = layers;
    ///
    /// let error = Config::default().public_origin("app").layers(Profile::Production, &[]).unwrap_err();
    /// assert_eq!(error.problems().len(), 2, "the origin has no scheme, the proxies are not declared");
    /// # Ok::<(), gambeson_core::ConfigError>(())
    /// ```
    pub fn layers(&self, profile: Profile, exempt: &[EndpointSpec]) -> Result<Layers, ConfigError> {
        self.build(profile, exempt, |hardening| hardening)
    }

    /// Looks through what [`layers`](Config::layers) would build, and logs nothing.
    ///
    /// # Errors
    /// As [`layers`](Config::layers).
    pub fn check(&self, profile: Profile) -> Result<Vec<Finding>, ConfigError> {
        let layers = self.build(profile, &[], Hardening::quiet)?;
        Ok(layers.hardening.findings().to_vec())
    }

    fn build(
        &self,
        profile: Profile,
        exempt: &[EndpointSpec],
        with: impl FnOnce(Hardening) -> Hardening,
    ) -> Result<Layers, ConfigError> {
        let mut problems = ConfigProblems::new();
        let peer = noted(self.peer_layer(profile), &mut problems);
        let hardening = with(Hardening::from_config(self)).run_in(profile).exempt(exempt);
        let peer = peer.map(|peer| peer.leave(hardening.silences()));
        let limits = noted(LimitsLayer::with_routes(self.limits, &self.route_limits), &mut problems);
        let beside = self.around(peer.as_ref(), limits.as_ref());
        let hardening = hardening.beside(beside).build();
        let hardening = noted(hardening.map(|edge| edge.layer()), &mut problems);
        let edge_limit = match self.rate_off {
            true => Some(EdgeLimitLayer::off()),
            false => {
                let builder = EdgeLimitLayer::builder(self.rate).told_elsewhere();
                noted(builder.exempt(exempt).build(), &mut problems)
            }
        };
        problems.check()?;
        match (peer, hardening, limits, edge_limit) {
            (Some(peer), Some(hardening), Some(limits), Some(edge_limit)) => {
                let (hardening, limits) = (hardening.counted_by(&edge_limit), limits.counted_by(&edge_limit));
                Ok(Layers { peer, hardening, limits, edge_limit })
            }
            _ => Err(ConfigError::one("hardening-headers", "", "a layer is missing")),
        }
    }

    /// What is weak about the layers beside [`HardeningLayer`].
    fn around(&self, peer: Option<&PeerLayer>, limits: Option<&LimitsLayer>) -> Vec<Finding> {
        let mut found = limits.map(LimitsLayer::findings).unwrap_or_default();
        found.extend(peer.map(|peer| peer.findings(SystemClock::new().now())).into_iter().flatten());
        match self.rate_off {
            true => found.extend(check::rate_off(&self.rate)),
            false => found.extend(self.rate.findings()),
        }
        found
    }

    fn peer_layer(&self, profile: Profile) -> Result<PeerLayer, ConfigError> {
        match TrustedProxies::from_config(&self.proxies)? {
            Some(proxies) => Ok(PeerLayer::told_elsewhere(proxies)),
            None if profile.is_production() => Err(ConfigError::one(
                "hardening-headers.proxies",
                "",
                HH080.says(
                    "declare the proxies in front (ranges, hops or a preset), or that there are none: direct = true",
                ),
            )),
            None => Ok(PeerLayer::told_elsewhere(TrustedProxies::none())),
        }
    }
}

fn noted<T>(result: Result<T, ConfigError>, problems: &mut ConfigProblems) -> Option<T> {
    result.map_err(|error| problems.extend(error)).ok()
}
