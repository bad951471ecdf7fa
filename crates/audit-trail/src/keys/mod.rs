//! The keys under which data about people are kept, and what is done with them.

mod file;
mod hex;
mod sealer;
mod secret_file;
mod store;
mod text;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::aead::NONCE_LEN;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use gambeson_core::{Clock, Entropy, Monotonic, SecretBytes, SystemClock, SystemEntropy, Timestamp};

pub use self::file::FileSubjectKeys;
pub(crate) use self::sealer::Sealer;
pub use self::store::{KeyId, MemorySubjectKeys, SubjectKey, SubjectKeys, SubjectState, SubjectTag};
pub use self::text::Kept;
pub(crate) use self::text::{ERASED, HMAC, PLAIN, SEALED, WITHHELD, plain};
use crate::entry::StoredEvent;
use crate::error::{TrailError, TrailErrorKind};
use crate::telemetry;

/// An erasure that is further ahead was told by a clock that leapt. To believe it would leave nothing of its subject readable until then.
const MOST_AHEAD: Duration = Duration::from_secs(60);

/// That something is sealed for nobody is told at most so often.
const TOLD_EACH: Duration = Duration::from_secs(60);

/// So many subjects' keys are remembered; then all are forgotten and asked for anew.
const REMEMBERED: usize = 4_096;

/// The keys of a trail: one secret, for keyed digests, and perhaps a store with a key for each subject. Clones share them.
///
/// ```
/// use std::sync::Arc;
/// use gambeson_audit_trail::{FieldKeys, MemorySubjectKeys};
/// use gambeson_core::SecretBytes;
///
/// let secret = SecretBytes::new(vec![7; 32]);
/// let keys = FieldKeys::new(&secret)?.with_subjects(Arc::new(MemorySubjectKeys::new()))?;
/// assert_eq!(keys.hmac("sub", "alice"), keys.hmac("sub", "alice"));
/// assert!(!keys.erase("https://id.example", "alice")?, "nothing was sealed for her yet");
/// # Ok::<(), gambeson_audit_trail::TrailError>(())
/// ```
#[derive(Clone)]
pub struct FieldKeys(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    texts: hmac::Key,
    tags: hmac::Key,
    fingerprint: String,
    subjects: Option<Arc<dyn SubjectKeys>>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    remembered: Arc<Mutex<HashMap<SubjectTag, Arc<Sealer>>>>,
    /// When it was last told that something is sealed for nobody.
    told: Arc<Mutex<Option<Monotonic>>>,
}

impl FieldKeys {
    /// Keyed digests under this secret: at least 32 bytes that nobody can guess, the same ones at each start.
    ///
    /// # Errors
    /// [`Keys`](TrailErrorKind::Keys) for a secret that is too short.
    pub fn new(secret: &SecretBytes) -> Result<Self, TrailError> {
        let bytes = secret.expose();
        if bytes.len() < 32 {
            let detail =
                format!("the audit trail's secret has {} bytes: give at least 32 random ones", bytes.len());
            return Err(TrailError::new(TrailErrorKind::Keys, detail));
        }
        let material = Salt::new(HKDF_SHA256, b"gambeson-audit-trail").extract(bytes);
        let fingerprint = hmac::sign(&expand(&material, b"fingerprint v1")?, b"");
        Ok(Self(Arc::new(Inner {
            texts: expand(&material, b"field hmac v1")?,
            tags: expand(&material, b"subject tag v1")?,
            fingerprint: hex::encode(fingerprint.as_ref().get(..8).unwrap_or_default()),
            subjects: None,
            entropy: Arc::new(SystemEntropy::new()),
            clock: Arc::new(SystemClock::new()),
            remembered: Arc::default(),
            told: Arc::default(),
        })))
    }

    /// Seals under a key for each subject, which this store keeps.
    ///
    /// # Errors
    /// [`Keys`](TrailErrorKind::Keys) when the store can't be read, or belongs to another secret.
    pub fn with_subjects(self, subjects: Arc<dyn SubjectKeys>) -> Result<Self, TrailError> {
        let ours = subjects
            .bind(&self.0.fingerprint)
            .map_err(|error| unusable("read the keys of subjects", error))?;
        if !ours {
            let detail =
                "the keys of subjects belong to another secret: give the one that they were made with";
            return Err(TrailError::new(TrailErrorKind::Keys, detail));
        }
        Ok(Self(Arc::new(Inner { subjects: Some(subjects), ..(*self.0).clone() })))
    }

    /// Another source of keys and nonces than the system's.
    #[must_use]
    pub fn with_entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self(Arc::new(Inner { entropy, ..(*self.0).clone() }))
    }

    /// Another clock than the system's: it tells when a subject is erased, and must agree with the trails' own.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { clock, ..(*self.0).clone() }))
    }

    /// What names the secret without giving it away: 16 hexadecimal digits, which also stand in each keyed digest.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// Whether there is a store of subjects' keys.
    #[must_use]
    pub fn can_seal(&self) -> bool {
        self.0.subjects.is_some()
    }

    /// The keyed digest that stands for `value` in `field`: `sub`, `address` or the name of a detail. Look-ups compare it.
    #[must_use]
    pub fn hmac(&self, field: &str, value: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0.texts);
        context.update(field.as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        format!("{HMAC}{}:{}", self.0.fingerprint, hex::encode(context.sign().as_ref()))
    }

    /// Whether a keyed digest in a trail was made with this secret.
    #[must_use]
    pub fn made(&self, text: &str) -> bool {
        let rest = text.strip_prefix(HMAC).and_then(|rest| rest.strip_prefix(self.fingerprint()));
        rest.is_some_and(|rest| rest.starts_with(':'))
    }

    /// Whether `text` is the keyed digest of `value` in `field`, by this secret.
    #[must_use]
    pub fn stands_for(&self, field: &str, value: &str, text: &str) -> bool {
        self.made(text) && self.hmac(field, value) == text
    }

    /// Erases the key of a subject: nothing that was recorded for it so far can be read again, by anybody. `false` when there was no
    /// key: nothing was ever sealed for it, or it is erased already.
    ///
    /// An app that is running takes a new key for the subject at its next event. Events that still wait for its writer, in whichever
    /// process, are sealed so that nobody can read them; which those are the wall clock tells, and nothing does when it is more than a
    /// minute ahead of the app's. Blocks while the store is changed.
    ///
    /// # Errors
    /// [`Keys`](TrailErrorKind::Keys) when there is no store, or it can't be written.
    pub fn erase(&self, issuer: &str, name: &str) -> Result<bool, TrailError> {
        let tag = self.tag(Some((issuer, name)));
        self.sealers().remove(&tag);
        self.store()?
            .erase(&tag, self.0.clock.now())
            .map_err(|error| unusable("erase the key of a subject", error))
    }

    /// Erases the key of all that was sealed for requests of nobody in particular.
    ///
    /// # Errors
    /// As [`erase`](Self::erase).
    pub fn erase_strangers(&self) -> Result<bool, TrailError> {
        let tag = self.tag(None);
        self.sealers().remove(&tag);
        self.store()?
            .erase(&tag, self.0.clock.now())
            .map_err(|error| unusable("erase the key of strangers", error))
    }

    /// Opens what is sealed in an event. What can't be opened because its key is erased reads `erased:` and the key's id after that.
    ///
    /// # Errors
    /// [`Keys`](TrailErrorKind::Keys) when the store can't be read, [`Damaged`](TrailErrorKind::Damaged) for a text that
    /// its key does not open.
    pub fn open(&self, event: &mut StoredEvent) -> Result<(), TrailError> {
        for (field, text) in event.about_people_mut() {
            if let Some(opened) = self.open_text(field, text)? {
                *text = opened;
            }
        }
        Ok(())
    }

    /// Opens one text of an event: `sub`, `address` or the detail called `field`. `None`: it stands there as it is, or these keys
    /// don't open it. When its key is erased it is as [`open`](Self::open) says.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_text(&self, field: &str, text: &str) -> Result<Option<String>, TrailError> {
        let (Some(store), Some(sealed)) = (&self.0.subjects, text.strip_prefix(SEALED)) else {
            return Ok(text.strip_prefix(PLAIN).map(Into::into));
        };
        let Some((id, bytes)) = sealer::parse(sealed) else { return Ok(None) };
        let damaged = || {
            let detail = format!("the sealed text of {field} is not what its key sealed");
            TrailError::new(TrailErrorKind::Damaged, detail)
        };
        match store.get(&id).map_err(|error| unusable("read the key of a subject", error))? {
            Some(key) => sealer::open(&key, field, bytes).map(Some).ok_or_else(damaged),
            None => Ok(Some(format!("{ERASED}{id}"))),
        }
    }

    fn store(&self) -> Result<&dyn SubjectKeys, TrailError> {
        self.0.subjects.as_deref().ok_or_else(|| {
            TrailError::new(TrailErrorKind::Keys, "there is no store of subjects' keys: give one")
        })
    }

    /// What a store knows a subject by, or strangers: made in memory.
    pub(crate) fn tag(&self, subject: Option<(&str, &str)>) -> SubjectTag {
        let mut context = hmac::Context::with_key(&self.0.tags);
        if let Some((issuer, name)) = subject {
            context.update(&(issuer.len() as u64).to_be_bytes());
            context.update(issuer.as_bytes());
            context.update(name.as_bytes());
        }
        let mut tag = [0; 32];
        tag.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        SubjectTag(tag)
    }

    /// What seals for a subject, or for strangers, what was recorded then; its key is made at the first time. Reads and writes
    /// the store.
    pub(crate) fn sealer(&self, tag: &SubjectTag, recorded: Timestamp) -> Result<Arc<Sealer>, TrailError> {
        let sealer = match self.known(tag)? {
            Some(known) => Some(known),
            None => self.looked_up(tag, recorded)?,
        };
        match sealer {
            Some(sealer) if sealer.is_for(recorded) => Ok(sealer),
            // It was recorded before its subject was erased.
            _ => {
                self.tell_unreadable();
                self.for_nobody()
            }
        }
    }

    /// The subject's sealer of before, if its key was not erased since.
    fn known(&self, tag: &SubjectTag) -> Result<Option<Arc<Sealer>>, TrailError> {
        let Some(known) = self.sealers().get(tag).cloned() else { return Ok(None) };
        let usable = !known.is_used_up() && self.store()?.is_kept(known.id()).map_err(unkept)?;
        Ok(usable.then_some(known))
    }

    /// One under the subject's key as the store has it. For what was recorded before an erasure no key is made.
    fn looked_up(&self, tag: &SubjectTag, recorded: Timestamp) -> Result<Option<Arc<Sealer>>, TrailError> {
        let store = self.store()?;
        let mut state = store.find(tag).map_err(unkept)?;
        if state.key.is_none() && self.believed(state.erased).is_none_or(|erased| recorded > erased) {
            state = store.keep(tag, self.fresh_key()?).map_err(unkept)?;
        }
        let Some(key) = state.key else { return Ok(None) };
        let erased = self.believed(state.erased);
        let sealer = Arc::new(Sealer::new(&key, erased, self.random()?).ok_or_else(broken)?);
        let mut sealers = self.sealers();
        if sealers.len() >= REMEMBERED {
            sealers.clear();
        }
        sealers.insert(*tag, sealer.clone());
        Ok(Some(sealer))
    }

    /// The moment of an erasure, unless a clock that leapt told it.
    fn believed(&self, erased: Option<Timestamp>) -> Option<Timestamp> {
        let now = self.0.clock.now();
        erased.filter(|erased| erased.since(now) <= MOST_AHEAD)
    }

    fn tell_unreadable(&self) {
        let now = self.0.clock.monotonic();
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| now.since(told) >= TOLD_EACH) {
            *told = Some(now);
            telemetry::sealed_for_nobody();
        }
    }

    /// Seals so that nobody can ever read it: no store has the key.
    fn for_nobody(&self) -> Result<Arc<Sealer>, TrailError> {
        let sealer = Sealer::new(&self.fresh_key()?, None, self.random()?).ok_or_else(broken)?;
        Ok(Arc::new(sealer))
    }

    fn fresh_key(&self) -> Result<SubjectKey, TrailError> {
        Ok(SubjectKey::new(KeyId(self.random()?), self.random()?))
    }

    /// So many random bytes, of which nonces are taken.
    pub(crate) fn nonces(&self) -> Result<[[u8; NONCE_LEN]; 4], TrailError> {
        let bytes: [u8; 4 * NONCE_LEN] = self.random()?;
        let mut nonces = [[0; NONCE_LEN]; 4];
        nonces.iter_mut().zip(bytes.chunks_exact(NONCE_LEN)).for_each(|(to, from)| to.copy_from_slice(from));
        Ok(nonces)
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], TrailError> {
        let mut bytes = [0; N];
        self.0.entropy.fill(&mut bytes).map_err(|error| unusable("seal", io::Error::other(error)))?;
        Ok(bytes)
    }

    fn sealers(&self) -> MutexGuard<'_, HashMap<SubjectTag, Arc<Sealer>>> {
        self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FieldKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldKeys")
            .field("fingerprint", &self.0.fingerprint)
            .field("subjects", &self.0.subjects)
            .finish_non_exhaustive()
    }
}

fn expand(material: &Prk, purpose: &[u8]) -> Result<hmac::Key, TrailError> {
    let purpose = [purpose];
    Ok(material.expand(&purpose, hmac::HMAC_SHA256).map_err(|_| broken())?.into())
}

fn broken() -> TrailError {
    TrailError::new(TrailErrorKind::Keys, "the cryptographic library failed")
}

fn unkept(error: io::Error) -> TrailError {
    unusable("keep the key of a subject", error)
}

fn unusable(doing: &str, error: io::Error) -> TrailError {
    TrailError::keys(doing, error)
}
