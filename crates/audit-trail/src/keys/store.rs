//! Where the keys of subjects are kept: outside of the chain, so that one can be erased.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gambeson_core::Timestamp;

use super::hex;

/// A keyed digest of issuer and name: what a store finds a subject's key by, without learning who it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubjectTag(pub(super) [u8; 32]);

impl fmt::Display for SubjectTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for SubjectTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectTag({self})")
    }
}

/// A random number that names a key in the chain. Once the key is erased it says nothing about its subject.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(super) [u8; 16]);

impl KeyId {
    /// The id of these 32 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The key of one subject. Debug shows its id only.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectKey {
    id: KeyId,
    bytes: [u8; 32],
}

impl SubjectKey {
    /// A key as a store has kept it.
    #[must_use]
    pub const fn new(id: KeyId, bytes: [u8; 32]) -> Self {
        Self { id, bytes }
    }

    /// What names the key in the chain.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The secret itself, for stores that keep it.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectKey({}, …)", self.id)
    }
}

/// What a store knows of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubjectState {
    /// Its key, if it has one.
    pub key: Option<SubjectKey>,
    /// When it was last erased, for at least as long as events may be on their way since before that.
    pub erased: Option<Timestamp>,
}

/// Keeps one key a subject. Erasing it makes all that was sealed under it unreadable for good.
///
/// Called in the trail's own thread, never in that of a request: [`is_kept`](Self::is_kept) at each event with personal data, the others
/// when a subject is seen for the first time in a while. A store that is slow makes the trail slow; one that hangs holds the trail
/// up like a disk that hangs, and shows in its health.
pub trait SubjectKeys: Send + Sync + fmt::Debug {
    /// Keeps the fingerprint of the secret that the tags are made with, if it has none yet, and says whether the one that it has
    /// is this one. So a wrong secret is noticed, which else would find no subject.
    ///
    /// # Errors
    /// The store can't be read or written.
    fn bind(&self, fingerprint: &str) -> io::Result<bool>;

    /// The key of a subject, if it has one, and when it was last erased.
    ///
    /// # Errors
    /// The store can't be read.
    fn find(&self, subject: &SubjectTag) -> io::Result<SubjectState>;

    /// Keeps `fresh` for a subject without a key, on stable storage before it answers, and answers what is so from now on. When the
    /// subject has a key by now, that one stays and `fresh` is dropped.
    ///
    /// # Errors
    /// The store can't be written.
    fn keep(&self, subject: &SubjectTag, fresh: SubjectKey) -> io::Result<SubjectState>;

    /// The key of this id; `None` once it is erased.
    ///
    /// # Errors
    /// The store can't be read.
    fn get(&self, id: &KeyId) -> io::Result<Option<SubjectKey>>;

    /// Whether the key of this id is there, cheaply.
    ///
    /// # Errors
    /// The store can't be read.
    fn is_kept(&self, id: &KeyId) -> io::Result<bool> {
        Ok(self.get(id)?.is_some())
    }

    /// Erases the key of a subject for good; `false` when it had none. Either way it first notes that this was at `now`, so that no
    /// event of before is sealed under a key of after.
    ///
    /// # Errors
    /// The store can't be written; the key may be there still.
    fn erase(&self, subject: &SubjectTag, now: Timestamp) -> io::Result<bool>;
}

/// Keys in memory: for tests, and for data that nobody may read after a restart.
#[derive(Default)]
pub struct MemorySubjectKeys(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    fingerprint: Option<String>,
    subjects: HashMap<SubjectTag, KeyId>,
    keys: HashMap<KeyId, SubjectKey>,
    erased: HashMap<SubjectTag, Timestamp>,
}

impl Kept {
    fn state(&self, subject: &SubjectTag) -> SubjectState {
        let key = self.subjects.get(subject).and_then(|id| self.keys.get(id)).cloned();
        SubjectState { key, erased: self.erased.get(subject).copied() }
    }
}

impl MemorySubjectKeys {
    /// No keys yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubjectKeys for MemorySubjectKeys {
    fn bind(&self, fingerprint: &str) -> io::Result<bool> {
        Ok(self.kept().fingerprint.get_or_insert_with(|| fingerprint.into()) == fingerprint)
    }

    fn find(&self, subject: &SubjectTag) -> io::Result<SubjectState> {
        Ok(self.kept().state(subject))
    }

    fn keep(&self, subject: &SubjectTag, fresh: SubjectKey) -> io::Result<SubjectState> {
        let mut kept = self.kept();
        let id = *kept.subjects.entry(*subject).or_insert(fresh.id);
        kept.keys.entry(id).or_insert(fresh);
        Ok(kept.state(subject))
    }

    fn get(&self, id: &KeyId) -> io::Result<Option<SubjectKey>> {
        Ok(self.kept().keys.get(id).cloned())
    }

    fn is_kept(&self, id: &KeyId) -> io::Result<bool> {
        Ok(self.kept().keys.contains_key(id))
    }

    fn erase(&self, subject: &SubjectTag, now: Timestamp) -> io::Result<bool> {
        let mut kept = self.kept();
        kept.erased.insert(*subject, now);
        let id = kept.subjects.remove(subject);
        Ok(id.and_then(|id| kept.keys.remove(&id)).is_some())
    }
}

impl fmt::Debug for MemorySubjectKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySubjectKeys")
            .field("subjects", &self.kept().subjects.len())
            .finish_non_exhaustive()
    }
}
