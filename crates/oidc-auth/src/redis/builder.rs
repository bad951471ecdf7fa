//! Describes the shared stores.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{
    Clock, ConfigError, ConfigProblems, Entropy, Profile, SecretBytes, SecretRef, SecretResolver, Spawn,
    Timer,
};

use super::RedisStores;
use super::address::{Address, Kept, PlainText};
use super::connect::Trust;
use super::link::{Link, Parts};
use super::log::Ids;
use super::names::Names;
use super::telemetry;
use crate::seams::Seams;

/// Describes [`RedisStores`] piece by piece.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct RedisStoresBuilder {
    url: Kept,
    seal_key: Option<Kept>,
    prefix: String,
    deadline: Duration,
    in_flight: usize,
    per_subject: u32,
    remember: usize,
    poll_every: Duration,
    authorities: Vec<Vec<u8>>,
    run_in: Profile,
    plain_text: bool,
    seams: Seams,
}

/// What the stores share beside the way to the server.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// What logs are called that this instance begins.
    pub(super) log_ids: Ids,
    pub(super) seal_key: Option<Kept>,
    pub(super) per_subject: u32,
    pub(super) remember: usize,
    pub(super) poll_every: Duration,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl RedisStoresBuilder {
    pub(super) fn new(url: Kept) -> Self {
        Self {
            url,
            seal_key: None,
            prefix: "gambeson".into(),
            deadline: Duration::from_secs(1),
            in_flight: 4_096,
            per_subject: 10,
            remember: 20_000,
            poll_every: Duration::from_secs(1),
            authorities: Vec::new(),
            run_in: Profile::default(),
            plain_text: false,
            seams: Seams::default(),
        }
    }

    /// The secret, at least 32 random bytes and the same for all instances, under which sessions are sealed. Needed for
    /// [`RedisStores::sessions`] only. Another key is the end of all sessions.
    pub fn seal_key(self, key: SecretBytes) -> Self {
        Self { seal_key: Some(Kept::Bytes(key)), ..self }
    }

    /// Where that secret is; it is asked for once, with the first session.
    pub fn seal_key_from(self, reference: SecretRef, resolver: Arc<dyn SecretResolver>) -> Self {
        Self { seal_key: Some(Kept::From(reference, resolver)), ..self }
    }

    /// What the names of all keys begin with, in braces: apps that share a server need one each. Letters, digits, `-`, `_` and `.`, at
    /// most 64. Default `gambeson`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long an answer, or a connection, may take; who waits for one is answered 503 then. Default 1 s, from 50 ms to 30 s.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How many requests may be under way at a time; one more is told at once that the store is unavailable. Default 4,096, from 1 to
    /// 65,536.
    pub fn in_flight(self, in_flight: usize) -> Self {
        Self { in_flight, ..self }
    }

    /// How many sessions a person may have; the oldest goes when there would be one more. Default 10, from 1 to 1,000.
    pub fn per_subject(self, per_subject: u32) -> Self {
        Self { per_subject, ..self }
    }

    /// How many sessions an instance remembers of those that it has read: so that it need not open them again, and long answers end with
    /// them. Beyond, an eighth of them is forgotten at a time, and their long answers end: give it more than there are people at an instance
    /// at once. Default 20,000, from 100 to 1,000,000.
    pub fn remember(self, remember: usize) -> Self {
        Self { remember, ..self }
    }

    /// How often each instance asks what others have ended, so that its long answers end too. Default 1 s, from 100 ms to 1 min.
    pub fn poll_every(self, poll_every: Duration) -> Self {
        Self { poll_every, ..self }
    }

    /// Further certificate authorities to trust, in PEM, beside the platform's.
    pub fn extra_authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// Which shortcuts are allowed: in [`Profile::Development`] the way to the server may be plain text. Default
    /// [`Profile::Production`], where it may only on loopback.
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// Lets the way to the server be plain text, for a network that nobody else is on. Logs one warning.
    pub fn dangerously_allow_plain_text(self) -> Self {
        Self { plain_text: true, ..self }
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

    /// Other background tasks. The connection itself is of the tokio runtime.
    pub fn spawn(mut self, spawn: Arc<dyn Spawn>) -> Self {
        self.seams.spawn = Some(spawn);
        self
    }

    /// Another source of randomness.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.seams.entropy = Some(entropy);
        self
    }

    /// The stores. Does not ask the server: the app starts without it, see [`RedisStores::ready`].
    ///
    /// # Errors
    /// All problems of the settings.
    pub fn build(mut self) -> Result<RedisStores, ConfigError> {
        let mut problems = ConfigProblems::new();
        self.seams.fill_in();
        self.validate(&mut problems);
        let trust = match Trust::new(&self.authorities) {
            Ok(trust) => Some(trust),
            Err(error) => {
                problems.add("redis.extra-authorities", error, "give PEM blocks of CERTIFICATE");
                None
            }
        };
        problems.check()?;
        if self.plain_text {
            telemetry::plain_text();
        }
        let missing = || ConfigError::one("redis", "", "name the parts that are missing");
        let (prefix, plain) = (self.prefix.clone(), self.plain());
        let entropy = self.seams.entropy.ok_or_else(missing)?;
        let mut random = [0; 8];
        let filled = entropy.fill(&mut random);
        filled.map_err(|error| ConfigError::one("redis.entropy", "", error.to_string()))?;
        let settings = Settings {
            log_ids: Ids::after(u64::from_be_bytes(random)),
            seal_key: self.seal_key,
            per_subject: self.per_subject,
            remember: self.remember,
            poll_every: self.poll_every,
            entropy,
        };
        let link = Link::new(Parts {
            url: self.url,
            plain,
            trust: trust.ok_or_else(missing)?,
            deadline: self.deadline,
            in_flight: self.in_flight,
            clock: self.seams.clock.ok_or_else(missing)?,
            timer: self.seams.timer.ok_or_else(missing)?,
            spawn: self.seams.spawn.ok_or_else(missing)?,
        });
        Ok(RedisStores { link, names: Names::new(&prefix), settings })
    }

    fn plain(&self) -> PlainText {
        PlainText { anywhere: self.plain_text || !self.run_in.is_production() }
    }

    fn validate(&self, problems: &mut ConfigProblems) {
        if let Some(url) = self.url.at_hand()
            && let Err(why) = Address::parse(url.expose(), self.plain())
        {
            let cure = format!("{why}; such as rediss://user:password@host:6379/0");
            problems.add("redis.url", "", cure);
        }
        if self.seal_key.as_ref().and_then(Kept::at_hand).is_some_and(|key| key.expose().len() < 32) {
            problems.add("redis.seal-key", "", "give at least 32 random bytes");
        }
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=64).contains(&self.prefix.len()) || !self.prefix.bytes().all(named) {
            problems.add("redis.prefix", &*self.prefix, "choose 1 to 64 letters, digits, -, _ and .");
        }
        let (millis, poll) = (self.deadline.as_millis(), self.poll_every.as_millis());
        if !(50..=30_000).contains(&millis) {
            problems.add("redis.deadline", format!("{:?}", self.deadline), "choose between 50 ms and 30 s");
        }
        if !(100..=60_000).contains(&poll) {
            problems.add(
                "redis.poll-every",
                format!("{:?}", self.poll_every),
                "choose between 100 ms and 1 min",
            );
        }
        if !(1..=65_536).contains(&self.in_flight) {
            problems.add("redis.in-flight", self.in_flight.to_string(), "choose between 1 and 65536");
        }
        if !(1..=1_000).contains(&self.per_subject) {
            problems.add("redis.per-subject", self.per_subject.to_string(), "choose between 1 and 1000");
        }
        if !(100..=1_000_000).contains(&self.remember) {
            problems.add("redis.remember", self.remember.to_string(), "choose between 100 and 1000000");
        }
        self.seams.check("redis", problems);
    }
}
