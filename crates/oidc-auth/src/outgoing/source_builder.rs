//! Describes a [`TokenSource`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{
    Clock, ConfigError, ConfigProblems, Entropy, HttpTransport, Profile, SecretBytes, Spawn, Timer,
};

use super::callers::Callers;
use super::github_actions::GithubActions;
use super::grant::{ClientCredentials, Desk, OwnToken};
use super::issue::Issue;
use super::kept::{Kept, Surroundings};
use super::source::{Source, TokenSource};
use super::workload_file::WorkloadFile;
use crate::issuer::{Issuer, KeySource, acceptable};
use crate::keys::Endpoint;
use crate::seams::Seams;
use crate::token_endpoint::{ClientAuth, ClientEndpoint, Exchanges, Known};

/// Which kind of token is wanted.
#[derive(Debug)]
pub(super) enum Wanted {
    ClientCredentials { issuer: Issuer, client: ClientAuth },
    Exchange { issuer: Issuer, client: ClientAuth, subject: TokenSource },
    OnBehalfOf { issuer: Issuer, client: ClientAuth },
    File(PathBuf),
    GithubActions { audience: String, url: String, token: Variable },
}

/// The value of a secret variable.
#[derive(Debug)]
pub(super) struct Variable(SecretBytes);

impl From<String> for Variable {
    fn from(text: String) -> Self {
        Self(SecretBytes::new(text))
    }
}

/// Describes a [`TokenSource`] piece by piece. Every setting has a default.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct TokenSourceBuilder {
    wanted: Wanted,
    wishes: Vec<(&'static str, String)>,
    actor: Option<TokenSource>,
    private: Vec<String>,
    run_in: Profile,
    deadline: Duration,
    max_waiting: usize,
    max_callers: usize,
    seams: Seams,
}

impl TokenSourceBuilder {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            wishes: Vec::new(),
            actor: None,
            private: Vec::new(),
            run_in: Profile::default(),
            deadline: Duration::from_secs(5),
            max_waiting: 1_024,
            max_callers: 4_096,
            seams: Seams::default(),
        }
    }

    /// The scopes to ask for, with a blank between them (RFC 6749 §3.3). Default: none, whatever the provider gives then.
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.wish("scope", scope.into())
    }

    /// The service that the token is for, by its address (RFC 8707 §2); may repeat.
    pub fn resource(self, resource: impl Into<String>) -> Self {
        self.wish("resource", resource.into())
    }

    /// The service that the token is for, by its name (RFC 8693 §2.1, and many providers for client credentials); may repeat.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.wish("audience", audience.into())
    }

    fn wish(mut self, name: &'static str, value: String) -> Self {
        self.wishes.push((name, value));
        self
    }

    /// Who acts for the subject, by a token of its own (RFC 8693 §2.1 `actor_token`); for exchanges only.
    pub fn actor(self, actor: TokenSource) -> Self {
        Self { actor: Some(actor), ..self }
    }

    /// Which shortcuts are allowed: in [`Profile::Development`] the issuer may be on loopback, in plain http, and a
    /// development identity provider. Default [`Profile::Production`].
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// Lets [`TokenSource::github_actions`] connect to these networks (`10.20.0.0/16`, or one address) although they are of special use:
    /// where a GitHub Enterprise Server is inside. For the default transport; one of your own decides for itself. An issuer has its
    /// own word, [`Issuer::allow_private`]. Default: none.
    pub fn allow_private<T: Into<String>>(mut self, networks: impl IntoIterator<Item = T>) -> Self {
        self.private.extend(networks.into_iter().map(Into::into));
        self
    }

    /// How long getting one token may take, and so the longest wait of a request for it. Default 5 s.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How many requests may wait for one token at once. Default 1024.
    pub fn max_waiting(self, max_waiting: usize) -> Self {
        Self { max_waiting, ..self }
    }

    /// For how many callers tokens are kept at once; the ones that called longest ago go first. Default 4096.
    pub fn max_callers(self, max_callers: usize) -> Self {
        Self { max_callers, ..self }
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

    /// Other background tasks: tokens are got in them, so that a request that is dropped takes no token from others.
    pub fn spawn(mut self, spawn: Arc<dyn Spawn>) -> Self {
        self.seams.spawn = Some(spawn);
        self
    }

    /// Another source of randomness: it spreads renewals over time and makes assertions unique.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.seams.entropy = Some(entropy);
        self
    }

    /// What the issuer is asked with. Default with the feature `client`: gambeson-client, with the platform's root
    /// certificates and the proxy that the environment names.
    pub fn transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.seams.transport = Some(transport);
        self
    }

    /// The source. Asks nobody: the first request that needs a token does.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn build(mut self) -> Result<TokenSource, ConfigError> {
        let mut problems = ConfigProblems::new();
        self.validate(&mut problems);
        self.fill_in(&mut problems);
        problems.check()?;
        let missing = || ConfigError::one("outgoing", "", "name the parts that are missing");
        self.assemble().map(TokenSource).ok_or_else(missing)
    }

    fn validate(&self, problems: &mut ConfigProblems) {
        match &self.wanted {
            Wanted::ClientCredentials { issuer, client } => {
                self.validate_provider(issuer, client, problems);
                if client.is_public() {
                    let cure = "choose a secret, a key or a certificate: a public client has no tokens of its own (RFC 6749 §4.4)";
                    problems.add("outgoing.client", client.id(), cure);
                }
            }
            Wanted::Exchange { issuer, client, .. } | Wanted::OnBehalfOf { issuer, client } => {
                self.validate_provider(issuer, client, problems);
            }
            Wanted::File(path) if path.as_os_str().is_empty() => {
                problems.add("outgoing.file", "", "name the file that the platform renews");
            }
            Wanted::File(_) => {}
            Wanted::GithubActions { audience, url, token } => {
                self.validate_job(audience, url, token, problems);
            }
        }
        let exchanges = matches!(self.wanted, Wanted::Exchange { .. } | Wanted::OnBehalfOf { .. });
        if self.actor.is_some() && !exchanges {
            problems.add("outgoing.actor", "", "only exchanges have an actor (RFC 8693)");
        }
        Self::validate_own("actor", self.actor.as_ref(), problems);
        if let Wanted::Exchange { subject, .. } = &self.wanted {
            Self::validate_own("subject", Some(subject), problems);
        }
        if let (Some(network), false) =
            (self.private.first(), matches!(self.wanted, Wanted::GithubActions { .. }))
        {
            let cure = "say it of the issuer (allow-private); a file needs no network";
            problems.add("outgoing.allow-private", network, cure);
        }
        let asks = exchanges || matches!(self.wanted, Wanted::ClientCredentials { .. });
        for (name, value) in &self.wishes {
            if !asks {
                problems.add(
                    format!("outgoing.{name}"),
                    &**value,
                    "leave it out: this kind of token is as it is",
                );
            } else if value.trim().is_empty() {
                problems.add(format!("outgoing.{name}"), "", "name it or leave it out");
            }
        }
        self.validate_limits(problems);
    }

    /// Nobody says, where it is asked, whose token it would be.
    fn validate_own(name: &str, source: Option<&TokenSource>, problems: &mut ConfigProblems) {
        if source.is_some_and(TokenSource::is_of_callers) {
            let cure = "give a source of this app's own tokens, not one on behalf of callers";
            problems.add(format!("outgoing.{name}"), "on-behalf-of", cure);
        }
    }

    fn validate_limits(&self, problems: &mut ConfigProblems) {
        if !(Duration::from_millis(100)..=Duration::from_secs(30)).contains(&self.deadline) {
            problems.add(
                "outgoing.deadline",
                format!("{:?}", self.deadline),
                "choose between 100 ms and 30 s",
            );
        }
        if self.max_waiting == 0 {
            problems.add("outgoing.max-waiting", "0", "let at least one request wait");
        }
        if self.max_callers == 0 {
            problems.add("outgoing.max-callers", "0", "keep the token of at least one caller");
        }
    }

    fn validate_provider(&self, issuer: &Issuer, client: &ClientAuth, problems: &mut ConfigProblems) {
        issuer.validate(self.run_in, problems);
        client.validate("outgoing", problems);
        if matches!(issuer.source, KeySource::Static { .. }) {
            problems.add(
                "outgoing.issuer",
                issuer.name(),
                "tokens are asked for by discovery: Issuer::discover",
            );
        }
    }

    fn validate_job(&self, audience: &str, url: &str, token: &Variable, problems: &mut ConfigProblems) {
        const JOB: &str = "run in a GitHub Actions job with `permissions: id-token: write`";
        if audience.is_empty() {
            problems.add("outgoing.audience", "", "name who the token is for");
        }
        if token.0.expose().is_empty() {
            problems.add("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "", JOB);
        }
        match url.is_empty() {
            true => problems.add("ACTIONS_ID_TOKEN_REQUEST_URL", "", JOB),
            false => {
                if let Err(cure) = acceptable(url, self.run_in) {
                    problems.add("ACTIONS_ID_TOKEN_REQUEST_URL", url, cure);
                }
            }
        }
    }

    fn fill_in(&mut self, problems: &mut ConfigProblems) {
        self.seams.fill_in();
        self.seams.check("outgoing", problems);
        let given = self.seams.transport.take();
        self.seams.transport = match &self.wanted {
            Wanted::ClientCredentials { issuer, client }
            | Wanted::Exchange { issuer, client, .. }
            | Wanted::OnBehalfOf { issuer, client } => client.transport("outgoing", given, issuer, problems),
            Wanted::GithubActions { url, .. } => {
                // The same way as to an issuer there, for an app that is nobody's client.
                let github = Issuer::discover(url.as_str()).allow_private(&self.private);
                ClientAuth::public("").transport("outgoing", given, &github, problems)
            }
            Wanted::File(_) => given,
        };
    }

    fn assemble(self) -> Option<Source> {
        let seams = Arc::new(Surroundings {
            clock: self.seams.clock.clone()?,
            timer: self.seams.timer.clone()?,
            spawn: self.seams.spawn.clone()?,
            entropy: self.seams.entropy.clone()?,
            deadline: self.deadline,
            max_waiting: self.max_waiting,
        });
        let (deadline, max_callers, run_in) = (self.deadline, self.max_callers, self.run_in);
        let (transport, wishes, actor) = (self.seams.transport, self.wishes, self.actor);
        let desk = |issuer: &Issuer, client, transport| {
            if matches!(issuer.source, KeySource::Static { .. }) {
                return None;
            }
            let endpoint = Endpoint::new(issuer, run_in, transport, deadline);
            let clock = Arc::clone(&seams.clock);
            Some(Desk {
                known: Known::new(
                    endpoint,
                    ClientEndpoint::token,
                    Arc::clone(&clock),
                    Arc::clone(&seams.spawn),
                ),
                exchanges: Exchanges::new(Arc::clone(&clock), Arc::clone(&seams.entropy)),
                client,
                wishes,
                actor,
                clock,
            })
        };
        let (issue, jwt): (Arc<dyn Issue>, bool) = match self.wanted {
            Wanted::ClientCredentials { issuer, client } => {
                (Arc::new(ClientCredentials(desk(&issuer, client, transport?)?)), false)
            }
            Wanted::Exchange { issuer, client, subject } => {
                (Arc::new(OwnToken { desk: desk(&issuer, client, transport?)?, subject }), false)
            }
            Wanted::OnBehalfOf { issuer, client } => {
                let desk = desk(&issuer, client, transport?)?;
                return Some(Source::Callers(Arc::new(Callers::new(desk, Arc::clone(&seams), max_callers))));
            }
            Wanted::File(path) => (Arc::new(WorkloadFile::new(path)), true),
            Wanted::GithubActions { audience, url, token: Variable(token) } => {
                let special_use = Issuer::discover(url.as_str()).inside().allows(&url);
                let transport = transport?;
                (Arc::new(GithubActions { url, token, audience, special_use, deadline, transport }), true)
            }
        };
        Some(Source::Kept { kept: Arc::new(Kept::new(issue, seams)), jwt })
    }
}
