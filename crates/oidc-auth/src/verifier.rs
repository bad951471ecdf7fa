//! Verification of one token, synchronously with what is at hand, or waiting for a key.

use std::fmt;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gambeson_core::{AuditSink, Clock, Monotonic, Principal, Timestamp};

use crate::binding::{Binding, Verified};
use crate::builder::NeedsAudience;
use crate::cache::{Cache, CacheKey};
use crate::denylist::{Denylist, Marks};
use crate::error::{Reason, TokenError, TokenErrorKind};
use crate::identity;
use crate::issuer::Issuer;
use crate::jwt::{Claims, Compact, Header};
use crate::keys::{Key, KeySet, KeyWait, Network, Remote, Round};
use crate::policy::{Policy, TokenKind};
use crate::status::VerifierStatus;
use crate::telemetry;
use crate::tenants::Tenants;

/// Verifies access tokens of one issuer, or of several ([`Verifier::any_of`]). A clone shares keys and cache and is one
/// atomic increment, or two where there are several issuers.
///
/// ```
/// use gambeson_oidc_auth::{Issuer, Verifier};
///
/// # fn main() -> Result<(), gambeson_core::ConfigError> {
/// let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
/// let verifier = Verifier::builder(issuer).audience("api").build()?;
/// assert!(verifier.verify("not a token").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Verifier(pub(crate) Arc<Shared>, pub(crate) Option<Arc<[Self]>>);

pub(crate) struct Shared {
    pub(crate) policy: Policy,
    pub(crate) keys: Keys,
    pub(crate) cache: Option<Cache>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) audit: Option<Arc<dyn AuditSink>>,
    pub(crate) denylist: Option<Denylist>,
    pub(crate) warned_of_lifetime: AtomicBool,
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    Static(KeySet),
    Remote(Arc<Remote>),
}

/// The longest life of a logout token: two minutes are recommended (OpenID Connect Back-Channel Logout 1.0 §2.4).
const LONGEST_LOGOUT: Duration = Duration::from_secs(3_600);

/// Tokens that live for longer earn one warning.
const LONG_LIFETIME: i64 = 3_600;

impl Verifier {
    /// Starts to describe a verifier; [`NeedsAudience::audience`] comes next, as none can be built without.
    pub fn builder(issuer: Issuer) -> NeedsAudience {
        NeedsAudience::new(issuer)
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared), None)
    }

    /// The same issuer's logout tokens in place of its ID tokens, with the same keys.
    pub(crate) fn of_logout_tokens(&self) -> Self {
        let policy = Policy {
            kind: TokenKind::Logout,
            max_lifetime: LONGEST_LOGOUT,
            rules: Vec::new(),
            ..self.0.policy.clone()
        };
        Self::new(Shared {
            policy: policy.identified(),
            keys: self.0.keys.clone(),
            cache: None,
            clock: Arc::clone(&self.0.clock),
            audit: None,
            denylist: None,
            warned_of_lifetime: AtomicBool::new(false),
        })
    }

    /// Verifies with the keys and the cache at hand; does not wait. A token that is bound to its sender (`cnf`) is refused
    /// here: [`AuthLayer`](crate::AuthLayer) sees the request that proves it.
    ///
    /// # Errors
    /// Why the token is not accepted. [`TokenErrorKind::UnknownKey`]: all but the signature is in order, but the key is
    /// not known; [`Verifier::verify_or_wait`] fetches it.
    pub fn verify(&self, token: &str) -> Result<Principal, TokenError> {
        match self.check(token.as_bytes()) {
            Ok(verified) => verified.into_bearer(),
            Err(Miss::Refused(error)) => Err(error),
            Err(Miss::Key(kid)) => Err(TokenError::with(
                Reason::UnknownKey,
                format!("{} is not published", named(kid.as_deref())),
            )),
        }
    }

    /// Verifies; waits for keys if the token may be good but names one that is not known yet. `client` shares out the
    /// places to wait. Cancel safe: dropping the future gives the place back.
    ///
    /// # Errors
    /// Why the token is not accepted; [`TokenErrorKind::KeysUnavailable`] is no fault of the token.
    pub async fn verify_or_wait(&self, token: &str, client: Option<IpAddr>) -> Result<Principal, TokenError> {
        let token = token.as_bytes();
        let kid = match self.check(token) {
            Ok(verified) => return verified.into_bearer(),
            Err(Miss::Refused(error)) => return Err(error),
            Err(Miss::Key(kid)) => kid,
        };
        let mut wait = self.wait_for(token, kid.as_deref(), client)?;
        poll_fn(|context| self.poll_waiting(token, &mut wait, context)).await?.into_bearer()
    }

    /// Waits until each issuer has given its keys once: for an app that would rather not start than answer 503. Not needed
    /// else, as requests wait for keys themselves. Each wait ends after [`KeyPolicy::max_wait`](crate::KeyPolicy::max_wait); ask
    /// again as long as you like. Cancel safe.
    ///
    /// # Errors
    /// [`TokenErrorKind::KeysUnavailable`], with what the issuer did instead.
    pub async fn ready(&self) -> Result<(), TokenError> {
        for one in self.each() {
            one.own_keys().await?;
        }
        Ok(())
    }

    async fn own_keys(&self) -> Result<(), TokenError> {
        let Keys::Remote(remote) = &self.0.keys else { return Ok(()) };
        let unavailable =
            |text: &str| TokenError::with(Reason::KeysUnavailable, format!("{}: {text}", self.issuer()));
        if self.own_status().keys > 0 {
            return Ok(());
        }
        let mut wait = remote.wait(Network::of(None), b"")?;
        loop {
            let round = poll_fn(|context| wait.poll_round(context)).await;
            match (round, self.own_status().keys) {
                (_, 1..) => return Ok(()),
                (Round::Early, _) => {}
                (Round::Fetched | Round::Cached(_), _) => {
                    return Err(unavailable("publishes no key that can be used"));
                }
                (Round::Failed, _) => return Err(unavailable(&self.last_error())),
                (Round::TimedOut | Round::CrowdedOut, _) => return Err(unavailable("no keys came in time")),
            }
        }
    }

    /// How keys and cache are doing.
    #[must_use]
    pub fn status(&self) -> VerifierStatus {
        self.each().map(Self::own_status).reduce(VerifierStatus::and).unwrap_or_default()
    }

    /// Without those of the others.
    pub(crate) fn own_status(&self) -> VerifierStatus {
        let cached = self.0.cache.as_ref().map_or(0, Cache::len);
        match &self.0.keys {
            Keys::Static(keys) => VerifierStatus {
                keys: keys.len(),
                generation: 1,
                fetched_at: None,
                age: None,
                last_error: None,
                waiting: 0,
                cached,
            },
            Keys::Remote(remote) => {
                let snapshot = remote.snapshot();
                let fetched_at = snapshot.as_ref().map(|snapshot| snapshot.fetched_at);
                VerifierStatus {
                    keys: snapshot.map_or(0, |snapshot| snapshot.keys.len()),
                    generation: remote.generation(),
                    fetched_at,
                    age: fetched_at.map(|at| self.now().since(at)),
                    last_error: remote.last_error(),
                    waiting: remote.waiting(),
                    cached,
                }
            }
        }
    }

    /// The exact name of the issuer; of several, the first.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.policy.issuer
    }

    /// The audiences of which a token must name one; of several issuers, the first's. See [`Verifier::each`].
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.0.policy.audiences.iter().map(AsRef::as_ref)
    }

    /// The denylists that are asked, each once: several issuers may have one each, or share one.
    pub fn denylists(&self) -> impl Iterator<Item = &Denylist> {
        let mut known: Vec<&Denylist> = Vec::new();
        for list in self.each().filter_map(Self::own_denylist) {
            if !known.iter().any(|other| other.is_same(list)) {
                known.push(list);
            }
        }
        known.into_iter()
    }

    /// That of the first issuer.
    pub(crate) fn own_denylist(&self) -> Option<&Denylist> {
        self.0.denylist.as_ref()
    }

    /// Whether tokens pass that don't say by their type that they are access tokens
    /// ([`TokenProfile::JwtLenient`](crate::TokenProfile::JwtLenient)).
    #[must_use]
    pub fn is_lenient(&self) -> bool {
        let lenient = TokenKind::Access(crate::TokenProfile::JwtLenient);
        self.each().any(|one| one.0.policy.kind == lenient)
    }

    /// One look, with what is at hand.
    pub(crate) fn check(&self, token: &[u8]) -> Result<Verified, Miss> {
        self.meant(token)?.check_own(token)
    }

    fn check_own(&self, token: &[u8]) -> Result<Verified, Miss> {
        if token.len() > self.0.policy.max_token {
            return Err(TokenError::with(Reason::TooLarge, format!("{} bytes", token.len())).into());
        }
        let now = self.now();
        match &self.0.keys {
            Keys::Static(keys) => self.check_with(token, keys, now),
            Keys::Remote(remote) => match remote.usable(now).as_deref() {
                Some(Some(snapshot)) => self.check_with(token, &snapshot.keys, now),
                _ => self.check_with(token, &KeySet::default(), now),
            },
        }
    }

    fn check_with(&self, token: &[u8], keys: &KeySet, now: Timestamp) -> Result<Verified, Miss> {
        let Some(cache) = &self.0.cache else {
            return self.verify_with(text(token)?, keys, now).map(|(verified, _)| verified);
        };
        let name = CacheKey::new(&self.0.policy.id, token);
        if let Some(verified) = cache.get(&name, now, |key| keys.holds(key)) {
            return Ok(verified);
        }
        let (verified, signed_by) = self.verify_with(text(token)?, keys, now)?;
        cache.put(name, &verified, signed_by, now);
        Ok(verified)
    }

    /// The one pass: header, key, signature, claims. Without a key the claims are looked at unverified, so that only
    /// tokens wait that could be good.
    fn verify_with(&self, token: &str, keys: &KeySet, now: Timestamp) -> Result<(Verified, [u8; 32]), Miss> {
        let policy = &self.0.policy;
        let parts = Compact::split(token)?;
        let header = Header::read(&parts.header()?, policy.kind)?;
        // Before any key is doubted or waited for.
        let signature = parts.signature(header.algorithm)?;
        let mut meant = keys.meant(header.kid.as_deref(), header.algorithm).peekable();
        if meant.peek().is_none() {
            let payload = parts.payload()?;
            Claims::read(&payload, policy)?.check(policy, now)?;
            return Err(self.missing_key(&header));
        }
        let Some(key) = meant.find(|key| key.verifies(parts.signed(), &signature)) else {
            return Err(self.unproved(&header, &parts, now));
        };
        let payload = parts.payload()?;
        let claims = Claims::read(&payload, policy)?;
        claims.check(policy, now)?;
        check_key(key, &claims, policy)?;
        self.warn_of_lifetime(&claims, now);
        let principal = identity::principal(&claims, &payload, policy)?;
        let marks = self.marks(&claims)?;
        Ok((Verified { principal, binding: binding_of(&claims, policy)?, marks }, *key.thumbprint()))
    }

    fn marks(&self, claims: &Claims<'_>) -> Result<Option<Arc<Marks>>, TokenError> {
        let read = |denylist| Marks::read(denylist, claims, self.issuer());
        self.0.denylist.as_ref().map(read).transpose()
    }

    /// No key that the token can mean has signed it. If it could be good but for that, another key may have been published: one that
    /// names none waits for it like one that names an unknown one. Under a known name keys are fetched off the request path, and
    /// the token is refused all the same: forged tokens look like that too, so it is done ever more seldom while it shows the same keys.
    fn unproved(&self, header: &Header, parts: &Compact<'_>, now: Timestamp) -> Miss {
        let refused = TokenError::new(Reason::Signature).into();
        let Keys::Remote(remote) = &self.0.keys else { return refused };
        let policy = &self.0.policy;
        let read = |payload: String| Claims::read(&payload, policy)?.check(policy, now);
        match parts.payload().and_then(read) {
            Err(_) => refused,
            Ok(()) if header.kid.is_none() => Miss::Key(None),
            Ok(()) => {
                remote.suspect();
                refused
            }
        }
    }

    /// Keys that never change can't be waited for.
    fn missing_key(&self, header: &Header) -> Miss {
        match &self.0.keys {
            Keys::Remote(_) => Miss::Key(header.kid.clone()),
            Keys::Static(_) => {
                let kid = header.kid.as_deref().unwrap_or("absent");
                let text = format!("kid {kid:?} with {} is not in the set", header.algorithm.name());
                TokenError::with(Reason::UnknownKey, text).into()
            }
        }
    }

    fn warn_of_lifetime(&self, claims: &Claims<'_>, now: Timestamp) {
        let Some(exp) = claims.seconds("exp") else { return };
        let lifetime = exp.saturating_sub(claims.seconds("iat").unwrap_or(now.unix_seconds()));
        let access = matches!(self.0.policy.kind, TokenKind::Access(_));
        if access && lifetime > LONG_LIFETIME && !self.0.warned_of_lifetime.swap(true, Ordering::Relaxed) {
            telemetry::long_lived(self.issuer(), lifetime.unsigned_abs());
        }
    }

    /// A place to wait for the key of this name; for one that signed this very token where it names none.
    pub(crate) fn wait_for(
        &self,
        token: &[u8],
        kid: Option<&str>,
        client: Option<IpAddr>,
    ) -> Result<KeyWait, TokenError> {
        match &self.meant(token)?.0.keys {
            Keys::Remote(remote) => remote.wait(Network::of(client), kid.map_or(token, str::as_bytes)),
            Keys::Static(_) => Err(TokenError::new(Reason::UnknownKey)),
        }
    }

    /// Looks again after each fetch, until the token is verified, refused, or proved to name no published key.
    pub(crate) fn poll_waiting(
        &self,
        token: &[u8],
        wait: &mut KeyWait,
        context: &mut Context<'_>,
    ) -> Poll<Result<Verified, TokenError>> {
        let meant = self.meant(token)?;
        loop {
            let round = ready!(wait.poll_round(context));
            let kid = match meant.check_own(token) {
                Ok(verified) => return Poll::Ready(Ok(verified)),
                Err(Miss::Refused(error)) => return Poll::Ready(Err(error)),
                Err(Miss::Key(kid)) => kid,
            };
            let error = match round {
                Round::Early => continue,
                Round::CrowdedOut => TokenError::new(Reason::WaitingRoomFull),
                // Not one key is published: a fault of the issuer, and no proof against any token.
                Round::Fetched | Round::Cached(_) if meant.own_status().keys == 0 => {
                    TokenError::with(Reason::KeysUnavailable, "the issuer publishes no key that can be used")
                }
                // A set of before the token says nothing of its key.
                Round::Cached(age) if !meant.is_older(token, age) => {
                    let text =
                        format!("a cache before the issuer answered, with a set of {} s ago", age.as_secs());
                    TokenError::with(Reason::KeysUnavailable, text)
                }
                Round::Fetched | Round::Cached(_) => {
                    if round == Round::Fetched {
                        wait.remember_absent();
                    }
                    let text = format!("{} is not published by {}", named(kid.as_deref()), meant.issuer());
                    TokenError::with(Reason::UnknownKey, text)
                }
                Round::Failed => TokenError::with(Reason::KeysUnavailable, meant.last_error()),
                Round::TimedOut => TokenError::with(Reason::KeysUnavailable, "no keys came in time"),
            };
            return Poll::Ready(Err(error));
        }
    }

    /// Whether the token says that it was issued before `age` ago.
    fn is_older(&self, token: &[u8], age: Duration) -> bool {
        let policy = &self.0.policy;
        let issued = text(token).and_then(Compact::split).and_then(|parts| {
            let payload = parts.payload()?;
            Ok(Claims::read(&payload, policy)?.seconds("iat"))
        });
        issued
            .ok()
            .flatten()
            .is_some_and(|iat| Timestamp::from_unix_seconds(iat).plus(age).plus(policy.leeway) < self.now())
    }

    fn last_error(&self) -> Arc<str> {
        match &self.0.keys {
            Keys::Remote(remote) => remote.last_error().unwrap_or_default(),
            Keys::Static(_) => Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Now on both clocks.
    pub(crate) fn moment(&self) -> (Timestamp, Monotonic) {
        (self.0.clock.now(), self.0.clock.monotonic())
    }

    pub(crate) fn monotonic(&self) -> Monotonic {
        self.0.clock.monotonic()
    }

    /// The keys at hand, for operators.
    pub(crate) fn key_set(&self) -> KeySet {
        match &self.0.keys {
            Keys::Static(keys) => keys.clone(),
            Keys::Remote(remote) => {
                remote.snapshot().map(|snapshot| snapshot.keys.clone()).unwrap_or_default()
            }
        }
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.0.policy
    }

    pub(crate) fn audit_sink(&self) -> Option<&Arc<dyn AuditSink>> {
        self.each().find_map(|one| one.0.audit.as_ref())
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuers", &self.each().map(Self::issuer).collect::<Vec<_>>())
            .field("audiences", &self.0.policy.audiences)
            .field("kind", &self.0.policy.kind)
            .field("cache", &self.0.cache)
            .finish_non_exhaustive()
    }
}

/// Why one look did not verify a token.
#[derive(Debug)]
pub(crate) enum Miss {
    /// It is no good.
    Refused(TokenError),
    /// It may be good; the key of this name is not known.
    Key(Option<Box<str>>),
}

impl From<TokenError> for Miss {
    fn from(error: TokenError) -> Self {
        debug_assert_ne!(
            error.kind(),
            TokenErrorKind::KeysUnavailable,
            "a look at a token says nothing of the issuer"
        );
        Self::Refused(error)
    }
}

/// A missing key in words.
fn named(kid: Option<&str>) -> String {
    match kid {
        Some(kid) => format!("kid {kid:?}"),
        None => "the token names no key (kid), and one that signed it".to_owned(),
    }
}

/// In a set that several issuers share, a key may be for one of them only.
pub(crate) fn check_key(key: &Key, claims: &Claims<'_>, policy: &Policy) -> Result<(), TokenError> {
    let Some(issuer) = key.issuer() else { return Ok(()) };
    let allowed = |iss: &str| match &policy.tenants {
        Some(tenants) => tenants.allows_key(issuer, iss),
        // One tenant alone: its own key, or one of all tenants.
        None => issuer == iss || Tenants::covers(issuer, iss),
    };
    match claims.text("iss")? {
        Some(iss) if allowed(iss) => Ok(()),
        iss => Err(TokenError::with(Reason::Signature, format!("the key is for {issuer:?}, iss is {iss:?}"))),
    }
}

/// Only what is decoded has to be text: a token that is remembered was.
pub(crate) fn text(token: &[u8]) -> Result<&str, TokenError> {
    std::str::from_utf8(token).map_err(|_| TokenError::with(Reason::Malformed, "not a token of RFC 6750"))
}

/// An ID token is no credential, so nobody has to prove that it is theirs.
fn binding_of(claims: &Claims<'_>, policy: &Policy) -> Result<Binding, TokenError> {
    match policy.kind {
        TokenKind::Id | TokenKind::Logout => Ok(Binding::default()),
        TokenKind::Access(_) => claims.binding(),
    }
}
