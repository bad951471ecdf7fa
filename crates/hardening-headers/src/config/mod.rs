//! The edge as plain data, for configuration files, and all its layers from that.

#[cfg(feature = "serde")]
pub(crate) mod human;
mod layers;
mod reports;

use std::collections::BTreeMap;

use gambeson_core::Mode;

use crate::limits::RouteLimits;
use crate::{Cookies, Cors, Csrf, EdgeRate, Limits, ProxiesConfig};

pub use layers::Layers;
pub(crate) use reports::report_path_problem;
pub use reports::{ReportOnlyConfig, ReportsConfig};

/// How the HTTP edge behaves, as a configuration file says it: the table `[hardening-headers]`.
///
/// [`layers`](Config::layers) makes all layers of it; [`Hardening::from_config`](crate::Hardening::from_config) only
/// that of place 2, to go on in code.
///
/// ```toml
/// preset = "web"
/// public-origin = "https://app.example.com"
/// hosts = ["www.example.com"]
/// redirect-to-canonical = true
/// hsts-days = 365
/// hsts-subdomains = true
/// variants = ["downloads"]
/// reports = "/.well-known/reports"
/// csp-report-only = { policy = "default-src 'self'", percent = 10 }
///
/// [csp-add]
/// img-src = ["https://cdn.example.com"]
///
/// [permissions-policy]
/// geolocation = ["self", "https://maps.example.com"]
///
/// [cookies]
/// readable = ["theme"]
///
/// [csrf]
/// session-cookies = ["__Host-session"]
///
/// [cors]
/// origins = ["https://admin.example.com"]
/// credentials = true
/// max-age = "10m"
///
/// [proxies]
/// ranges = ["10.0.3.0/24"]
///
/// [limits]
/// body = "1MiB"
/// handler = "30s"
///
/// [[route-limits]]
/// route = "POST /files/{name}"
/// body = "1GiB"
///
/// [rate]
/// count = 20
/// period = "1s"
/// burst = 60
/// ```
///
/// # All keys
///
/// What each is for, its unit and its default stand at the field of the same name; `table` and `period` of `rate` are
/// [`EdgeRate::table_bytes`] and [`EdgeRate::period_seconds`]. `csp-add`, `permissions-policy` and `silence` have the keys of directives, features and
/// ids; `csrf.exempt` and `route-limits` are lists of tables. `serve` wants the feature `serve`; `handshake-timeout`, `tls-refresh` and `tls` in it
/// the feature `tls`. What they are for stands at the fields of `serve::ServeConfig` and `serve::tls::TlsConfig`.
///
/// Modes (`host-mode`, `csrf.mode`, `limits.mode`, `rate.mode`) are `"enforce"` or say until when they only observe, in UTC:
/// `{ observe = { until = "2027-01-31T00:00:00Z" } }`. `gambeson.toml` takes other offsets too.
///
/// | table | keys |
/// |---|---|
/// | `hardening-headers` | `preset`, `public-origin`, `hosts`, `redirect-to-canonical`, `host-mode`, `csp`, `csp-add`, `csp-report-only`, `reports`, `hsts-days`, `hsts-subdomains`, `scrub-5xx`, `csrf`, `cookies`, `permissions-policy`, `variants`, `cors`, `proxies`, `limits`, `route-limits`, `rate`, `rate-off`, `silence`, `serve` |
/// | `csp-report-only` | `policy`, `percent` |
/// | `reports` | `path`, `body`, `entries`, `per-minute`, `samples` |
/// | `csrf` | `trusted-origins`, `session-cookies`, `exempt`, `mode`, `dangerously-http`, `dangerously-off` |
/// | `csrf.exempt` | `method`, `path`, `reason` |
/// | `cookies` | `readable`, `without-same-site`, `dangerously-off` |
/// | `cors` | `origins`, `public`, `credentials`, `methods`, `headers`, `expose`, `max-age`, `private-network`, `dangerously-null`, `dangerously-http` |
/// | `proxies` | `direct`, `preset`, `ranges`, `hops`, `header`, `forwarded-host`, `client-certificate`, `client-certificate-names` |
/// | `limits` | `body`, `body-deadline`, `body-rate`, `body-idle`, `handler`, `stream-idle`, `mode` |
/// | `route-limits` | `route`, `body`, `body-deadline`, `body-rate`, `body-idle`, `handler`, `stream-idle` |
/// | `rate` | `count`, `period`, `burst`, `v6-prefix`, `table`, `credential-charge`, `fields`, `fields-on-pass`, `mode` |
/// | `serve` | `header-timeout`, `idle-timeout`, `write-timeout`, `write-rate`, `send-buffer`, `connections`, `connections-per-client`, `header-bytes`, `streams`, `ping-interval`, `linger`, `drain`, `handshake-timeout`, `tls-refresh`, `tls` |
/// | `serve.tls` | `certificate`, `key`, `client-authorities`, `client-certificates` |
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct Config {
    /// Which preset to start from. Default: `web`.
    pub preset: Preset,
    /// The origin that people see, such as `https://app.example.com`.
    pub public_origin: Option<String>,
    /// Further hosts that the app answers for. Default: none.
    pub hosts: Vec<String>,
    /// Whether navigations to those further hosts are sent to the public origin. Default: no.
    pub redirect_to_canonical: bool,
    /// Whether other hosts are refused or only logged. Default: refused.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::mode"))]
    pub host_mode: Mode,
    /// The policy of documents, in place of the preset's.
    pub csp: Option<String>,
    /// Sources that the policy of documents allows too, by directive.
    pub csp_add: BTreeMap<String, Vec<String>>,
    /// The next policy of documents, which browsers report about and don't enforce. Default: none.
    pub csp_report_only: Option<ReportOnlyConfig>,
    /// Where browsers report to. Default: nowhere.
    pub reports: Option<ReportsConfig>,
    /// Days of strict transport; 0 leaves it out. Default: the preset's.
    pub hsts_days: Option<u32>,
    /// Whether strict transport is for all subdomains too; one of them without https becomes unreachable. Default: no.
    pub hsts_subdomains: bool,
    /// Whether the bodies of 5xx answers are replaced. Default: yes.
    pub scrub_5xx: bool,
    /// The cross-site check. Default: on.
    pub csrf: Csrf,
    /// Which marks cookies get on their way out. Default: all.
    pub cookies: Cookies,
    /// Who may use which powerful features of the browser, by feature: `"self"`, origins, or `"*"` alone; an empty list is nobody.
    /// Features that are not named keep the preset's. Default: the powerful ones nobody.
    pub permissions_policy: BTreeMap<String, Vec<String>>,
    /// Which variants answers can ask for by [`Override::named`](crate::Override::named), under the variant's own name. Default: none.
    pub variants: Vec<Variant>,
    /// Which other origins may read answers. Default: none.
    pub cors: Option<Cors>,
    /// The proxies in front. Default: not declared, which production refuses.
    pub proxies: ProxiesConfig,
    /// Size and time of requests.
    pub limits: Limits,
    /// Other limits of single routes. Default: none.
    pub route_limits: Vec<RouteLimits>,
    /// How often one client network may call.
    pub rate: EdgeRate,
    /// Switches the edge limiter off. Default: no.
    pub rate_off: bool,
    /// Ids of findings that may stay, each with the reason; see [`check`](crate::check). Default: none.
    pub silence: BTreeMap<String, String>,
    /// What the server allows its connections, and its TLS: [`ServeConfig::server`](crate::serve::ServeConfig::server).
    #[cfg(feature = "serve")]
    pub serve: crate::serve::ServeConfig,
}

/// What to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Preset {
    /// Apps with pages: [`Hardening::web`](crate::Hardening::web).
    #[default]
    Web,
    /// Apps with pages whose scripts all carry the nonce: [`Hardening::strict`](crate::Hardening::strict).
    Strict,
    /// Apps without: [`Hardening::api`](crate::Hardening::api).
    Api,
    /// Apps whose documents are `crossOriginIsolated`: [`Hardening::isolated`](crate::Hardening::isolated).
    Isolated,
    /// Files that somebody uploaded: [`Hardening::downloads`](crate::Hardening::downloads).
    Downloads,
}

/// A variant of the headers that answers can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Variant {
    /// `"isolated"`: [`HeaderSet::isolated`](crate::HeaderSet::isolated).
    Isolated,
    /// `"downloads"`: [`HeaderSet::downloads`](crate::HeaderSet::downloads).
    Downloads,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            preset: Preset::default(),
            public_origin: None,
            hosts: Vec::new(),
            redirect_to_canonical: false,
            host_mode: Mode::Enforce,
            csp: None,
            csp_add: BTreeMap::new(),
            csp_report_only: None,
            reports: None,
            hsts_days: None,
            hsts_subdomains: false,
            scrub_5xx: true,
            csrf: Csrf::new(),
            cookies: Cookies::new(),
            permissions_policy: BTreeMap::new(),
            variants: Vec::new(),
            cors: None,
            proxies: ProxiesConfig::default(),
            limits: Limits::default(),
            route_limits: Vec::new(),
            rate: EdgeRate::default(),
            rate_off: false,
            silence: BTreeMap::new(),
            #[cfg(feature = "serve")]
            serve: crate::serve::ServeConfig::default(),
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

    /// The next policy of documents, which is only reported about.
    #[must_use]
    pub fn csp_report_only(self, tried: ReportOnlyConfig) -> Self {
        Self { csp_report_only: Some(tried), ..self }
    }

    /// Where browsers report to.
    #[must_use]
    pub fn reports(self, reports: ReportsConfig) -> Self {
        Self { reports: Some(reports), ..self }
    }

    /// The cross-site check.
    #[must_use]
    pub fn csrf(self, csrf: Csrf) -> Self {
        Self { csrf, ..self }
    }

    /// Which marks cookies get on their way out.
    #[must_use]
    pub fn cookies(self, cookies: Cookies) -> Self {
        Self { cookies, ..self }
    }

    /// Which other origins may read answers.
    #[must_use]
    pub fn cors(self, cors: Cors) -> Self {
        Self { cors: Some(cors), ..self }
    }

    /// The proxies in front.
    #[must_use]
    pub fn proxies(self, proxies: ProxiesConfig) -> Self {
        Self { proxies, ..self }
    }

    /// Leaves one finding of [`check`](crate::check), by its id, for a reason.
    #[must_use]
    pub fn silence(mut self, id: impl Into<String>, reason: impl Into<String>) -> Self {
        self.silence.insert(id.into(), reason.into());
        self
    }
}
