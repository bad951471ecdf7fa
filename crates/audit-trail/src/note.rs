//! Signed notes in the form of C2SP `signed-note`, with Ed25519 keys (RFC 8032).

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gambeson_core::{SecretRef, SecretResolver};
use sha2::{Digest as _, Sha256};

/// The signature type of an Ed25519 key in signed notes.
const ED25519_TYPE: u8 = 1;
/// More signatures than these are not looked at; C2SP asks for at least 16.
const MAX_SIGNATURES: usize = 64;

/// Why a key can't be used. Says nothing of the key itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Names that signed notes can hold are not empty and have neither blanks nor `+`.
    #[error("the key's name is empty, or holds a blank, a control character or a plus sign")]
    Name,
    /// A private key is Ed25519 in PKCS#8 (RFC 8410).
    #[error("not an Ed25519 private key in PKCS#8: make one with `openssl genpkey -algorithm ed25519`")]
    Private,
    /// A public key is `NAME+ID+KEY`, as [`VerifyingKey`] writes it.
    #[error("not a public key of the form NAME+ID+KEY with the id that belongs to name and key")]
    Public,
    /// The key's file can't be read.
    #[error("the key's file can't be read")]
    File(#[from] std::io::Error),
    /// The secret store did not give it.
    #[error("the key could not be had from its secret store")]
    Secret(#[from] gambeson_core::SecretError),
}

/// The private key that signs checkpoints. Debug shows its public half only.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Ed25519KeyPair>,
    public: VerifyingKey,
}

impl SigningKey {
    /// Reads a private key in PKCS#8, PEM (`BEGIN PRIVATE KEY`) or DER. `name` stands in each signature: best the name of
    /// the service as a URL without its scheme, `example.com/notes`.
    ///
    /// # Errors
    /// [`KeyError::Name`] and [`KeyError::Private`].
    pub fn from_pkcs8(name: &str, key: &[u8]) -> Result<Self, KeyError> {
        let der = der(key).ok_or(KeyError::Private)?;
        let pair = Ed25519KeyPair::from_pkcs8(&der)
            .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der))
            .map_err(|_| KeyError::Private)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Private)?;
        Ok(Self { pair: Arc::new(pair), public: VerifyingKey::new(name, public)? })
    }

    /// Reads the private key in a file.
    ///
    /// # Errors
    /// As [`from_pkcs8`](Self::from_pkcs8), and [`KeyError::File`].
    pub fn from_file(name: &str, path: impl AsRef<Path>) -> Result<Self, KeyError> {
        Self::from_pkcs8(name, &std::fs::read(path)?)
    }

    /// Reads the private key behind a secret reference.
    ///
    /// # Errors
    /// As [`from_pkcs8`](Self::from_pkcs8), and [`KeyError::Secret`].
    pub async fn from_secret(
        name: &str,
        reference: &SecretRef,
        secrets: &dyn SecretResolver,
    ) -> Result<Self, KeyError> {
        let key = secrets.resolve(reference).await?;
        Self::from_pkcs8(name, key.expose())
    }

    /// What verifiers need.
    #[must_use]
    pub fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// The note of `text`, which ends with a line feed.
    pub(crate) fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let bytes = [&self.public.id[..], signature.as_ref()].concat();
        format!("{text}\n— {} {}\n", self.public.name, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public)
    }
}

/// The DER of a key that is PEM, or is DER already.
fn der(key: &[u8]) -> Option<Vec<u8>> {
    let Some(text) = std::str::from_utf8(key).ok().filter(|text| text.contains("-----BEGIN")) else {
        return Some(key.to_vec());
    };
    let (_, rest) = text.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let plain: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(plain).ok()
}

/// The public key of a trail: `NAME+ID+KEY`, as Go's `sumdb/note` and other tools of signed notes write it.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: Arc<str>,
    /// The first four bytes of SHA-256(name, line feed, type, key).
    id: [u8; 4],
    public: [u8; 32],
}

impl VerifyingKey {
    fn new(name: &str, public: [u8; 32]) -> Result<Self, KeyError> {
        if name.is_empty() || name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control()) {
            return Err(KeyError::Name);
        }
        let digest = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', ED25519_TYPE])
            .chain_update(public)
            .finalize();
        let mut id = [0; 4];
        id.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        Ok(Self { name: name.into(), id, public })
    }

    /// The name that stands in its signatures.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id_hex(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The text of `note` with its last line feed, if this key has signed it. Signatures by others are passed over; a
    /// wrong one under this key's name and id refuses the note.
    pub(crate) fn open<'n>(&self, note: &'n str) -> Option<&'n str> {
        let place = note.rfind("\n\n")?;
        let (text, signatures) = (note.get(..=place)?, note.get(place + 2..)?);
        let mut signed = false;
        for line in signatures.strip_suffix('\n')?.split('\n').take(MAX_SIGNATURES) {
            let (name, bytes) = signature(line)?;
            let (id, signature) = bytes.split_at_checked(4)?;
            if name == &*self.name && id == self.id {
                let key = UnparsedPublicKey::new(&ED25519, self.public);
                key.verify(text.as_bytes(), signature).ok()?;
                signed = true;
            }
        }
        signed.then_some(text)
    }

    /// Whether one of the signatures on `note` says that it is this key's, be it right or wrong.
    pub(crate) fn is_named_on(&self, note: &str) -> bool {
        let lines = note.lines().rev().take(MAX_SIGNATURES);
        lines.map_while(signature).any(|(name, bytes)| name == &*self.name && bytes.starts_with(&self.id))
    }
}

/// The name and the bytes of a line that is a signature.
fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
    Some((name, STANDARD.decode(signature).ok()?))
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519_TYPE], &self.public[..]].concat();
        write!(f, "{}+{}+{}", self.name, self.id_hex(), STANDARD.encode(key))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({self})")
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // The key is base64 and may hold a `+` itself: the name and the id can't.
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Public);
        };
        let bytes = STANDARD.decode(key).map_err(|_| KeyError::Public)?;
        let Some((&ED25519_TYPE, public)) = bytes.split_first() else {
            return Err(KeyError::Public);
        };
        let read = Self::new(name, public.try_into().map_err(|_| KeyError::Public)?)?;
        (read.id_hex() == id).then_some(read).ok_or(KeyError::Public)
    }
}

/// As its text.
impl<'de> serde::Deserialize<'de> for VerifyingKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| serde::de::Error::custom(format!("{text:?} is {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the note of Go's `sumdb/note` documentation: made by another implementation.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn key() -> SigningKey {
        let der = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
        SigningKey::from_pkcs8("example.com/notes", der.as_ref()).unwrap()
    }

    #[test]
    fn a_note_of_another_implementation_is_read() {
        let key: VerifyingKey = PETER.parse().unwrap();
        assert_eq!(key.to_string(), PETER);
        assert!(key.open(NOTE).unwrap().ends_with("your problem is.\n"));
        assert_eq!(key.open(&NOTE.replace("answer", "Answer")), None);
    }

    #[test]
    fn only_the_known_key_counts_and_its_signature_must_be_right() {
        let (mine, other) = (key(), key());
        let note = mine.sign("a\nb\n");
        assert_eq!(mine.public().open(&note), Some("a\nb\n"));
        assert_eq!(other.public().open(&note), None, "signed by somebody else only");
        let both = format!("{note}{}", other.sign("a\nb\n").strip_prefix("a\nb\n\n").unwrap());
        assert_eq!(other.public().open(&both), Some("a\nb\n"));
        let forged = format!("{note}{}", mine.sign("other\n").strip_prefix("other\n\n").unwrap());
        assert_eq!(mine.public().open(&forged), None, "one of its signatures is wrong");
        for wrong in ["", "\n\n", "a\n\n", "a\n\n— x\n", "a\n\n— example.com/notes AAAA\n", note.trim_end()]
        {
            assert_eq!(mine.public().open(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn keys_that_cannot_work_are_told() {
        let text = key().public().to_string();
        assert_eq!(text.parse::<VerifyingKey>().unwrap().to_string(), text);
        let with_other_name = text.replacen("notes", "votes", 1);
        for wrong in ["", "a+b", "a+b+c", "a+00000000+AQ==", &with_other_name] {
            assert!(wrong.parse::<VerifyingKey>().is_err(), "{wrong}");
        }
        let der = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
        for name in ["", "a b", "a+b", "a\n"] {
            assert!(matches!(SigningKey::from_pkcs8(name, der.as_ref()), Err(KeyError::Name)), "{name:?}");
        }
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&der));
        let read = SigningKey::from_pkcs8("n", pem.as_bytes()).unwrap();
        assert_eq!(read.public(), SigningKey::from_pkcs8("n", der.as_ref()).unwrap().public());
        assert!(!format!("{read:?}").contains(&STANDARD.encode(&der.as_ref()[16..48])));
        let error = SigningKey::from_pkcs8("n", b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n").unwrap_err();
        assert!(matches!(error, KeyError::Private) && !error.to_string().contains("c2Vj"));
    }
}
