//! Where activations are kept.

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

use gambeson_core::{Principal, Subject, Timestamp};

/// A role that somebody has for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Activation {
    /// Why the caller may have it.
    pub kind: ActivationKind,
    /// Who has it.
    pub subject: Subject,
    /// The log-in session that it is for; `None`: any without a session, or, for break-glass, all of the subject.
    pub session: Option<Box<str>>,
    /// Which role.
    pub role: Box<str>,
    /// What the caller gave as the reason; may be empty.
    pub reason: Box<str>,
    /// Since when, by the wall clock.
    pub from: Timestamp,
    /// The first moment at which it does not hold any more.
    pub until: Timestamp,
}

/// Why a caller may have a role for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ActivationKind {
    /// A `[[break_glass]]` of the policy.
    BreakGlass,
    /// It is the caller's own, of a dynamic separation of duties.
    Duty,
}

impl Activation {
    /// An activation without session and reason; whether the policy lets it hold is looked at when it is used.
    pub fn new(
        kind: ActivationKind,
        subject: Subject,
        role: impl Into<Box<str>>,
        from: Timestamp,
        until: Timestamp,
    ) -> Self {
        Self { kind, subject, session: None, role: role.into(), reason: Box::default(), from, until }
    }

    /// Whether it is this caller's.
    pub(super) fn is_of(&self, caller: &Principal) -> bool {
        let session =
            self.kind == ActivationKind::BreakGlass || self.session.as_deref() == caller.session_id();
        session && self.subject == *caller.full_subject()
    }
}

/// Keeps activations over a restart.
pub trait ActivationStore: fmt::Debug + Send + Sync + 'static {
    /// What was saved last; nothing when nothing ever was.
    ///
    /// # Errors
    /// It can't be read, or is damaged: never answer that with nothing.
    fn load(&self) -> io::Result<Vec<Activation>>;

    /// Keeps these in place of all others. Called rarely, with at most a thousand; may block for a short write.
    ///
    /// # Errors
    /// They are not kept, or it can't be told: then the new one does not hold, and the list before is saved again.
    fn save(&self, live: &[Activation]) -> io::Result<()>;

    /// Drops what is over at `now` by its own time, so that nothing personal stays behind; leaves all else as it is.
    ///
    /// Where several processes may share the store, it must not be saved by another between reading and writing.
    ///
    /// # Errors
    /// It can't be read or written, or is damaged.
    fn forget_ended(&self, now: Timestamp) -> io::Result<()> {
        without_ended(self.load()?, now).map_or(Ok(()), |live| self.save(&live))
    }
}

/// What of these is not over by its own time; `None`: nothing is.
pub(super) fn without_ended(mut kept: Vec<Activation>, now: Timestamp) -> Option<Vec<Activation>> {
    let all = kept.len();
    kept.retain(|activation| now < activation.until);
    (kept.len() < all).then_some(kept)
}

/// Keeps activations for as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryActivations(Mutex<Vec<Activation>>);

impl ActivationStore for MemoryActivations {
    fn load(&self) -> io::Result<Vec<Activation>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn save(&self, live: &[Activation]) -> io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = live.to_vec();
        Ok(())
    }
}
