//! The denylist: access tokens that end before their `exp`.
//!
//! # What it does
//!
//! A JWT is good until its `exp`, whoever has logged out in between. A verifier that is given a [`Denylist`]
//! ([`VerifierBuilder::denylist`](crate::VerifierBuilder::denylist), [`IntrospectionBuilder::denylist`](crate::introspection::IntrospectionBuilder::denylist)) asks it each time, also
//! for tokens that are remembered, and refuses what it denies as 401 `invalid_token`. A [`Denial`] names a token (`jti`), a session
//! (`sid`), a subject (`sub`) or a whole issuer; those of a subject or an issuer end what was issued until a moment, so that who
//! logs in again is let in. A [`Login`](crate::Login) that is given the list ([`LoginBuilder::denylist`](crate::login::LoginBuilder::denylist)) feeds it with
//! log-outs, here and at the provider.
//!
//! # Example
//!
//! ```
//! use gambeson_oidc_auth::{Denial, Denylist, Issuer, Verifier};
//!
//! # fn main() -> Result<(), gambeson_core::ConfigError> {
//! let denylist = Denylist::new();
//! let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
//! let verifier = Verifier::builder(issuer).audience("api").denylist(denylist.clone()).build()?;
//! // Later, when alice has left:
//! denylist.deny(&Denial::subject("https://id.example.com", "alice"));
//! # let _ = verifier;
//! # Ok(())
//! # }
//! ```
//!
//! In a configuration file it is the table `[oidc-auth.denylist]`: see [`DenylistConfig`](crate::DenylistConfig).
//!
//! # Limits
//!
//! Unless it is shared it is this process's memory: a restart forgets it, and another instance has its own. A full list never forgets a
//! denial that still counts: it denies everything that was issued until then, and warns. One account can't fill it where denials of
//! sessions say whose they are ([`Denial::whose`], [`Denial::and_subject`]).
//!
//! # Several instances
//!
//! With [`DenylistBuilder::shared`] instances hear of each other's denials through a [`DenialLog`], such as
//! `RedisStores::denials` (feature `redis`). Each keeps the whole list in its memory, so that no request asks anybody. What is denied here counts here at once, and
//! elsewhere when the others next look, every second unless [`DenylistBuilder::poll_every`] says else. [`Denylist::status`] tells
//! how old that look is.
//!
//! | what happens | tokens |
//! |---|---|
//! | an instance starts | 503 until it has read the whole log; [`Denylist::ready`] waits for that |
//! | the log can't be reached | go on for [`DenylistBuilder::max_staleness`] (60 s), then 503; [`WhenStale::Warn`] lets them go on |
//! | a denial while the log can't be reached | counts here; is told to the others when the log is back. [`Denylist::deny_shared`] says so |
//! | the log was lost, or came back in an earlier state | each instance that had read further notices at its next look, and writes what it knows into it |
//!
//! What was denied is lost for good only if the log lost it and no instance is left that had read it; each reads at once what it wrote.
//!
//! # Standards
//!
//! RFC 7519 §4.1.7 (`jti`), OpenID Connect Front-Channel Logout 1.0 §3 and Back-Channel Logout 1.0 §2.1 (`sid`), RFC 9700 §2.2.1
//! (access tokens that can be ended).

mod builder;
#[cfg(feature = "conformance")]
pub mod conformance;
mod denial;
mod entries;
mod log;
mod marks;
mod sharing;
mod status;
mod tally;
mod watch;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use gambeson_core::{Clock, ConfigProblems, Timestamp};

pub use self::builder::DenylistBuilder;
pub use self::denial::Denial;
use self::entries::{Entries, Entry};
pub use self::log::{DenialLog, DenialLogError, LogPage, LogPosition, LoggedDenial};
pub(crate) use self::marks::Marks;
use self::sharing::Sharing;
pub use self::sharing::WhenStale;
pub use self::status::{DenylistStatus, Shared};
use self::tally::Tally;
pub(crate) use self::watch::Watch;
use self::watch::Watchers;
use crate::telemetry;

/// Tokens that end before their time. See the [module](self) for the whole page. A clone is the same list.
#[derive(Clone)]
pub struct Denylist(Arc<Inner>);

struct Inner {
    entries: Entries,
    tally: Tally,
    watchers: Watchers,
    /// Whether anything was ever denied: until then a look costs one load.
    in_use: AtomicBool,
    /// Seconds of the wall clock: everything that was issued until then is denied.
    everything_until: AtomicI64,
    keep: Duration,
    leeway: Duration,
    clock: Arc<dyn Clock>,
    sharing: Option<Sharing>,
}

/// What the list says of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Clear,
    Denied,
    /// What the others have denied is not known.
    Stale,
}

impl Denylist {
    /// An empty list for 65,536 denials of 25 hours each, on the system's clock.
    #[cfg(feature = "system")]
    #[must_use]
    pub fn new() -> Self {
        Self::with(
            builder::KEEP,
            builder::CAPACITY,
            builder::LEEWAY,
            Arc::new(gambeson_core::SystemClock::new()),
            None,
        )
    }

    /// Describes one piece by piece.
    pub fn builder() -> DenylistBuilder {
        DenylistBuilder::new()
    }

    fn with(
        keep: Duration,
        capacity: usize,
        leeway: Duration,
        clock: Arc<dyn Clock>,
        sharing: Option<Sharing>,
    ) -> Self {
        Self(Arc::new(Inner {
            entries: Entries::new(capacity),
            tally: Tally::new(capacity),
            watchers: Watchers::default(),
            in_use: AtomicBool::new(false),
            everything_until: AtomicI64::new(i64::MIN),
            keep,
            leeway,
            clock,
            sharing,
        }))
    }

    /// Ends what the denial names, from the next request on; and the long answers that are under way, where a
    /// [`CutOffLayer`](crate::CutOffLayer) knows the list. A list that is shared tells the others behind the call, and again until
    /// they know.
    pub fn deny(&self, denial: &Denial) {
        let denials = self.deny_here(denial);
        if let Some(sharing) = &self.0.sharing {
            sharing.queue(&denials);
            sharing.ring();
            self.keep_in_step(sharing);
        }
    }

    /// The same, and waits until the others can know. The same as [`Denylist::deny`] where nothing is shared.
    ///
    /// # Errors
    /// The log can't be told now. The denial counts here all the same, and is told to the others when that is possible again; so
    /// too when this future is dropped before its end.
    pub async fn deny_shared(&self, denial: &Denial) -> Result<(), DenialLogError> {
        let denials = self.deny_here(denial);
        let Some(sharing) = &self.0.sharing else { return Ok(()) };
        sharing.queue(&denials);
        self.keep_in_step(sharing);
        sharing.tell_these(&denials).await?;
        // Read at once: who has not read an entry can't notice its loss.
        sharing.ring();
        Ok(())
    }

    fn deny_here(&self, denial: &Denial) -> Vec<LoggedDenial> {
        let list = &*self.0;
        let now = list.clock.now();
        let denial = self.bounded(denial, now);
        let names = denial.names(now, list.leeway);
        let denials = names.map(|(name, until)| LoggedDenial::new(name, until, list.keep));
        let denials: Vec<LoggedDenial> = denials.collect();
        for denial in &denials {
            self.insert(denial.name, denial.issued_until, now.plus(denial.keep), now);
        }
        self.end_what_is_denied();
        denials
    }

    fn insert(&self, name: [u8; 16], issued_until: i64, keep_until: Timestamp, now: Timestamp) {
        let list = &*self.0;
        if !list.entries.insert(name, Entry { issued_until, keep_until }, now) {
            let until = issued_until.min(now.plus(list.leeway).unix_seconds());
            list.everything_until.fetch_max(until, Ordering::AcqRel);
            telemetry::denylist_full(list.entries.len());
        }
        list.in_use.store(true, Ordering::Release);
    }

    /// Who has ended many sessions is denied as a whole until now in place of one session more.
    fn bounded<'d>(&self, denial: &'d Denial, now: Timestamp) -> Cow<'d, Denial> {
        let keep_until = now.plus(self.0.keep);
        match denial.whole_subject() {
            Some((subject, whole)) if !self.0.tally.allows_one_more(subject, keep_until, now) => {
                Cow::Owned(whole)
            }
            _ => Cow::Borrowed(denial),
        }
    }

    /// Waits until a shared list has read what the others have denied; returns at once for one that is not shared.
    ///
    /// # Errors
    /// The log can't be reached. Tokens are refused, or looked up in what is known, as [`WhenStale`] says; the list goes on trying.
    pub async fn ready(&self) -> Result<(), DenialLogError> {
        let Some(sharing) = &self.0.sharing else { return Ok(()) };
        self.keep_in_step(sharing);
        self.sync(sharing).await
    }

    /// How many denials are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether nothing is denied.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.everything_until().is_none()
    }

    /// Up to when everything that was issued is denied, because the list was full; `None` when it never was, or so long ago
    /// ([`Denylist::keep`]) that no token of then is left.
    #[must_use]
    pub fn everything_until(&self) -> Option<Timestamp> {
        let until = Timestamp::from_unix_seconds(self.0.everything_until.load(Ordering::Acquire));
        (self.0.clock.now() <= until.plus(self.0.keep)).then_some(until)
    }

    /// Whether the other is a clone of this one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How long a denial is kept: tokens must not live longer.
    #[must_use]
    pub fn keep(&self) -> Duration {
        self.0.keep
    }

    /// Whether denials outlast the tokens of a verifier, which live for `longest`, and meet those that its leeway lets in.
    pub(crate) fn validate(&self, longest: Duration, leeway: Duration, problems: &mut ConfigProblems) {
        let Inner { keep, leeway: own, .. } = &*self.0;
        if *keep < longest {
            let cure = format!("keep denials for {longest:?} at least: max_token_lifetime and leeway");
            problems.add("denylist.keep", format!("{keep:?}"), cure);
        }
        if *own < leeway {
            let cure = format!("choose {leeway:?} at least: the leeway of who verifies");
            problems.add("denylist.leeway", format!("{own:?}"), cure);
        }
    }

    /// What is to be said of a token with one of these names, issued then.
    fn look(&self, names: &[Option<[u8; 16]>], issued_at: i64) -> Look {
        let list = &*self.0;
        let is_denied = list.in_use.load(Ordering::Acquire)
            && (issued_at <= list.everything_until.load(Ordering::Acquire)
                || names
                    .iter()
                    .flatten()
                    .any(|name| list.entries.issued_until(name).is_some_and(|until| issued_at <= until)));
        match &list.sharing {
            _ if is_denied => Look::Denied,
            Some(sharing) => self.look_shared(sharing),
            None => Look::Clear,
        }
    }

    fn look_shared(&self, sharing: &Sharing) -> Look {
        self.keep_in_step(sharing);
        match sharing.when_stale {
            WhenStale::Refuse if sharing.is_stale(&*self.0.clock) => Look::Stale,
            _ => Look::Clear,
        }
    }
}

#[cfg(feature = "system")]
impl Default for Denylist {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denylist")
            .field("len", &self.len())
            .field("everything_until", &self.everything_until())
            .field("keep", &self.0.keep)
            .field("sharing", &self.0.sharing)
            .finish_non_exhaustive()
    }
}
