//! The edge as plain data, for configuration files.

use gambeson_core::Mode;

/// How the HTTP edge behaves, as a configuration file says it; see [`Hardening::from_config`](crate::Hardening::from_config).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
#[non_exhaustive]
pub struct Config {
    /// Which preset to start from; `web` unless said.
    pub preset: Preset,
    /// The origin that people see, such as `https://app.example.com`.
    pub public_origin: Option<String>,
    /// Further hosts that the app answers for.
    pub hosts: Vec<String>,
    /// Whether other hosts are refused or only logged.
    pub host_mode: Mode,
    /// The policy of documents, in place of the preset's.
    pub csp: Option<String>,
    /// Days of strict transport; 0 leaves it out. The preset's unless said.
    pub hsts_days: Option<u32>,
    /// Whether the bodies of 5xx answers are replaced; yes unless said.
    pub scrub_5xx: bool,
}

/// What to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Preset {
    /// Apps with pages: [`Hardening::web`](crate::Hardening::web).
    #[default]
    Web,
    /// Apps without: [`Hardening::api`](crate::Hardening::api).
    Api,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            preset: Preset::default(),
            public_origin: None,
            hosts: Vec::new(),
            host_mode: Mode::Enforce,
            csp: None,
            hsts_days: None,
            scrub_5xx: true,
        }
    }
}

impl Config {
    /// Starts from this preset.
    #[must_use]
    pub fn preset(self, preset: Preset) -> Self {
        Self { preset, ..self }
    }

    /// The origin that people see.
    #[must_use]
    pub fn public_origin(self, origin: impl Into<String>) -> Self {
        Self { public_origin: Some(origin.into()), ..self }
    }

    /// Hosts that the app answers for.
    #[must_use]
    pub fn hosts<T: Into<String>>(self, hosts: impl IntoIterator<Item = T>) -> Self {
        Self { hosts: hosts.into_iter().map(Into::into).collect(), ..self }
    }

    /// The policy of documents.
    #[must_use]
    pub fn csp(self, csp: impl Into<String>) -> Self {
        Self { csp: Some(csp.into()), ..self }
    }
}
