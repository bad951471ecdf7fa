//! Examines an issuer from where the app runs: whether verification can work, and what to mend if not.

mod clock;
mod connection;
mod document;
mod keys;
mod report;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Clock, ConfigError, ConfigProblems, HttpTransport, Profile};
use http::Response;

pub use self::report::{Finding, Grade, Report};
use crate::issuer::{Issuer, KeySource};
use crate::keys::Endpoint;

/// Examines an issuer: its address and whether TLS works, the discovery document and the name in it, the keys with their sizes and algorithms,
/// and whether the clocks agree. Each finding that is not good comes with a cure.
///
/// Of TLS it tells what the transport tells: that the certificate is trusted, or why it is not (ended, not begun, for another name, of an unknown
/// authority). The version, and when a good certificate ends, no transport says.
///
/// It asks the issuer twice and remembers nothing: for a command line, a start-up check or an operator's page, not for requests.
///
/// ```no_run
/// use gambeson_oidc_auth::{Doctor, Issuer};
///
/// # async fn examine() -> Result<(), gambeson_core::ConfigError> {
/// let report = Doctor::new(Issuer::discover("https://id.example.com")).examine().await?;
/// assert!(report.is_healthy(), "{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it examines nothing until it is asked to"]
pub struct Doctor {
    issuer: Issuer,
    run_in: Profile,
    leeway: Duration,
    deadline: Duration,
    clock: Option<Arc<dyn Clock>>,
    transport: Option<Arc<dyn HttpTransport>>,
}

impl Doctor {
    /// A doctor for this issuer.
    pub fn new(issuer: Issuer) -> Self {
        let (leeway, deadline) = (Duration::from_secs(30), Duration::from_secs(5));
        Self { issuer, run_in: Profile::default(), leeway, deadline, clock: None, transport: None }
    }

    /// As [`VerifierBuilder::run_in`](crate::VerifierBuilder::run_in).
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// The leeway of the verifier: clocks that differ by more are a fault. Default 30 s.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// How long one request may take. Default 5 s.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Another transport. Default with the feature `client`: gambeson-client, with the proxy that the environment names.
    pub fn transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Examines.
    ///
    /// # Errors
    /// There is no clock or no transport. Everything that is wrong with the issuer, its configuration included, is a finding.
    pub async fn examine(mut self) -> Result<Report, ConfigError> {
        let mut report = Report::default();
        self.fill_in()?;
        let mut problems = ConfigProblems::new();
        self.issuer.validate(self.run_in, &mut problems);
        self.issuer.dialect.validate(&[], &mut problems);
        if let Err(error) = problems.check() {
            for problem in error.problems() {
                report.bad("settings", format!("{} = {}", problem.field, problem.value), &*problem.cure);
            }
            return Ok(report);
        }
        report.good("settings", format!("issuer {:?}", self.issuer.name()));
        if let KeySource::Static { document } = &self.issuer.source {
            keys::examine(document.as_bytes(), None, &mut report);
            return Ok(report);
        }
        let (Some(visit), Some(clock)) = (self.visit(), &self.clock) else { return Ok(report) };
        let Some(document) = document::examine(&visit, &mut report).await else { return Ok(report) };
        clock::examine(&document.headers, clock.now(), self.leeway, &mut report);
        if let Some(set) = keys::fetch(&visit, &document.jwks_uri, &mut report).await {
            keys::examine(&set, document.algorithms.as_deref(), &mut report);
        }
        Ok(report)
    }

    fn visit(&self) -> Option<Visit> {
        let transport = Arc::clone(self.transport.as_ref()?);
        Some(Visit(Endpoint::new(&self.issuer, self.run_in, transport, self.deadline)))
    }

    fn fill_in(&mut self) -> Result<(), ConfigError> {
        #[cfg(feature = "system")]
        self.clock.get_or_insert_with(|| Arc::new(gambeson_core::SystemClock::new()));
        #[cfg(feature = "client")]
        if self.transport.is_none() {
            self.transport = Some(self.issuer.client()?);
        }
        let mut problems = ConfigProblems::new();
        for (name, there) in [("clock", self.clock.is_some()), ("transport", self.transport.is_some())] {
            if !there {
                problems.add(name, "", "give one, or enable the features `system` and `client`");
            }
        }
        problems.check()
    }
}

/// One look at an issuer, under the rules that verification keeps to.
struct Visit(Endpoint);

impl Visit {
    /// One request; what is behind an error is in its words.
    async fn get(&self, url: &str) -> Result<Response<Bytes>, String> {
        self.0.get(url, None).await.map_err(|error| error.to_string())
    }
}
