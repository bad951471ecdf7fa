//! The whole crate from plain data.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems, Profile, SecretResolver};

use crate::builder::VerifierBuilder;
use crate::cache::CacheConfig;
use crate::certificate::{CertificateLayer, CertificateLayerBuilder, CertificatesConfig};
use crate::configured::Configured;
use crate::credential_config::{DenylistConfig, DpopConfig, IntrospectionConfig};
use crate::denylist::{DenialLog, Denylist};
use crate::issuer::Issuer;
use crate::key_policy::KeyPolicy;
use crate::login::LoginBuilder;
use crate::login_config::LoginConfig;
use crate::outgoing::{OutgoingConfig, Resend, Tables, TokenLayer, TokenSourceBuilder, World};
use crate::policy::{ClaimNames, TokenProfile};
use crate::preset_config::{ClaimsConfig, Preset, RuleConfig};
use crate::shared::Shared;
use crate::verifier::Verifier;

/// What a configuration file says of this crate: the table `[oidc-auth]`.
///
/// Stores, clocks, sinks and the profile are code's to give: [`Config::build`] takes them as changes to the builders.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// # use gambeson_oidc_auth::Config;
/// let config: Config = toml::from_str(r#"
///     issuer = "https://id.example.com"
///     audience = "notes"
///     leeway = "10s"
///     claims.roles = "/realm_access/roles"
///
///     [login]
///     client-id = "notes-web"
///     client-secret = "env://OIDC_CLIENT_SECRET"
///     public-origin = "https://notes.example.com"
///     idle = "15m"
/// "#).unwrap();
/// assert_eq!(config.audience, ["notes"]);
/// # }
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct Config {
    /// The exact name of the issuer. See [`Issuer::discover`]. This or `preset` is required.
    pub issuer: String,
    /// A provider's preset in place of `issuer`. What it says of the token profile and of claims is the default then.
    pub preset: Option<Preset>,
    /// Rules that tokens must keep. See [`Issuer::require`]. Default: none, but for those of the preset.
    pub require: Vec<RuleConfig>,
    /// Where its discovery document is, when that is not below its name. See [`Issuer::metadata_url`].
    pub metadata_url: Option<String>,
    /// The file with the token that this app shows the issuer when it fetches keys. See [`Issuer::credentials_file`]. Default: none.
    pub credentials_file: Option<PathBuf>,
    /// Where its keys are, whatever the document names. See [`Issuer::jwks_url`].
    pub jwks_url: Option<String>,
    /// See [`Issuer::allow_special_use_addresses`]. Default false.
    pub allow_special_use_addresses: bool,
    /// See [`Issuer::allow_private`]. Default: none.
    pub allow_private: Vec<String>,
    /// The names by which access tokens mean this API: one, or a list. None: no access tokens, only a log-in.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "one_or_several"))]
    pub audience: Vec<String>,
    /// `access-token` or `jwt-lenient`. Default: what the preset says; `access-token` without one.
    pub token_profile: Option<TokenProfile>,
    /// See [`VerifierBuilder::leeway`]. Default 30 s; for ID tokens too.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub leeway: Duration,
    /// See [`VerifierBuilder::max_token_lifetime`]. Default 24 h.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub max_token_lifetime: Duration,
    /// See [`VerifierBuilder::max_token_bytes`]. Default 8192.
    pub max_token_bytes: usize,
    /// Which claims hold roles, groups, organisation and scopes; for ID tokens too. Default, name by name: what the preset says, else
    /// the standard's.
    pub claims: ClaimsConfig,
    /// How keys are fetched and trusted.
    pub keys: KeyPolicy,
    /// The verified-token cache.
    pub cache: CacheConfig,
    /// Further issuers whose tokens are taken, each with its own audience, rules and keys (see [`Verifier::any_of`]). They have no
    /// log-in and no further issuers of their own. Default: none.
    pub also: Vec<Self>,
    /// Who is asked about tokens that are no JWT. Default: nobody; they are refused.
    pub introspection: Option<IntrospectionConfig>,
    /// How proofs of tokens that are bound to a key are checked. Default: such tokens are refused.
    pub dpop: Option<DpopConfig>,
    /// See [`AuthLayer::require_sender_constraint`](crate::AuthLayer::require_sender_constraint). Default false.
    pub require_sender_constraint: bool,
    /// The list of tokens that end before their time, for all issuers; an empty table is one with the defaults. Default: none.
    pub denylist: Option<DenylistConfig>,
    /// The log-in of browsers, if there is one.
    pub login: Option<LoginConfig>,
    /// The services that are known by their certificates. See [`Config::certificates`]. Default: none.
    pub certificates: Option<CertificatesConfig>,
    /// What instances share, if there are several; [`RedisConfig::build`](crate::redis::RedisConfig::build) makes the stores, and
    /// [`Config::shared`] what [`Config::build_shared`] takes. Default: nothing.
    #[cfg(feature = "redis")]
    pub redis: Option<crate::redis::RedisConfig>,
    /// The tokens for other services, by a name of your choice: see [`Config::outgoing`]. Default: none.
    pub outgoing: BTreeMap<String, OutgoingConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            preset: None,
            require: Vec::new(),
            metadata_url: None,
            jwks_url: None,
            credentials_file: None,
            allow_special_use_addresses: false,
            allow_private: Vec::new(),
            audience: Vec::new(),
            token_profile: None,
            leeway: Duration::from_secs(30),
            max_token_lifetime: Duration::from_secs(86_400),
            max_token_bytes: 8_192,
            claims: ClaimsConfig::default(),
            keys: KeyPolicy::default(),
            cache: CacheConfig::default(),
            also: Vec::new(),
            introspection: None,
            dpop: None,
            require_sender_constraint: false,
            denylist: None,
            login: None,
            certificates: None,
            #[cfg(feature = "redis")]
            redis: None,
            outgoing: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Builds all that is described. `verifier` (for each issuer) and `login` add what data can't say (profile, clock, sinks, stores);
    /// what asks about opaque tokens has the profile, the clock and the transport of the first verifier.
    /// `secrets` reads the client's secret, if one is named. The log-in takes its keys from the verifier of the same issuer.
    ///
    /// # Errors
    /// All problems of all parts.
    pub fn build(
        &self,
        verifier: impl Fn(VerifierBuilder) -> VerifierBuilder,
        login: impl FnOnce(LoginBuilder) -> LoginBuilder,
        secrets: Option<Arc<dyn SecretResolver>>,
    ) -> Result<Configured, ConfigError> {
        self.build_shared(verifier, login, secrets, Shared::default())
    }

    /// The same for one of several instances, with what they share.
    ///
    /// # Errors
    /// As [`Config::build`].
    #[expect(clippy::needless_pass_by_value, reason = "the parts keep it; they are given clones")]
    pub fn build_shared(
        &self,
        verifier: impl Fn(VerifierBuilder) -> VerifierBuilder,
        login: impl FnOnce(LoginBuilder) -> LoginBuilder,
        secrets: Option<Arc<dyn SecretResolver>>,
        shared: Shared,
    ) -> Result<Configured, ConfigError> {
        let Shared { replay, denials, log_in, .. } = shared;
        let mut problems = ConfigProblems::new();
        self.validate(&mut problems);
        let first = self.first_verifier().map(&verifier);
        let denylist = self.denylist(first.as_ref(), denials, &mut problems);
        let verifier = |builder| with_denylist(verifier(builder), denylist.as_ref());
        let first = first.map(|builder| with_denylist(builder, denylist.as_ref()));
        let introspection = self.introspection.as_ref().zip(first.as_ref());
        let introspection = introspection.map(|(table, first)| table.build(first, secrets.as_ref()));
        let dpop = self.dpop.as_ref().zip(first.as_ref()).map(|(table, first)| table.build(first, replay));
        let first = first.map(VerifierBuilder::build);
        let login = self.login_builder(secrets.as_ref(), &mut problems).map(|builder| {
            // One issuer, one set of keys.
            let builder = match &first {
                Some(Ok(verifier)) => builder.keys_of(verifier),
                _ => builder,
            };
            let builder = match log_in {
                Some((sessions, key)) => builder.store(sessions).cookie_key(key),
                None => builder,
            };
            let builder = denylist.iter().fold(builder, |builder, list| builder.denylist(list.clone()));
            login(builder).build()
        });
        if self.audience.is_empty() && self.login.is_none() && self.certificates.is_none() {
            problems.add(
                "audience",
                "",
                "name this API as its tokens do, or describe a log-in or certificates",
            );
        }
        let first = kept(first, &mut problems);
        let verifier = self.with_others(first, verifier, &mut problems);
        let login = kept(login, &mut problems);
        let (introspection, dpop) = (kept(introspection, &mut problems), kept(dpop, &mut problems));
        problems.into_result(Configured {
            verifier,
            login,
            introspection,
            dpop,
            denylist,
            require_sender_constraint: self.require_sender_constraint,
        })
    }

    /// One list for all issuers, by the clock of the first verifier.
    fn denylist(
        &self,
        first: Option<&VerifierBuilder>,
        denials: Option<Arc<dyn DenialLog>>,
        problems: &mut ConfigProblems,
    ) -> Option<Denylist> {
        let leeway = self.also.iter().map(|other| other.leeway).fold(self.leeway, Duration::max);
        let (table, first) = self.denylist.as_ref().zip(first)?;
        kept(Some(table.build(first, leeway, denials)), problems)
    }

    /// The layer that knows services by their certificates; `None` when none is described. `change` adds what data can't say (clock,
    /// sink).
    ///
    /// # Errors
    /// All problems of its table; also `yield-to-tokens` without an audience: no token would be looked at.
    pub fn certificates(
        &self,
        change: impl FnOnce(CertificateLayerBuilder) -> CertificateLayerBuilder,
    ) -> Result<Option<CertificateLayer>, ConfigError> {
        let Some(described) = &self.certificates else { return Ok(None) };
        if described.yield_to_tokens && self.audience.is_empty() {
            let cure = "name this API as audience, so that somebody looks at tokens, or leave it out";
            return Err(ConfigError::one("certificates.yield-to-tokens", "true", cure));
        }
        change(described.builder()).build().map(Some)
    }

    /// The layer that puts tokens on calls to the other service of this name. `change` adds what data can't say (clock, transport), to its
    /// source and to those of its subject and actor.
    ///
    /// # Errors
    /// All problems of its table and of those that it names; also when there is none of that name.
    pub fn outgoing(
        &self,
        name: &str,
        run_in: Profile,
        secrets: Option<&Arc<dyn SecretResolver>>,
        change: impl Fn(TokenSourceBuilder) -> TokenSourceBuilder,
    ) -> Result<TokenLayer<Resend>, ConfigError> {
        let world = World { issuer: self.issuer(), run_in, secrets, change: &change };
        Tables::new(&self.outgoing, world).one(name)
    }

    /// The layers of all tables, by their names. A source that several use is one. A table without origins that others name as their
    /// subject or actor has no layer.
    ///
    /// # Errors
    /// All problems of all tables.
    pub fn outgoing_layers(
        &self,
        run_in: Profile,
        secrets: Option<&Arc<dyn SecretResolver>>,
        change: impl Fn(TokenSourceBuilder) -> TokenSourceBuilder,
    ) -> Result<BTreeMap<String, TokenLayer<Resend>>, ConfigError> {
        let world = World { issuer: self.issuer(), run_in, secrets, change: &change };
        Tables::new(&self.outgoing, world).all()
    }

    /// The verifier of access tokens that is described; `None` when no audience is named. One with further issuers can't be built from
    /// it: [`Config::build`] does that.
    #[must_use]
    pub fn verifier(&self) -> Option<VerifierBuilder> {
        let issuer = match self.also.is_empty() {
            true => self.issuer(),
            false => self.issuer().mistaken("also", "", "build further issuers with Config::build"),
        };
        self.verifier_of(issuer)
    }

    fn first_verifier(&self) -> Option<VerifierBuilder> {
        self.verifier_of(self.issuer())
    }

    fn verifier_of(&self, issuer: Issuer) -> Option<VerifierBuilder> {
        let (first, others) = self.audience.split_first()?;
        let (profile, names) = (self.profile(&issuer), self.names(&issuer));
        let builder = Verifier::builder(issuer).audience(first.as_str());
        let builder = others.iter().fold(builder, |builder, audience| builder.audience(audience.as_str()));
        Some(
            builder
                .profile(profile)
                .leeway(self.leeway)
                .max_token_lifetime(self.max_token_lifetime)
                .max_token_bytes(self.max_token_bytes)
                .claims(names)
                .keys(self.keys)
                .cache(self.cache),
        )
    }

    /// The first issuer's verifier and those of the others as one.
    fn with_others(
        &self,
        first: Option<Verifier>,
        verifier: impl Fn(VerifierBuilder) -> VerifierBuilder,
        problems: &mut ConfigProblems,
    ) -> Option<Verifier> {
        if self.also.is_empty() {
            return first;
        }
        let mut all: Vec<Verifier> = first.into_iter().collect();
        for (index, other) in self.also.iter().enumerate() {
            match other.build_alone(&verifier) {
                Ok(other) => all.push(other),
                Err(error) => error.problems().iter().for_each(|problem| {
                    problems.add(format!("also[{index}].{}", problem.field), &*problem.value, &*problem.cure);
                }),
            }
        }
        if all.is_empty() {
            return None;
        }
        Verifier::any_of(all).map_err(|error| problems.extend(error)).ok()
    }

    fn build_alone(
        &self,
        verifier: impl Fn(VerifierBuilder) -> VerifierBuilder,
    ) -> Result<Verifier, ConfigError> {
        let mut problems = ConfigProblems::new();
        self.validate(&mut problems);
        if self.certificates.is_some() {
            problems.add("certificates", "", "describe them beside the first issuer: they are no issuer's");
        }
        if self.login.is_some() {
            problems.add("login", "", "only the first issuer has a log-in: describe it there");
        }
        if !self.also.is_empty() {
            problems.add("also", "", "list all further issuers beside the first");
        }
        for (field, _) in self.of_all_issuers().into_iter().filter(|(_, is_there)| *is_there) {
            problems.add(field, "", "it is one for all issuers: describe it beside the first");
        }
        if !self.outgoing.is_empty() {
            problems.add(
                "outgoing",
                "",
                "tokens for other services are the first issuer's: describe them there",
            );
        }
        let built = kept(self.first_verifier().map(|builder| verifier(builder).build()), &mut problems);
        if self.audience.is_empty() {
            problems.add("audience", "", "name this API as the issuer's tokens do");
        }
        problems.check()?;
        built.ok_or_else(|| ConfigError::one("issuer", "", "name the issuer"))
    }

    fn login_builder(
        &self,
        secrets: Option<&Arc<dyn SecretResolver>>,
        problems: &mut ConfigProblems,
    ) -> Option<LoginBuilder> {
        let login = self.login.as_ref()?;
        let issuer = self.issuer();
        let names = self.names(&issuer);
        Some(login.builder(issuer, secrets, problems).leeway(self.leeway).claims(names))
    }

    fn validate(&self, problems: &mut ConfigProblems) {
        let verifies_nothing = self.audience.is_empty();
        for (field, is_there) in self.of_all_issuers() {
            if is_there && verifies_nothing {
                problems.add(
                    field,
                    "",
                    "it is for access tokens: name this API as audience, or leave it out",
                );
            }
        }
    }

    /// What there is of the settings that concern all access tokens, whoever issued them.
    fn of_all_issuers(&self) -> [(&'static str, bool); 4] {
        [
            ("introspection", self.introspection.is_some()),
            ("dpop", self.dpop.is_some()),
            ("require-sender-constraint", self.require_sender_constraint),
            ("denylist", self.denylist.is_some()),
        ]
    }

    fn profile(&self, issuer: &Issuer) -> TokenProfile {
        self.token_profile.unwrap_or(issuer.dialect.profile)
    }

    fn names(&self, issuer: &Issuer) -> ClaimNames {
        self.claims.names(&issuer.dialect.names)
    }

    fn issuer(&self) -> Issuer {
        let issuer = match &self.preset {
            Some(preset) => preset.issuer(),
            None => Issuer::discover(self.issuer.as_str()),
        };
        let issuer = match self.preset.is_some() && !self.issuer.is_empty() {
            true => issuer.mistaken("issuer", &self.issuer, "name the issuer or a preset, not both"),
            false => issuer,
        };
        let issuer = self.require.iter().fold(issuer, |issuer, rule| rule.add_to(issuer));
        let mut issuer = issuer.allow_private(self.allow_private.iter().cloned());
        if let Some(url) = &self.metadata_url {
            issuer = issuer.metadata_url(url);
        }
        if let Some(url) = &self.jwks_url {
            issuer = issuer.jwks_url(url);
        }
        if let Some(file) = &self.credentials_file {
            issuer = issuer.credentials_file(file);
        }
        match self.allow_special_use_addresses {
            true => issuer.allow_special_use_addresses(),
            false => issuer,
        }
    }
}

/// What code gave comes before what the file says.
fn with_denylist(builder: VerifierBuilder, denylist: Option<&Denylist>) -> VerifierBuilder {
    match denylist.filter(|_| builder.given_denylist().is_none()) {
        Some(denylist) => builder.denylist(denylist.clone()),
        None => builder,
    }
}

/// Two parts of one configuration find the same problem once.
fn kept<T>(built: Option<Result<T, ConfigError>>, problems: &mut ConfigProblems) -> Option<T> {
    match built? {
        Ok(value) => Some(value),
        Err(error) => {
            let known = problems.clone().check().err();
            for problem in error.problems() {
                if !known.as_ref().is_some_and(|known| known.problems().contains(problem)) {
                    problems.add(&*problem.field, &*problem.value, &*problem.cure);
                }
            }
            None
        }
    }
}

#[cfg(feature = "serde")]
fn one_or_several<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrSeveral {
        One(String),
        Several(Vec<String>),
    }

    OneOrSeveral::deserialize(input).map(|read| match read {
        OneOrSeveral::One(one) => vec![one],
        OneOrSeveral::Several(several) => several,
    })
}
