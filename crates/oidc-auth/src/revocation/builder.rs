//! Describes a [`Revocation`].

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, ConfigError, ConfigProblems, Entropy, HttpTransport, Profile, Spawn};

use super::{Revocation, Shared};
use crate::issuer::{Issuer, KeySource};
use crate::keys::Endpoint;
use crate::seams::Seams;
use crate::token_endpoint::{ClientAuth, ClientEndpoint, Exchanges, Known};

/// Describes a [`Revocation`] piece by piece.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct RevocationBuilder {
    issuer: Issuer,
    client: ClientAuth,
    run_in: Profile,
    deadline: Duration,
    seams: Seams,
}

impl RevocationBuilder {
    pub(super) fn new(issuer: Issuer, client: ClientAuth) -> Self {
        let (run_in, deadline) = (Profile::default(), Duration::from_secs(5));
        Self { issuer, client, run_in, deadline, seams: Seams::default() }
    }

    /// Which shortcuts are allowed, as for [`VerifierBuilder::run_in`](crate::VerifierBuilder::run_in).
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// How long an answer may take. Default 5 s.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.seams.clock = Some(clock);
        self
    }

    /// Other background tasks: looks at the discovery document.
    pub fn spawn(mut self, spawn: Arc<dyn Spawn>) -> Self {
        self.seams.spawn = Some(spawn);
        self
    }

    /// Another source of randomness: for assertions of the client.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.seams.entropy = Some(entropy);
        self
    }

    /// What the issuer is asked with. Default with the feature `client`: gambeson-client.
    pub fn transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.seams.transport = Some(transport);
        self
    }

    /// What asks. Does not ask yet.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn build(mut self) -> Result<Revocation, ConfigError> {
        let mut problems = ConfigProblems::new();
        self.issuer.validate(self.run_in, &mut problems);
        self.client.validate("revocation", &mut problems);
        if matches!(self.issuer.source, KeySource::Static { .. }) {
            problems.add("revocation.issuer", self.issuer.name(), "it needs discovery: Issuer::discover");
        }
        self.fill_in(&mut problems);
        problems.check()?;
        let missing = || ConfigError::one("revocation", "", "give clock, spawn, entropy and transport");
        let (clock, entropy) = self.seams.clock.take().zip(self.seams.entropy.take()).ok_or_else(missing)?;
        let (transport, spawn) =
            self.seams.transport.take().zip(self.seams.spawn.take()).ok_or_else(missing)?;
        let endpoint = Endpoint::new(&self.issuer, self.run_in, transport, self.deadline);
        Ok(Revocation(Arc::new(Shared {
            client: self.client,
            exchanges: Exchanges::new(Arc::clone(&clock), entropy),
            known: Known::new(endpoint, ClientEndpoint::revocation, clock, spawn),
        })))
    }

    fn fill_in(&mut self, problems: &mut ConfigProblems) {
        self.seams.fill_in();
        let given = self.seams.transport.take();
        self.seams.transport = self.client.transport("revocation", given, &self.issuer, problems);
    }
}
