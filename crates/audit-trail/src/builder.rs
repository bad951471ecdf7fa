//! Opening a trail with more than the usual parts.

use std::path::PathBuf;
use std::sync::Arc;

use gambeson_core::{Clock, Entropy, SystemClock, SystemEntropy, Timer};

use crate::checkpoint::Signer;
use crate::config::Config;
use crate::disk::{Disk, SystemDisk};
use crate::error::TrailError;
use crate::fields::Fields;
use crate::keys::FieldKeys;
use crate::note::{SigningKey, VerifyingKey};
use crate::patience::Patience;
use crate::resume::Parts;
use crate::trail::AuditTrail;

/// What a trail is opened with; see [`AuditTrail::builder`].
///
/// ```
/// use gambeson_audit_trail::{AuditTrail, SigningKey, VerifyOptions, verify};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let dir = folder.path().join("audit");
/// # let rng = aws_lc_rs::rand::SystemRandom::new();
/// # let pkcs8 = aws_lc_rs::signature::Ed25519KeyPair::generate_pkcs8(&rng)?;
/// let key = SigningKey::from_pkcs8("example.com/notes", pkcs8.as_ref())?;
/// let public = key.public().to_string(); // give it to whoever verifies
/// let trail = AuditTrail::builder(&dir).sign(key).open()?;
/// drop(trail);
/// let report = verify(&dir, &VerifyOptions::default().key(public.parse()?))?;
/// assert!(report.checkpoints > 0 && report.signed.is_some());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct TrailBuilder {
    dir: PathBuf,
    config: Config,
    clock: Arc<dyn Clock>,
    timer: Option<Arc<dyn Timer>>,
    disk: Arc<dyn Disk>,
    key: Option<SigningKey>,
    previous: Vec<VerifyingKey>,
    keys: Option<FieldKeys>,
}

impl TrailBuilder {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            config: Config::default(),
            clock: Arc::new(SystemClock::new()),
            timer: None,
            disk: Arc::new(SystemDisk),
            key: None,
            previous: Vec::new(),
            keys: None,
        }
    }

    /// Sets the limits. Default [`Config::default`].
    #[must_use]
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// Tells the time by another clock. Default the system's.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Keeps [`Config::strict_deadline`] by another timer, which goes by [`clock`](Self::clock). Default that of the tokio runtime, in which
    /// strict events are waited for then, with the system's clock.
    #[must_use]
    pub fn timer(self, timer: Arc<dyn Timer>) -> Self {
        Self { timer: Some(timer), ..self }
    }

    /// Signs checkpoints with this key, as often as [`Config::checkpoints`] says. Default: signs none.
    ///
    /// A trail is signed from its first record on or never: one that goes on from no checkpoint of this key, or of a
    /// [`previous_key`](Self::previous_key), does not open, nor does a signed one without a key.
    #[must_use]
    pub fn sign(self, key: SigningKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Goes on from what this key signed, after a change to the one of [`sign`](Self::sign). Needed until the trail was opened
    /// once with the new key: leave it out then, so that who has the old one can add nothing. Default none.
    #[must_use]
    pub fn previous_key(mut self, key: VerifyingKey) -> Self {
        self.previous.push(key);
        self
    }

    /// Seals data about people, or keeps keyed digests of it, as [`Config::personal_data`] says. Default: no keys.
    #[must_use]
    pub fn keys(self, keys: FieldKeys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    #[cfg(test)]
    pub(crate) fn disk(self, disk: Arc<dyn Disk>) -> Self {
        Self { disk, ..self }
    }

    /// Opens it, as [`AuditTrail::open`] says.
    ///
    /// # Errors
    /// As [`AuditTrail::open`], and [`Keys`](crate::TrailErrorKind::Keys) when the configuration asks for keys that are not there.
    pub fn open(self) -> Result<AuditTrail, TrailError> {
        self.open_drawing(&SystemEntropy::new())
    }

    pub(crate) fn open_drawing(self, entropy: &dyn Entropy) -> Result<AuditTrail, TrailError> {
        self.config.validate()?;
        let fields = Fields::new(&self.config, self.keys.as_ref())?;
        let limits = self.config.checkpoints.clone();
        let now = self.clock.monotonic();
        let patience = Patience::new(self.config.strict_deadline, &self.clock, self.timer);
        let parts = Parts {
            segment_bytes: self.config.segment_bytes,
            clock: self.clock,
            disk: self.disk,
            signer: self.key.map(|key| Signer::new(key, limits, now)),
            previous: self.previous,
        };
        AuditTrail::start(self.dir, &self.config, parts, fields, self.keys, patience, entropy)
    }
}
