//! From words to a collector.

use std::fmt;
use std::sync::{Arc, Mutex};

use gambeson_core::{Clock, ConfigError, ConfigProblems, Profile, SystemClock};

use super::collector::{Reports, Shared, State};
use crate::config::{Config, ReportsConfig};
use crate::origin::Origin;

/// Collects how a collector behaves; see [`Reports::builder`].
#[derive(Clone)]
pub struct ReportsBuilder {
    config: ReportsConfig,
    public_origin: Option<String>,
    profile: Profile,
    clock: Arc<dyn Clock>,
}

impl Reports {
    /// A collector for reports to this path, or as this table says.
    pub fn builder(config: impl Into<ReportsConfig>) -> ReportsBuilder {
        ReportsBuilder {
            config: config.into(),
            public_origin: None,
            profile: Profile::Production,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The collector that a configuration describes, if it does: [`reports`](Config::reports) and
    /// [`public_origin`](Config::public_origin).
    ///
    /// # Errors
    /// As [`ReportsBuilder::build`].
    pub fn from_config(config: &Config, profile: Profile) -> Result<Option<Self>, ConfigError> {
        let Some(table) = config.reports.clone() else { return Ok(None) };
        let builder = Self::builder(table).run_in(profile);
        match &config.public_origin {
            Some(origin) => builder.public_origin(origin).build(),
            None => builder.build(),
        }
        .map(Some)
    }
}

impl ReportsBuilder {
    /// The origin that people see: reports about its pages are kept whatever host they were sent to. Without it, those
    /// about pages of that host alone.
    #[must_use]
    pub fn public_origin(self, origin: impl Into<String>) -> Self {
        Self { public_origin: Some(origin.into()), ..self }
    }

    /// The profile: in development each violation is logged once, with what would allow it. Production unless said.
    #[must_use]
    pub fn run_in(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// The clock of the minute, and of when something was reported.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Looks everything through.
    ///
    /// # Errors
    /// All that is wrong: a path that is none, bounds of nothing or without end, an origin that is none.
    pub fn build(self) -> Result<Reports, ConfigError> {
        let mut problems = ConfigProblems::new();
        self.config.look_through(&mut problems);
        let own = self.public_origin.as_deref().map(|text| (text, Origin::parse(text)));
        if let Some((text, None)) = own {
            let cure = "write scheme, host and, if need be, port, and no slash: \"https://app.example.com\"";
            problems.add("hardening-headers.public-origin", text, cure);
        }
        problems.check()?;
        let began = self.clock.monotonic();
        Ok(Reports::new(Shared {
            path: self.config.path.into(),
            body: self.config.body,
            per_minute: self.config.per_minute,
            samples: self.config.samples,
            own: own.and_then(|(_, origin)| origin),
            profile: self.profile,
            clock: self.clock,
            state: Mutex::new(State::new(self.config.entries, began)),
        }))
    }
}

impl fmt::Debug for ReportsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportsBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
