//! The proxies as plain data, for configuration files.

use gambeson_core::{ConfigError, ConfigProblems};

use super::presets::ProxyPreset;
use super::proxies::{ForwardedHeader, TrustedProxies};
use super::walk::MAX_HOPS;
use crate::check::{HH083, HH084, HH085};

/// The proxies in front, as a configuration file declares them.
///
/// `direct = true` says that there are none, which is a declaration too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct ProxiesConfig {
    /// Clients connect directly; no proxy stands in front.
    pub direct: bool,
    /// A product in front of the app, whose ways are known.
    pub preset: Option<ProxyPreset>,
    /// Networks of the proxies, in CIDR notation.
    pub ranges: Vec<String>,
    /// How many proxies stand in front, whatever their addresses.
    pub hops: Option<u8>,
    /// Which field they write; `x-forwarded-for`, or the preset's, unless said.
    pub header: Option<ForwardedHeader>,
    /// Whether the host that they forward is believed; no unless said.
    pub forwarded_host: bool,
    /// Whether what they say of client certificates is believed; no unless said. See [`TrustedProxies::client_certificate`].
    pub client_certificate: bool,
    /// Whether a certificate's names are believed without the certificate; no unless said. See
    /// [`TrustedProxies::client_certificate_names`].
    pub client_certificate_names: bool,
}

impl ProxiesConfig {
    /// Networks of the proxies.
    #[must_use]
    pub fn ranges<T: Into<String>>(self, ranges: impl IntoIterator<Item = T>) -> Self {
        Self { ranges: ranges.into_iter().map(Into::into).collect(), ..self }
    }

    /// A product whose ways are known.
    #[must_use]
    pub fn preset(self, preset: ProxyPreset) -> Self {
        Self { preset: Some(preset), ..self }
    }

    /// No proxy, declared.
    #[must_use]
    pub fn direct(self) -> Self {
        Self { direct: true, ..self }
    }

    /// How many proxies.
    #[must_use]
    pub fn hops(self, hops: u8) -> Self {
        Self { hops: Some(hops), ..self }
    }
}

impl ProxiesConfig {
    /// What is declared without ranges and hops.
    fn whole(&self) -> Option<TrustedProxies> {
        match self.preset {
            Some(ProxyPreset::Cloudflare) => Some(TrustedProxies::cloudflare()),
            Some(ProxyPreset::Fly) => Some(TrustedProxies::fly()),
            Some(ProxyPreset::CloudRun) => Some(TrustedProxies::cloud_run()),
            Some(ProxyPreset::Nginx | ProxyPreset::AwsAlb) => None,
            None => self.direct.then(TrustedProxies::none),
        }
    }

    /// What is declared with these ranges.
    fn at(&self, ranges: &[String]) -> Result<TrustedProxies, ConfigError> {
        match self.preset {
            Some(ProxyPreset::AwsAlb) => TrustedProxies::aws_alb(ranges),
            Some(ProxyPreset::Nginx) => TrustedProxies::nginx(ranges),
            _ => TrustedProxies::ranges(ranges),
        }
    }
}

impl TrustedProxies {
    /// What the configuration declares; `None` when it declares nothing, which production should refuse.
    ///
    /// # Errors
    /// More than one of `direct`, `ranges`, `hops` and a preset, a preset without the ranges that it needs, more than 32 hops, names of client certificates without them, and whatever [`TrustedProxies::ranges`] and [`TrustedProxies::check`] refuse.
    pub fn from_config(config: &ProxiesConfig) -> Result<Option<Self>, ConfigError> {
        let mut problems = ConfigProblems::new();
        let with_ranges = matches!(config.preset, Some(ProxyPreset::Nginx | ProxyPreset::AwsAlb));
        let whole = config.preset.is_some() && !with_ranges;
        let declared = [config.direct, !config.ranges.is_empty(), config.hops.is_some(), whole];
        if declared.iter().filter(|declared| **declared).count() > 1 {
            problems.add(
                "hardening-headers.proxies",
                "",
                HH083.says(
                    "write one of direct, ranges, hops and a preset; ranges only beside nginx and aws-alb",
                ),
            );
        }
        if with_ranges && config.ranges.is_empty() {
            let cure = "write the networks of its addresses into ranges: only they are believed";
            problems.add("hardening-headers.proxies.ranges", "", cure);
        }
        if let Some(hops) = config.hops.filter(|hops| usize::from(*hops) > MAX_HOPS) {
            problems.add(
                "hardening-headers.proxies.hops",
                hops.to_string(),
                HH084.says("write at most 32; no more are looked at"),
            );
        }
        if config.client_certificate_names && !config.client_certificate {
            let cure = "write client-certificate = true too; without it nothing is believed";
            problems.add("hardening-headers.proxies.client-certificate-names", "true", HH085.says(cure));
        }
        let who = match (config.ranges.as_slice(), config.hops) {
            ([], Some(hops)) => Some(Self::hops(hops)),
            ([], None) => config.whole(),
            (ranges, _) => config.at(ranges).map(Some).unwrap_or_else(|error| {
                problems.extend(error);
                None
            }),
        };
        let (host, certificate) = (config.forwarded_host, config.client_certificate);
        let names = config.client_certificate_names;
        let named = |who: Self| match config.header {
            Some(header) => who.header(header),
            None => who,
        };
        let who = who.map(|who| Self { host, certificate, names, ..named(who) });
        let checked = match &who {
            Some(who) => who.check(),
            None if config.ranges.is_empty() => Self { certificate, ..Self::none() }.check(),
            None => Ok(()),
        };
        checked.unwrap_or_else(|error| problems.extend(error));
        problems.into_result(who)
    }
}
