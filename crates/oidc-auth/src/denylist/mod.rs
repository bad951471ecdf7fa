//! The denylist: access tokens that end before their `exp`.
//!
//! # What it does
//!
//! A JWT is good until its `exp`, whoever has logged out in between. A verifier that is given a [`Denylist`]
//! ([`VerifierBuilder::denylist`](crate::VerifierBuilder::denylist), [`IntrospectionBuilder::denylist`](crate::introspection::IntrospectionBuilder::denylist)) asks it each time, also
//! for tokens that are remembered, and refuses what it denies as 401 `invalid_token`. A [`Denial`] names a token (`jti`), a session
//! (`sid`), a subject (`sub`) or a whole issuer; those of a subject or an issuer end what was issued until a moment, so that who
//! logs in again is let in.
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
//! It is this process's memory: a restart forgets it, and another instance has its own. For several instances, have each hear of
//! every denial, and [`Denylist::deny`] it there; a denial may come twice and in any order. A full list never forgets a
//! denial that still counts: it denies everything that was issued until then, and warns. One account can't fill it where denials of
//! sessions say whose they are ([`Denial::whose`], [`Denial::and_subject`]).
//!
//! # Standards
//!
//! RFC 7519 §4.1.7 (`jti`), OpenID Connect Front-Channel Logout 1.0 §3 and Back-Channel Logout 1.0 §2.1 (`sid`), RFC 9700 §2.2.1
//! (access tokens that can be ended).

mod builder;
mod denial;
mod entries;
mod marks;
mod tally;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use gambeson_core::{Clock, ConfigProblems, Timestamp};

pub use self::builder::DenylistBuilder;
pub use self::denial::Denial;
use self::entries::{Entries, Entry};
pub(crate) use self::marks::Marks;
use self::tally::Tally;
use crate::telemetry;

/// Tokens that end before their time. See the [module](self) for the whole page. A clone is the same list.
#[derive(Clone)]
pub struct Denylist(Arc<Inner>);

struct Inner {
    entries: Entries,
    tally: Tally,
    /// Whether anything was ever denied: until then a look costs one load.
    in_use: AtomicBool,
    /// Seconds of the wall clock: everything that was issued until then is denied.
    everything_until: AtomicI64,
    keep: Duration,
    leeway: Duration,
    clock: Arc<dyn Clock>,
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
        )
    }

    /// Describes one piece by piece.
    pub fn builder() -> DenylistBuilder {
        DenylistBuilder::new()
    }

    fn with(keep: Duration, capacity: usize, leeway: Duration, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            entries: Entries::new(capacity),
            tally: Tally::new(capacity),
            in_use: AtomicBool::new(false),
            everything_until: AtomicI64::new(i64::MIN),
            keep,
            leeway,
            clock,
        }))
    }

    /// Ends what the denial names, from the next request on.
    pub fn deny(&self, denial: &Denial) {
        let list = &*self.0;
        let now = list.clock.now();
        let denial = self.bounded(denial, now);
        for (name, issued_until) in denial.names(now, list.leeway) {
            let entry = Entry { issued_until, keep_until: now.plus(list.keep) };
            if !list.entries.insert(name, entry, now) {
                let until = issued_until.min(now.plus(list.leeway).unix_seconds());
                list.everything_until.fetch_max(until, Ordering::AcqRel);
                telemetry::denylist_full(list.entries.len());
            }
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

    /// Up to when everything that was issued is denied, because the list was full once; `None` when it never was.
    #[must_use]
    pub fn everything_until(&self) -> Option<Timestamp> {
        let until = self.0.everything_until.load(Ordering::Acquire);
        (until != i64::MIN).then(|| Timestamp::from_unix_seconds(until))
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

    /// Whether a token with one of these names, issued then, is denied.
    fn denies(&self, names: &[Option<[u8; 16]>], issued_at: i64) -> bool {
        let list = &*self.0;
        list.in_use.load(Ordering::Acquire)
            && (issued_at <= list.everything_until.load(Ordering::Acquire)
                || names
                    .iter()
                    .flatten()
                    .any(|name| list.entries.issued_until(name).is_some_and(|until| issued_at <= until)))
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
            .finish_non_exhaustive()
    }
}
