//! Where browsers report to, and which policy is tried, in words.

use gambeson_core::ConfigProblems;

/// Browsers' reports, as a configuration file says it: a path alone, or a table.
///
/// ```toml
/// reports = "/.well-known/reports"
/// ```
///
/// ```toml
/// [reports]
/// path = "/.well-known/reports"
/// body = "64KiB"
/// entries = 256
/// per-minute = 600
/// samples = false
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportsConfig {
    /// The path of this app to which browsers post.
    pub path: String,
    /// Bytes of a body that the collector reads. Default: 64 KiB; at most 1 MiB.
    pub body: usize,
    /// Different violations that the collector remembers. Default: 256; at most 4096.
    pub entries: usize,
    /// Reports that the collector takes in a minute, from all together; the others are counted. Default: 600.
    pub per_minute: u32,
    /// Whether the collector keeps the first characters of code that was blocked, where a policy with `'report-sample'` has
    /// browsers send them. Default: no; what a script holds may be a secret.
    pub samples: bool,
}

impl ReportsConfig {
    /// Reports to this path, with the defaults.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), body: 64 << 10, entries: 256, per_minute: 600, samples: false }
    }

    /// Bytes of a body that are read.
    #[must_use]
    pub fn body(self, body: usize) -> Self {
        Self { body, ..self }
    }

    /// Different violations that are remembered.
    #[must_use]
    pub fn entries(self, entries: usize) -> Self {
        Self { entries, ..self }
    }

    /// Reports that are taken in a minute.
    #[must_use]
    pub fn per_minute(self, per_minute: u32) -> Self {
        Self { per_minute, ..self }
    }

    /// Whether the start of blocked code is kept.
    #[must_use]
    pub fn samples(self, samples: bool) -> Self {
        Self { samples, ..self }
    }
}

impl From<&str> for ReportsConfig {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

impl From<String> for ReportsConfig {
    fn from(path: String) -> Self {
        Self::new(path)
    }
}

impl ReportsConfig {
    /// Notes what is wrong.
    #[cfg(feature = "reports")]
    pub(crate) fn look_through(&self, problems: &mut ConfigProblems) {
        if let Some(cure) = report_path_problem(&self.path) {
            problems.add("hardening-headers.reports.path", &self.path, cure);
        }
        self.look_through_bounds(problems);
    }

    /// Notes what is wrong but for the path.
    pub(crate) fn look_through_bounds(&self, problems: &mut ConfigProblems) {
        let mut bound = |field: &str, value: usize, most: usize, cure: &str| {
            if value == 0 || value > most {
                problems.add(format!("hardening-headers.reports.{field}"), value.to_string(), cure);
            }
        };
        bound("body", self.body, 1 << 20, "write 1 B to 1 MiB: \"64KiB\"");
        bound("entries", self.entries, 4096, "write 1 to 4096");
        let per_minute = usize::try_from(self.per_minute).unwrap_or(usize::MAX);
        bound("per-minute", per_minute, 1_000_000, "write 1 to 1000000");
    }
}

/// A policy that is tried, as a configuration file says it: `csp-report-only = { policy = "…", percent = 10 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct ReportOnlyConfig {
    /// The policy.
    pub policy: String,
    /// For how many of a hundred documents. Default: all.
    #[cfg_attr(feature = "serde", serde(default = "all"))]
    pub percent: u8,
}

impl ReportOnlyConfig {
    /// This policy for all documents.
    #[must_use]
    pub fn new(policy: impl Into<String>) -> Self {
        Self { policy: policy.into(), percent: 100 }
    }

    /// For how many of a hundred documents.
    #[must_use]
    pub fn percent(self, percent: u8) -> Self {
        Self { percent, ..self }
    }
}

#[cfg(feature = "serde")]
fn all() -> u8 {
    100
}

/// What is wrong with a path for reports: it is a whole path of the app's own, as it stands in requests.
pub(crate) fn report_path_problem(path: &str) -> Option<&'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let good = path.len() > 1
        && path.len() <= 200
        && path.starts_with('/')
        && !path.contains("//")
        && path.bytes().all(plain)
        && path.split('/').all(|segment| !matches!(segment, "." | ".."));
    (!good).then_some(
        "write a path of this app such as \"/.well-known/reports\": letters, digits and - . _ ~, no parameters, no query",
    )
}

#[cfg(feature = "serde")]
mod reading {
    use std::fmt;

    use serde::de::value::MapAccessDeserializer;
    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

    use super::ReportsConfig;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Table {
        path: String,
        #[serde(default, deserialize_with = "size")]
        body: Option<usize>,
        entries: Option<usize>,
        per_minute: Option<u32>,
        samples: Option<bool>,
    }

    fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
        crate::config::human::bytes(from).map(Some)
    }

    struct PathOrTable;

    impl<'de> Visitor<'de> for PathOrTable {
        type Value = ReportsConfig;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a path such as \"/.well-known/reports\", or a table with `path`")
        }

        fn visit_str<E>(self, path: &str) -> Result<ReportsConfig, E> {
            Ok(ReportsConfig::new(path))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ReportsConfig, A::Error> {
            let table = Table::deserialize(MapAccessDeserializer::new(map))?;
            let default = ReportsConfig::new(table.path);
            Ok(ReportsConfig {
                body: table.body.unwrap_or(default.body),
                entries: table.entries.unwrap_or(default.entries),
                per_minute: table.per_minute.unwrap_or(default.per_minute),
                samples: table.samples.unwrap_or(default.samples),
                ..default
            })
        }
    }

    impl<'de> Deserialize<'de> for ReportsConfig {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_any(PathOrTable)
        }
    }
}
