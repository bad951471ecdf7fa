//! Describes an [`Introspection`].

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, ConfigError, ConfigProblems, Entropy, HttpTransport, Profile};

use super::{Introspection, Shared};
use crate::cache::{Cache, CacheConfig};
use crate::denylist::Denylist;
use crate::issuer::{Issuer, acceptable};
use crate::keys::Endpoint;
use crate::policy::{ClaimNames, Policy, TokenKind, TokenProfile};
use crate::seams::Seams;
use crate::telemetry;
use crate::tenants::Tenants;
use crate::token_endpoint::{ClientAuth, Exchanges};

/// Describes an [`Introspection`] piece by piece.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct IntrospectionBuilder {
    issuer: Issuer,
    url: String,
    client: ClientAuth,
    audiences: Vec<Box<str>>,
    any_audience: bool,
    denylist: Option<Denylist>,
    run_in: Profile,
    leeway: Duration,
    deadline: Duration,
    names: ClaimNames,
    cache: CacheConfig,
    seams: Seams,
}

impl IntrospectionBuilder {
    pub(crate) const DEADLINE: Duration = Duration::from_secs(5);
    pub(crate) const CACHE_TTL: Duration = Duration::from_secs(10);

    pub(super) fn new(issuer: Issuer, url: String, client: ClientAuth) -> Self {
        Self {
            names: issuer.dialect.names.clone(),
            issuer,
            url,
            client,
            audiences: Vec::new(),
            any_audience: false,
            denylist: None,
            run_in: Profile::default(),
            leeway: Duration::from_secs(30),
            deadline: Self::DEADLINE,
            cache: CacheConfig::default().ttl(Self::CACHE_TTL),
            seams: Seams::default(),
        }
    }

    /// A name by which tokens mean this API (`aud`). At least one is needed.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts answers without `aud`, and those for others: for an issuer whose tokens are all for this API. Where its answers have no
    /// `token_type` either, refresh tokens pass for access tokens.
    pub fn dangerously_any_audience(self) -> Self {
        Self { any_audience: true, ..self }
    }

    /// Which shortcuts are allowed, as for [`VerifierBuilder::run_in`](crate::VerifierBuilder::run_in).
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// How far the clocks here and at the issuer may differ. Default 30 s, at most 5 min.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// How long an answer may take. Default 5 s, from 100 ms to 30 s.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How long good answers are kept, and how many: so long a revoked token works on. Default 10 s, 4096 entries.
    pub fn cache(self, cache: CacheConfig) -> Self {
        Self { cache, ..self }
    }

    /// Which members of the answer hold roles, groups, organisation, scopes and the client. Default: the standard's, or what a preset of
    /// the issuer says.
    pub fn claims(self, names: ClaimNames) -> Self {
        Self { names, ..self }
    }

    /// The list of what ends before its time: a denial counts at once, also while an answer is kept. Answers without `iat` or `exp` are
    /// refused then, and those of tokens that live longer than the list keeps denials ([`DenylistBuilder::keep`](crate::denylist::DenylistBuilder::keep)), less the leeway.
    /// Default: none.
    pub fn denylist(mut self, denylist: Denylist) -> Self {
        self.denylist = Some(denylist);
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.seams.clock = Some(clock);
        self
    }

    /// Another source of randomness: for assertions of the client.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.seams.entropy = Some(entropy);
        self
    }

    /// What the endpoint is asked with. Default with the feature `client`: gambeson-client.
    pub fn transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.seams.transport = Some(transport);
        self
    }

    /// What asks.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn build(mut self) -> Result<Introspection, ConfigError> {
        let mut problems = ConfigProblems::new();
        self.validate(&mut problems);
        self.fill_in(&mut problems);
        problems.check()?;
        if self.issuer.dialect.tenants.as_ref().is_some_and(Tenants::is_open) {
            telemetry::any_tenant(self.issuer.name());
        }
        let missing = || ConfigError::one("introspection", "", "give clock, entropy and transport");
        let (clock, entropy) = self.seams.clock.take().zip(self.seams.entropy.take()).ok_or_else(missing)?;
        let transport = self.seams.transport.take().ok_or_else(missing)?;
        Ok(Introspection(Arc::new(Shared {
            endpoint: Endpoint::new(&self.issuer, self.run_in, transport, self.deadline),
            policy: self.policy(),
            exchanges: Exchanges::new(Arc::clone(&clock), entropy),
            any_audience: self.any_audience,
            denylist: self.denylist,
            good: Cache::new(self.cache),
            url: self.url,
            client: self.client,
            clock,
            refused: super::Refused::default(),
            flights: Arc::default(),
        })))
    }

    fn validate(&self, problems: &mut ConfigProblems) {
        self.issuer.validate(self.run_in, problems);
        self.client.validate("introspection", problems);
        self.cache.validate(problems);
        self.names.validate(problems);
        self.issuer.dialect.validate(&self.audiences, problems);
        if let Err(cure) = acceptable(&self.url, self.run_in) {
            problems.add("introspection.url", &*self.url, cure);
        }
        let blank = self.audiences.iter().any(|audience| audience.trim().is_empty());
        if blank || (self.audiences.is_empty() && !self.any_audience) {
            problems.add("introspection.audience", "", "name the API as its tokens do");
        }
        if self.leeway > Duration::from_secs(300) {
            problems.add("introspection.leeway", format!("{:?}", self.leeway), "at most 5 minutes");
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(30)).contains(&self.deadline) {
            let value = format!("{:?}", self.deadline);
            problems.add("introspection.deadline", value, "choose between 100 ms and 30 s");
        }
        if let Some(denylist) = &self.denylist {
            // What lives longer than denials is refused as it comes: only a list that would refuse all is wrong.
            denylist.validate(self.leeway.saturating_add(Duration::from_secs(1)), self.leeway, problems);
        }
    }

    fn fill_in(&mut self, problems: &mut ConfigProblems) {
        self.seams.fill_in();
        let given = self.seams.transport.take();
        self.seams.transport = self.client.transport("introspection", given, &self.issuer, problems);
    }

    /// The issuer's rules hold whichever way a token is read. A denial must outlast the tokens that it ends.
    fn policy(&self) -> Policy {
        let kind = TokenKind::Access(TokenProfile::JwtLenient);
        let endless = Duration::from_secs(u64::from(u32::MAX));
        let denials = self.denylist.as_ref().map(|list| list.keep().saturating_sub(self.leeway));
        Policy {
            leeway: self.leeway,
            max_lifetime: denials.unwrap_or(endless),
            names: self.names.paths(),
            ..Policy::of(&self.issuer, kind, self.audiences.clone())
        }
        .identified()
    }
}
