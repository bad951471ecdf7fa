//! A signed-in browser: who it is, how long, and what keeps it fresh.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Principal, SecretBytes, Subject, Timestamp};

use super::random::Random;
use super::store::ProviderSession;

/// The name under which a store keeps a session: the SHA-256 of the id in the browser's cookie, so that who reads the
/// store can't take over a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    pub(super) fn of(id: &Random) -> Self {
        Self(id.sha256())
    }

    /// The key with this digest.
    #[cfg(any(feature = "redis", feature = "conformance"))]
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Shows the first four bytes.
impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "SessionKey({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// How long sessions live.
///
/// The defaults, half an hour without a request and eight hours in all, are within what NIST SP 800-63B asks of its
/// second assurance level (revision 3 §4.2.3: 30 min and 12 h; revision 4 §2.2.3: 1 h and 24 h), and are the documented
/// decision that OWASP ASVS 5.0 §7.1 wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionLifetime {
    /// The longest time between two requests. Default 30 min.
    pub idle: Duration,
    /// The longest time from log-in to end. Default 8 h.
    pub absolute: Duration,
}

impl Default for SessionLifetime {
    fn default() -> Self {
        Self { idle: Duration::from_secs(1_800), absolute: Duration::from_secs(8 * 3_600) }
    }
}

impl SessionLifetime {
    /// Another longest time between two requests.
    #[must_use]
    pub const fn idle(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }

    /// Another longest time in all.
    #[must_use]
    pub const fn absolute(self, absolute: Duration) -> Self {
        Self { absolute, ..self }
    }
}

/// One session. A clone is one atomic increment; it never changes, a changed one takes its place in the store.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

#[derive(Clone)]
pub(super) struct Inner {
    pub(super) principal: Principal,
    pub(super) created_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) idle: Duration,
    pub(super) grant: Grant,
    pub(super) refreshing_until: Option<Timestamp>,
}

/// What the provider gave: the ID token as the hint of a log-out, and how to refresh. The access token is not kept.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) id_token: Box<str>,
    pub(super) refresh_token: Option<SecretBytes>,
    /// From then on the next request has the grant refreshed.
    pub(super) refresh_at: Option<Timestamp>,
    pub(super) scope: Box<str>,
}

impl Session {
    pub(super) fn new(principal: Principal, now: Timestamp, lifetime: SessionLifetime, grant: Grant) -> Self {
        Self(Arc::new(Inner {
            principal,
            created_at: now,
            ends_at: now.plus(lifetime.absolute),
            idle: lifetime.idle,
            grant,
            refreshing_until: None,
        }))
    }

    /// The same, begun at this time; its end stays.
    pub(super) fn begun(&self, created_at: Timestamp) -> Self {
        Self(Arc::new(Inner { created_at, ..(*self.0).clone() }))
    }

    /// Somebody's, as it begins now.
    #[cfg(test)]
    pub(crate) fn of(principal: Principal, now: Timestamp) -> Self {
        let grant = Grant { id_token: "".into(), refresh_token: None, refresh_at: None, scope: "".into() };
        Self::new(principal, now, SessionLifetime::default(), grant)
    }

    pub(super) fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    /// A digest of all that is said about its principal.
    #[cfg(feature = "redis")]
    pub(crate) fn principal_digest(&self) -> [u8; 32] {
        super::random::sha256(&super::written::write_principal(&self.0.principal))
    }

    /// The same with another copy of its principal, which requests and long answers know already.
    #[cfg(feature = "redis")]
    pub(crate) fn with_principal(&self, principal: Principal) -> Self {
        Self(Arc::new(Inner { principal, ..(*self.0).clone() }))
    }

    /// Whose it is.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        self.0.principal.full_subject()
    }

    /// The log-in at the provider, by which it can end it, if the ID token names one (`sid`).
    #[must_use]
    pub fn provider_session(&self) -> Option<ProviderSession> {
        let sid = self.0.principal.session_id()?;
        Some(ProviderSession::new(self.subject().issuer.clone(), sid))
    }

    /// When the person logged in here, by the earlier of this clock and the provider's: a log-out there is told by the provider's.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// When it ends whatever happens.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.0.ends_at
    }

    /// The longest time between two requests.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.0.idle
    }

    /// Whether it is over for one who was last seen then.
    #[must_use]
    pub fn is_over(&self, last_seen: Timestamp, now: Timestamp) -> bool {
        now >= self.0.ends_at || now.since(last_seen) >= self.0.idle
    }

    /// Tells long answers that it is over. A store calls it for what it lets go of.
    pub fn end(&self) {
        self.0.principal.end_signal().end();
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// How old `last_seen` may get before the store is told again: a thirtieth of the idle time, at most a minute.
    pub(super) fn touch_after(&self) -> Duration {
        (self.0.idle / 30).min(Duration::from_secs(60))
    }

    pub(super) fn grant(&self) -> &Grant {
        &self.0.grant
    }

    /// Whether somebody should refresh it now.
    pub(super) fn wants_refresh(&self, now: Timestamp) -> bool {
        let grant = &self.0.grant;
        let due = grant.refresh_token.is_some() && grant.refresh_at.is_some_and(|at| at <= now);
        due && self.0.refreshing_until.is_none_or(|until| until <= now)
    }

    /// The same, with a note that somebody refreshes it until then.
    pub(super) fn refreshing(&self, until: Timestamp) -> Self {
        Self(Arc::new(Inner { refreshing_until: Some(until), ..(*self.0).clone() }))
    }

    /// The same, with the refresh token that took the place of the last one.
    pub(super) fn keeping(&self, refresh_token: SecretBytes) -> Self {
        let mut inner = (*self.0).clone();
        inner.grant.refresh_token = Some(refresh_token);
        Self(Arc::new(inner))
    }

    /// The same log-in with a fresh grant; its end stays.
    pub(super) fn refreshed(&self, principal: Principal, grant: Grant) -> Self {
        Self(Arc::new(Inner { principal, grant, refreshing_until: None, ..(*self.0).clone() }))
    }
}

/// Shows who and until when, no token.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("subject", &self.subject())
            .field("ends_at", &self.ends_at())
            .finish_non_exhaustive()
    }
}
