//! The texts of an event that its writer has yet to seal: that may need the disk, which no request waits for.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::NONCE_LEN;
use gambeson_core::Timestamp;

use crate::error::{TrailError, TrailErrorKind};
use crate::keys::{FieldKeys, SEALED, Sealer, SubjectTag, WITHHELD};

/// Whose key a text is sealed under.
#[derive(Clone, Copy)]
pub(crate) enum Party {
    /// The event's subject, or nobody in particular.
    Subject,
    /// Who acted on its behalf.
    Actor,
}

/// A text and its place.
struct Text {
    /// The byte of the members before which it belongs.
    at: usize,
    party: Party,
    field: &'static str,
    plain: String,
}

/// The texts of one event. Debug shows how many.
pub(crate) struct Unsealed {
    keys: FieldKeys,
    recorded: Timestamp,
    subject: SubjectTag,
    actor: SubjectTag,
    texts: Vec<Text>,
}

impl Unsealed {
    pub(crate) fn new(keys: FieldKeys, recorded: Timestamp, subject: SubjectTag, actor: SubjectTag) -> Self {
        Self { keys, recorded, subject, actor, texts: Vec::new() }
    }

    /// Adds a text that belongs behind all others.
    pub(crate) fn push(&mut self, at: usize, party: Party, field: &'static str, plain: &str) {
        self.texts.push(Text { at, party, field, plain: plain.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// How many bytes they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.texts.iter().map(|text| size_of::<Text>() + text.plain.len()).sum()
    }

    /// The members with all texts in their places, sealed. What can't be is withheld, and the error says why.
    pub(crate) fn seal(&self, members: &str) -> (String, Option<TrailError>) {
        let [mut subject, mut actor] = [self.subject, self.actor].map(Hand::new);
        let mut out = String::with_capacity(members.len() + 256 * self.texts.len());
        let (mut fault, mut from) = (None, 0);
        for text in &self.texts {
            out.push_str(members.get(from..text.at).unwrap_or_default());
            from = text.at;
            let hand = match text.party {
                Party::Subject => &mut subject,
                Party::Actor => &mut actor,
            };
            match hand.seal(&self.keys, self.recorded, text) {
                Ok(sealed) => out.extend([SEALED, &sealed]),
                Err(error) => {
                    out.push_str(WITHHELD);
                    fault = Some(error);
                }
            }
        }
        out.push_str(members.get(from..).unwrap_or_default());
        (out, fault)
    }
}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsealed({} texts)", self.texts.len())
    }
}

/// Seals for one party, whose key is looked up once.
struct Hand {
    tag: SubjectTag,
    /// Or why there is none: asking the store once more for each text would wait once more.
    sealer: Option<Result<Arc<Sealer>, TrailError>>,
    nonces: Vec<[u8; NONCE_LEN]>,
}

impl Hand {
    fn new(tag: SubjectTag) -> Self {
        Self { tag, sealer: None, nonces: Vec::new() }
    }

    fn seal(&mut self, keys: &FieldKeys, recorded: Timestamp, text: &Text) -> Result<String, TrailError> {
        let sealer = self.sealer.get_or_insert_with(|| keys.sealer(&self.tag, recorded));
        let sealer = sealer.as_ref().map_err(Clone::clone)?;
        if self.nonces.is_empty() {
            self.nonces = keys.nonces()?.into();
        }
        let nonce = self.nonces.pop();
        let sealed = nonce.and_then(|nonce| sealer.seal(text.field, &text.plain, nonce));
        let used_up =
            || TrailError::new(TrailErrorKind::Keys, "the key of a subject has sealed all that it may");
        sealed.ok_or_else(used_up)
    }
}
