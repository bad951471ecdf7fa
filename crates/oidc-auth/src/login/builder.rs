//! Describes a [`Login`].

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{
    AuditSink, Clock, ConfigError, ConfigProblems, Entropy, HttpTransport, Profile, SecretBytes, SecretRef,
    SecretResolver, Spawn, Timer,
};

use super::backchannel::LogoutTokens;
use super::cookies::Cookies;
use super::ending::{SessionlessTokens, WAITING};
use super::handle::{Inner, Login};
use super::memory::MemorySessions;
use super::origin::PublicOrigin;
use super::paths::LoginPaths;
use super::provider::Provider;
use super::refresh::InFlight;
use super::seal::Sealer;
use super::session::SessionLifetime;
use super::store::SessionStore;
use crate::denylist::Denylist;
use crate::issuer::{Issuer, KeySource};
use crate::keys::Endpoint;
use crate::policy::ClaimNames;
use crate::seams::Seams;
use crate::shares::Shares;
use crate::token_endpoint::{AssertionKey, ClientAuth, ClientSecret};
use crate::verifier::Verifier;

/// The parameters of the authorization request that are not the app's to say.
const OWN: [&str; 15] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "acr_values",
    "max_age",
    "request",
    "request_uri",
    "claims",
    "id_token_hint",
];

/// Describes a [`Login`] piece by piece. Issuer, client id and public origin have no default.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct LoginBuilder {
    issuer: Issuer,
    client: ClientAuth,
    origin: Option<String>,
    scopes: Vec<String>,
    parameters: Vec<(String, String)>,
    trusted_audiences: Vec<Box<str>>,
    form_action: Vec<String>,
    acr_values: Vec<Box<str>>,
    paths: LoginPaths,
    lifetime: SessionLifetime,
    cookie_name: String,
    cookie_key: Option<SecretBytes>,
    names: ClaimNames,
    run_in: Profile,
    leeway: Duration,
    deadline: Duration,
    store: Option<Arc<dyn SessionStore>>,
    seams: Seams,
    audit: Option<Arc<dyn AuditSink>>,
    keys_of: Option<Verifier>,
    denylist: Option<Denylist>,
    sessionless_tokens: SessionlessTokens,
    userinfo: bool,
}

impl LoginBuilder {
    pub(super) fn new(issuer: Issuer, client_id: Box<str>) -> Self {
        let names = issuer.dialect.names.clone();
        Self {
            issuer,
            client: ClientAuth::public(client_id),
            origin: None,
            scopes: vec!["openid".into(), "profile".into()],
            parameters: Vec::new(),
            trusted_audiences: Vec::new(),
            form_action: Vec::new(),
            acr_values: Vec::new(),
            paths: LoginPaths::default(),
            lifetime: SessionLifetime::default(),
            cookie_name: "session".into(),
            cookie_key: None,
            names,
            run_in: Profile::default(),
            leeway: Duration::from_secs(30),
            deadline: Duration::from_secs(5),
            store: None,
            seams: Seams::default(),
            audit: None,
            keys_of: None,
            denylist: None,
            sessionless_tokens: SessionlessTokens::default(),
            userinfo: false,
        }
    }

    /// The client's secret. Default: none, a public client, whose codes PKCE alone protects.
    pub fn client_secret(self, secret: SecretBytes) -> Self {
        let client = ClientAuth::secret(self.client.id(), secret);
        Self { client, ..self }
    }

    /// Where the client's secret is; it is asked for at each exchange, so that a rotated one is taken up.
    pub fn client_secret_from(self, reference: SecretRef, resolver: Arc<dyn SecretResolver>) -> Self {
        let client = ClientAuth::secret(self.client.id(), ClientSecret::from_ref(reference, resolver));
        Self { client, ..self }
    }

    /// A key by which this app proves itself in place of a secret: `private_key_jwt`. See [`ClientAuth::private_key_jwt`].
    pub fn private_key_jwt(self, key: AssertionKey) -> Self {
        let client = ClientAuth::private_key_jwt(self.client.id(), key);
        Self { client, ..self }
    }

    /// How this app proves itself, and its id, in whatever way the provider knows it.
    pub fn client_auth(self, client: ClientAuth) -> Self {
        Self { client, ..self }
    }

    /// This app proves itself by the certificate of its transport, which has to be given. See [`ClientAuth::tls`].
    pub fn tls_client_auth(self) -> Self {
        let client = ClientAuth::tls(self.client.id());
        Self { client, ..self }
    }

    /// The origin under which browsers know this app, such as `https://notes.example.com`. What a request says of its host
    /// is never asked. Required.
    pub fn public_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// What to ask for. Default `openid profile`; `openid` is always among them. `offline_access` asks some providers for
    /// a refresh token, others give one anyway; with it the person is asked to consent at each log-in, as OpenID Connect
    /// Core 1.0 §11 wants. What a preset's rules need is asked for as well.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        if !self.scopes.iter().any(|scope| scope == "openid") {
            self.scopes.insert(0, "openid".into());
        }
        self
    }

    /// A further parameter of the authorization request, such as `hd`, `access_type`, `audience` or `prompt`. What the log-in itself
    /// says (state, nonce, PKCE, scope, where to come back to…) can't be said otherwise: the build refuses it. Default none.
    pub fn authorization_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Others that an ID token may name in `aud` beside this client. Default none: a token for several is refused, as OpenID
    /// Connect Core 1.0 §3.1.3.7 wants. For providers that name the whole project in each ID token.
    pub fn trusted_audiences<A: Into<Box<str>>>(mut self, audiences: impl IntoIterator<Item = A>) -> Self {
        self.trusted_audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// The authentication contexts (`acr`) that the address of the log-in may ask the provider for: those of this app's
    /// [`RequireAcr`](crate::RequireAcr) layers. Anybody can write such an address, and must not choose a weaker log-in by it; one that
    /// names another context is refused. Default none.
    pub fn acr_values<V: Into<Box<str>>>(mut self, contexts: impl IntoIterator<Item = V>) -> Self {
        self.acr_values = contexts.into_iter().map(Into::into).collect();
        self
    }

    /// Further sources for [`Login::form_action_sources`], such as `https://login.example.com`: where the provider's pages have another
    /// origin than its name, and the policy of the app's pages is made before the provider was asked. Default none.
    pub fn form_action<O: Into<String>>(mut self, sources: impl IntoIterator<Item = O>) -> Self {
        self.form_action = sources.into_iter().map(Into::into).collect();
        self
    }

    /// Other paths.
    pub fn paths(self, paths: LoginPaths) -> Self {
        Self { paths, ..self }
    }

    /// Other lifetimes of sessions. Default: 30 min without a request, 8 h in all.
    pub fn lifetime(self, lifetime: SessionLifetime) -> Self {
        Self { lifetime, ..self }
    }

    /// Another name of the session cookie, without the `__Host-` that it gets on https. Default `session`.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = name.into();
        self
    }

    /// The secret, at least 32 random bytes, under which log-ins under way are sealed into the browser's cookie. Default:
    /// a random one of this process; several instances of an app need the same one, or one can't finish what another began.
    pub fn cookie_key(mut self, key: SecretBytes) -> Self {
        self.cookie_key = Some(key);
        self
    }

    /// Which claims of the ID token hold roles, groups and organisation: the same mapping as for bearer tokens. Default: that of the
    /// issuer's preset, else `roles`, `groups` and `tenant`.
    pub fn claims(self, names: ClaimNames) -> Self {
        Self { names, ..self }
    }

    /// Which shortcuts are allowed: in [`Profile::Development`] issuer and public origin may be plain http on loopback; the
    /// cookies go without `__Host-` and `Secure` then. Default [`Profile::Production`].
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// How far the clocks here and at the issuer may differ. Default 30 s, at most 5 min.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// How long one request to the provider may take. Default 5 s.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Where sessions are kept. Default [`MemorySessions`].
    pub fn store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.store = Some(store);
        self
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

    /// Other background tasks: refreshes of sessions and of keys.
    pub fn spawn(mut self, spawn: Arc<dyn Spawn>) -> Self {
        self.seams.spawn = Some(spawn);
        self
    }

    /// Another source of randomness.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.seams.entropy = Some(entropy);
        self
    }

    /// What the provider is asked with. Default with the feature `client`: gambeson-client.
    pub fn transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.seams.transport = Some(transport);
        self
    }

    /// Who keeps the audit events of log-ins, log-outs and sessions. Default: nobody.
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(sink);
        self
    }

    /// Takes the keys for ID tokens from the verifier of access tokens of the same issuer, so that the issuer is asked for them
    /// once. Default: the log-in fetches its own.
    pub fn keys_of(mut self, verifier: &Verifier) -> Self {
        self.keys_of = Some(verifier.clone());
        self
    }

    /// The list that verifiers of access tokens ask, so that logging out ends API tokens too: a log-out denies what was issued until
    /// then under the session's `sid`, or of its person where the ID token names no session, and by default the person's tokens that name no
    /// `sid` ([`LoginBuilder::sessionless_tokens`]); a refused refresh what was issued under its
    /// `sid`; [`Sessions::end_all`](super::Sessions::end_all) all of the person; a log-out at the provider what it names. Default: none,
    /// so that access tokens work to their own end.
    pub fn denylist(mut self, denylist: Denylist) -> Self {
        self.denylist = Some(denylist);
        self
    }

    /// What becomes of access tokens without `sid` when their person logs out. Default [`SessionlessTokens::End`]; says nothing
    /// without a [denylist](LoginBuilder::denylist).
    pub fn sessionless_tokens(self, sessionless_tokens: SessionlessTokens) -> Self {
        Self { sessionless_tokens, ..self }
    }

    /// Asks the provider's userinfo endpoint too, after each log-in and each refresh (OpenID Connect Core 1.0 §5.3): for providers that
    /// put roles and groups there and not into ID tokens. Its claims are added to those of the ID token, which win. Never taken from it
    /// are those that say who it is, how they logged in and what was granted, such as `iss`, `aud`, `sid`, `acr`, `amr`, `auth_time` and `scope`.
    ///
    /// The answer must be `application/json` of at most 64 KiB, within [`LoginBuilder::deadline`], and its `sub` the ID token's (§5.3.2):
    /// that of somebody else fails the log-in and ends a session at its refresh. While it can't be had nobody logs in
    /// (`login-unavailable`) and sessions go on as they are. Default: not asked.
    pub fn userinfo(self) -> Self {
        Self { userinfo: true, ..self }
    }

    /// The log-in. Does not ask the provider: the app starts without it.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn build(mut self) -> Result<Login, ConfigError> {
        let mut problems = ConfigProblems::new();
        for scope in self.issuer.dialect.scopes {
            if !self.scopes.iter().any(|asked| asked == scope) {
                self.scopes.push((*scope).to_owned());
            }
        }
        let origin = self.validate(&mut problems);
        self.fill_in(&mut problems);
        let sealer = self.sealer(&mut problems);
        let verifier = self.verifier(&mut problems);
        problems.check()?;
        self.assemble(origin, sealer, verifier)
            .ok_or_else(|| ConfigError::one("login", "", "name the parts that are missing"))
    }

    fn validate(&self, problems: &mut ConfigProblems) -> Option<PublicOrigin> {
        self.paths.validate(problems);
        if matches!(self.issuer.source, KeySource::Static { .. }) {
            problems.add("login.issuer", self.issuer.name(), "a log-in needs discovery: Issuer::discover");
        }
        self.client.validate("login", problems);
        let token = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        if !token(&self.cookie_name) || self.cookie_name.starts_with("__") {
            problems.add(
                "login.cookie-name",
                &*self.cookie_name,
                "choose letters, digits, - and _, without __Host-",
            );
        }
        for scope in
            self.scopes.iter().filter(|scope| scope.is_empty() || scope.contains(char::is_whitespace))
        {
            problems.add("login.scopes", &**scope, "one scope an item");
        }
        for source in
            self.form_action.iter().filter(|source| super::handle::origin_of(source).as_ref() != Some(source))
        {
            problems.add("login.form-action", &**source, "give an origin, such as https://login.example.com");
        }
        let one =
            |context: &str| !context.is_empty() && context.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
        for context in self.acr_values.iter().filter(|context| !one(context)) {
            problems.add("login.acr-values", &**context, "one context an item, as the provider names it");
        }
        self.check_parameters(problems);
        self.check_times(problems);
        match &self.origin {
            Some(origin) => PublicOrigin::parse(origin, self.run_in, problems),
            None => {
                problems.add(
                    "login.public-origin",
                    "",
                    "name this app's own origin, such as https://notes.example.com",
                );
                None
            }
        }
    }

    fn check_parameters(&self, problems: &mut ConfigProblems) {
        let consents = self.scopes.iter().any(|scope| scope == "offline_access");
        for (index, (name, value)) in self.parameters.iter().enumerate() {
            let twice = self.parameters.iter().take(index).any(|(other, _)| other == name);
            if name.is_empty() || twice || OWN.contains(&name.as_str()) || (consents && name == "prompt") {
                let cure = "give another parameter: the log-in says this one itself, or it is there already";
                problems.add(format!("login.authorization-parameters.{name}"), value.as_str(), cure);
            }
        }
    }

    fn check_times(&self, problems: &mut ConfigProblems) {
        let SessionLifetime { idle, absolute } = self.lifetime;
        let minute = Duration::from_secs(60);
        if idle < minute || idle > absolute {
            problems.add("login.idle", format!("{idle:?}"), "choose between 1 min and login.absolute");
        }
        if absolute < minute || absolute > Duration::from_secs(30 * 86_400) {
            problems.add("login.absolute", format!("{absolute:?}"), "choose between 1 min and 30 days");
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(30)).contains(&self.deadline) {
            problems.add("login.deadline", format!("{:?}", self.deadline), "choose between 100 ms and 30 s");
        }
    }

    fn fill_in(&mut self, problems: &mut ConfigProblems) {
        self.seams.fill_in();
        let given = self.seams.transport.take();
        self.seams.transport = self.client.transport("login", given, &self.issuer, problems);
        self.seams.check("login", problems);
    }

    fn sealer(&self, problems: &mut ConfigProblems) -> Option<Sealer> {
        if let Some(key) = &self.cookie_key {
            let sealer = Sealer::new(key.expose());
            if sealer.is_none() {
                problems.add("login.cookie-key", "", "give at least 32 random bytes");
            }
            return sealer;
        }
        let mut key = [0; 32];
        match self.seams.entropy.as_ref()?.fill(&mut key) {
            Ok(()) => Sealer::new(&key),
            Err(error) => {
                problems.add("login.cookie-key", "", error.to_string());
                None
            }
        }
    }

    /// Verifies ID tokens: the audience is this client.
    fn verifier(&self, problems: &mut ConfigProblems) -> Option<Verifier> {
        let mut builder = Verifier::builder(self.issuer.clone())
            .audience(self.client.id())
            .run_in(self.run_in)
            .leeway(self.leeway)
            .claims(self.names.clone())
            .max_token_bytes(65_536)
            .for_id_tokens()
            .transport(Arc::clone(self.seams.transport.as_ref()?));
        builder = builder
            .clock(Arc::clone(self.seams.clock.as_ref()?))
            .timer(Arc::clone(self.seams.timer.as_ref()?));
        builder = builder
            .spawn(Arc::clone(self.seams.spawn.as_ref()?))
            .entropy(Arc::clone(self.seams.entropy.as_ref()?));
        if let Some(verifier) = &self.keys_of {
            builder = builder.keys_of(verifier);
        }
        match builder.build() {
            Ok(verifier) => Some(verifier),
            Err(error) => {
                problems.extend(error);
                None
            }
        }
    }

    fn assemble(
        self,
        origin: Option<PublicOrigin>,
        sealer: Option<Sealer>,
        verifier: Option<Verifier>,
    ) -> Option<Login> {
        let origin = origin?;
        let clock = self.seams.clock?;
        if matches!(self.issuer.source, KeySource::Static { .. }) {
            return None;
        }
        let verifier = verifier?;
        let endpoint = Endpoint::new(&self.issuer, self.run_in, self.seams.transport?, self.deadline);
        Some(Login::new(Inner {
            client: self.client,
            trusted_audiences: self.trusted_audiences,
            form_action: self.form_action,
            acr_values: self.acr_values,
            cookies: Cookies::new(&self.cookie_name, origin.is_https()),
            origin,
            paths: self.paths,
            scope: self.scopes.join(" "),
            parameters: self.parameters,
            lifetime: self.lifetime,
            sealer: sealer?,
            logout_tokens: LogoutTokens::new(&verifier),
            verifier,
            provider: Provider::new(
                endpoint,
                Arc::clone(&clock),
                self.seams.spawn.clone()?,
                self.seams.entropy.clone()?,
            ),
            store: self.store.unwrap_or_else(|| Arc::new(MemorySessions::new())),
            clock,
            spawn: self.seams.spawn?,
            entropy: self.seams.entropy?,
            audit: self.audit,
            in_flight: InFlight::default(),
            timer: self.seams.timer?,
            denylist: self.denylist,
            sessionless_tokens: self.sessionless_tokens,
            userinfo: self.userinfo,
            waiting_log_outs: Arc::new(Shares::new(WAITING.0, WAITING.1)),
        }))
    }
}
