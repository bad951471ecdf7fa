//! Describes a [`Verifier`].

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use gambeson_core::{
    AuditSink, Clock, ConfigError, ConfigProblems, Entropy, HttpTransport, Profile, Spawn, Timer,
};

use crate::cache::{Cache, CacheConfig};
use crate::denylist::Denylist;
use crate::introspection::{Introspection, IntrospectionBuilder};
use crate::issuer::{Issuer, KeySource};
use crate::key_policy::KeyPolicy;
use crate::keys::{Endpoint, KeySet, Remote, RemoteParts};
use crate::policy::{ClaimNames, Policy, TokenKind, TokenProfile};
use crate::seams::Seams;
use crate::telemetry;
use crate::tenants::Tenants;
use crate::token_endpoint::ClientAuth;
use crate::verifier::{Keys, Shared, Verifier};

/// A verifier of which the audience is not known yet: a token for another API must never be taken for one for this.
#[derive(Debug)]
#[must_use = "name an audience, then build"]
pub struct NeedsAudience(Issuer);

impl NeedsAudience {
    pub(crate) fn new(issuer: Issuer) -> Self {
        Self(issuer)
    }

    /// The name by which tokens mean this API (`aud`, RFC 9068 §4).
    pub fn audience(self, audience: impl Into<Box<str>>) -> VerifierBuilder {
        let (kind, names) = (TokenKind::Access(self.0.dialect.profile), self.0.dialect.names.clone());
        VerifierBuilder {
            issuer: self.0,
            audiences: vec![audience.into()],
            kind,
            run_in: Profile::default(),
            leeway: Duration::from_secs(30),
            max_lifetime: Duration::from_secs(86_400),
            max_token: 8 << 10,
            names,
            keys: KeyPolicy::default(),
            cache: CacheConfig::default(),
            seams: Seams::default(),
            audit: None,
            denylist: None,
            shared: None,
        }
    }
}

/// Describes a [`Verifier`] piece by piece. Every setting but the audience has a default.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct VerifierBuilder {
    issuer: Issuer,
    audiences: Vec<Box<str>>,
    kind: TokenKind,
    run_in: Profile,
    leeway: Duration,
    max_lifetime: Duration,
    max_token: usize,
    names: ClaimNames,
    keys: KeyPolicy,
    cache: CacheConfig,
    seams: Seams,
    audit: Option<Arc<dyn AuditSink>>,
    denylist: Option<Denylist>,
    shared: Option<Verifier>,
}

impl VerifierBuilder {
    /// A further name by which tokens mean this API.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Which kind of token is accepted. Default [`TokenProfile::AccessToken`], or what a preset of the issuer says.
    pub fn profile(self, profile: TokenProfile) -> Self {
        Self { kind: TokenKind::Access(profile), ..self }
    }

    /// ID tokens of a log-in in place of access tokens. Their lifetime is not limited: each is looked at once.
    pub(crate) fn for_id_tokens(self) -> Self {
        let max_lifetime = Duration::from_secs(u64::from(u32::MAX));
        Self { kind: TokenKind::Id, cache: CacheConfig::off(), max_lifetime, ..self }
    }

    /// Which shortcuts are allowed: in [`Profile::Development`] the issuer may be on loopback, in plain http, and a
    /// development identity provider. Default [`Profile::Production`].
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// How far the clocks here and at the issuer may differ. Default 30 s, at most 5 min.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// The longest time from `iat` to `exp` of an accepted token. Default 24 h; above 1 h there is one warning.
    pub fn max_token_lifetime(self, max_lifetime: Duration) -> Self {
        Self { max_lifetime, ..self }
    }

    /// The longest token that is looked at, in bytes. Default 8192, at most 65536.
    pub fn max_token_bytes(self, max_token: usize) -> Self {
        Self { max_token, ..self }
    }

    /// Which claims hold roles, groups, organisation, scopes and the client. Default: the standard's, or what a preset of the
    /// issuer says.
    pub fn claims(self, names: ClaimNames) -> Self {
        Self { names, ..self }
    }

    /// How keys are fetched and trusted.
    pub fn keys(self, keys: KeyPolicy) -> Self {
        Self { keys, ..self }
    }

    /// Takes the keys that another verifier of the same issuer fetches: one issuer is asked once, whatever for. How they are fetched
    /// and trusted is the other's to say then. Default: this one fetches its own.
    pub fn keys_of(mut self, other: &Verifier) -> Self {
        self.shared = Some(other.clone());
        self
    }

    /// The verified-token cache. Default: on, 60 s, 4096 entries.
    pub fn cache(self, cache: CacheConfig) -> Self {
        Self { cache, ..self }
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.seams.clock = Some(clock);
        self
    }

    /// Another timer.
    pub fn timer(mut self, timer: Arc<dyn Timer>) -> Self {
        self.seams.timer = Some(timer);
        self
    }

    /// Other background tasks.
    pub fn spawn(mut self, spawn: Arc<dyn Spawn>) -> Self {
        self.seams.spawn = Some(spawn);
        self
    }

    /// Another source of randomness; it only spreads refreshes over time.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.seams.entropy = Some(entropy);
        self
    }

    /// What discovery and keys are fetched with. Default with the feature `client`: gambeson-client, with the platform's
    /// root certificates and the proxy that the environment names.
    pub fn transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.seams.transport = Some(transport);
        self
    }

    /// Who keeps the audit events of refused credentials. Default: nobody.
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(sink);
        self
    }

    /// The list of what ends before its time. Tokens without `iat` are refused then. Default: none, so that a token works until its
    /// `exp` whoever has logged out.
    pub fn denylist(mut self, denylist: Denylist) -> Self {
        self.denylist = Some(denylist);
        self
    }

    /// What asks the issuer about tokens that are no JWT (RFC 7662): for this issuer, these audiences and all else that was given so far.
    pub fn introspection(&self, url: impl Into<String>, client: ClientAuth) -> IntrospectionBuilder {
        let builder = Introspection::builder(self.issuer.clone(), url, client);
        let builder = builder.run_in(self.run_in).leeway(self.leeway).claims(self.names.clone());
        let builder = self.audiences.iter().cloned().fold(builder, IntrospectionBuilder::audience);
        let builder = self.denylist.clone().into_iter().fold(builder, IntrospectionBuilder::denylist);
        let builder = self.seams.clock.clone().into_iter().fold(builder, IntrospectionBuilder::clock);
        let builder = self.seams.entropy.clone().into_iter().fold(builder, IntrospectionBuilder::entropy);
        self.seams.transport.clone().into_iter().fold(builder, IntrospectionBuilder::transport)
    }

    pub(crate) fn given_profile(&self) -> Profile {
        self.run_in
    }

    pub(crate) fn given_clock(&self) -> Option<Arc<dyn Clock>> {
        self.seams.clock.clone()
    }

    pub(crate) fn given_denylist(&self) -> Option<&Denylist> {
        self.denylist.as_ref()
    }

    /// The verifier. Does not ask the issuer, so the app starts without it; the first fetch begins at once where there
    /// is a runtime, else with the first request.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn build(mut self) -> Result<Verifier, ConfigError> {
        let mut problems = ConfigProblems::new();
        self.validate(&mut problems);
        self.seams.fill_in();
        let keys = self.take_keys(&mut problems);
        if self.seams.clock.is_none() {
            missing("clock", &mut problems);
        }
        problems.check()?;
        if self.issuer.dialect.tenants.as_ref().is_some_and(Tenants::is_open) {
            telemetry::any_tenant(self.issuer.name());
        }
        match (keys, self.seams.clock.take()) {
            (Some(keys), Some(clock)) => Ok(Verifier::new(Shared {
                policy: self.policy(),
                keys: match keys {
                    Source::Static(keys) => Keys::Static(keys),
                    Source::Remote(parts) => Keys::Remote(Remote::new(*parts)),
                    Source::Shared(remote) => Keys::Remote(remote),
                },
                cache: Cache::new(self.cache),
                clock,
                audit: self.audit,
                denylist: self.denylist,
                warned_of_lifetime: AtomicBool::new(false),
            })),
            _ => Err(ConfigError::one("verifier", "", "name the parts that are missing")),
        }
    }

    fn validate(&self, problems: &mut ConfigProblems) {
        self.issuer.validate(self.run_in, problems);
        self.keys.validate(problems);
        self.cache.validate(problems);
        self.issuer.dialect.validate(&self.audiences, problems);
        for audience in self.audiences.iter().filter(|audience| audience.trim().is_empty()) {
            problems.add("audience", &**audience, "name the API as its tokens do");
        }
        if self.leeway > Duration::from_secs(300) {
            problems.add(
                "leeway",
                format!("{:?}", self.leeway),
                "at most 5 minutes; mend the clocks instead",
            );
        }
        if self.max_lifetime.is_zero() {
            problems.add("max_token_lifetime", "0", "allow tokens to live");
        }
        if let Some(denylist) = &self.denylist {
            denylist.validate(self.max_lifetime.saturating_add(self.leeway), self.leeway, problems);
        }
        if !(256..=65_536).contains(&self.max_token) {
            problems.add("max_token_bytes", self.max_token.to_string(), "choose between 256 and 65536");
        }
        self.names.validate(problems);
    }

    /// The house's own client where no other was given; only issuers that are asked need one.
    #[cfg(feature = "client")]
    fn fill_in_transport(&mut self, problems: &mut ConfigProblems) {
        if self.seams.transport.is_some() {
            return;
        }
        match self.issuer.client() {
            Ok(client) => self.seams.transport = Some(client),
            Err(error) => problems.extend(error),
        }
    }

    #[cfg(not(feature = "client"))]
    fn fill_in_transport(&mut self, _: &mut ConfigProblems) {}

    fn take_keys(&mut self, problems: &mut ConfigProblems) -> Option<Source> {
        if let Some(other) = self.shared.take() {
            return self.shared_keys(&other, problems);
        }
        match &self.issuer.source {
            KeySource::Static { document } => match KeySet::parse(document.as_bytes()) {
                Ok(keys) => Some(Source::Static(keys)),
                Err(error) => {
                    problems.add("issuer.static_keys", "", format!("give a JWK Set (RFC 7517 §5): {error}"));
                    None
                }
            },
            KeySource::Discovery { .. } => {
                self.take_parts(problems).map(|parts| Source::Remote(Box::new(parts)))
            }
        }
    }

    fn shared_keys(&self, other: &Verifier, problems: &mut ConfigProblems) -> Option<Source> {
        let Some(other) = other.each().find(|one| one.issuer() == &*self.issuer.name) else {
            let cure =
                format!("give the verifier of {}: another issuer's keys say nothing here", self.issuer.name);
            problems.add("keys_of", other.issuer(), cure);
            return None;
        };
        Some(match &other.0.keys {
            Keys::Static(keys) => Source::Static(keys.clone()),
            Keys::Remote(remote) => Source::Shared(Arc::clone(remote)),
        })
    }

    fn take_parts(&mut self, problems: &mut ConfigProblems) -> Option<RemoteParts> {
        self.fill_in_transport(problems);
        for (name, there) in [
            ("transport", self.seams.transport.is_some()),
            ("clock", self.seams.clock.is_some()),
            ("timer", self.seams.timer.is_some()),
            ("spawn", self.seams.spawn.is_some()),
            ("entropy", self.seams.entropy.is_some()),
        ] {
            if !there && name != "clock" && !(name == "transport" && cfg!(feature = "client")) {
                missing(name, problems);
            }
        }
        Some(RemoteParts {
            endpoint: Endpoint::new(
                &self.issuer,
                self.run_in,
                self.seams.transport.take()?,
                self.keys.fetch_deadline,
            ),
            policy: self.keys,
            clock: self.seams.clock.clone()?,
            timer: self.seams.timer.take()?,
            spawn: self.seams.spawn.take()?,
            entropy: self.seams.entropy.take()?,
        })
    }

    fn policy(&self) -> Policy {
        Policy {
            leeway: self.leeway,
            max_lifetime: self.max_lifetime,
            max_token: self.max_token,
            names: self.names.paths(),
            ..Policy::of(&self.issuer, self.kind, self.audiences.clone())
        }
        .identified()
    }
}

enum Source {
    Static(KeySet),
    Remote(Box<RemoteParts>),
    Shared(Arc<Remote>),
}

fn missing(name: &str, problems: &mut ConfigProblems) {
    let cure = match name {
        "transport" => "give the HTTP transport that fetches keys, for example gambeson-client's",
        _ => "give one, or enable the feature `system`",
    };
    problems.add(name, "", cure);
}
