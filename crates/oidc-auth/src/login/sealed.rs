//! Sessions for stores that are elsewhere: who reads such a store reads no session.

use std::fmt;

use gambeson_core::{ConfigError, Entropy, EntropyError, SecretBytes};

use super::seal::Sealer;
use super::session::{Session, SessionKey};
use super::written;

/// The first byte of what is sealed here.
const FORMAT: u8 = 1;
/// Longer ones are nobody's: an ID token has at most 64 KiB.
const LONGEST: usize = 1 << 20;

/// Seals sessions with a key that all instances share: AES-256-GCM-SIV (RFC 8452), bound to the session's own key, so that what
/// stands under one key is good under no other. A [`SessionStore`](super::SessionStore) that writes sessions somewhere uses it.
///
/// What it writes begins with the number of its format; each release reads its own and the one before.
///
/// ```
/// # use gambeson_core::SecretBytes;
/// # use gambeson_oidc_auth::login::SessionSeal;
/// assert!(SessionSeal::new(&SecretBytes::new(vec![7; 32])).is_ok());
/// assert!(SessionSeal::new(&SecretBytes::new(vec![7; 31])).is_err());
/// ```
pub struct SessionSeal(Sealer);

/// Why something sealed is not a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotASession {
    /// Of a format that this release does not read: written by a newer one, or by something else.
    Format,
    /// Sealed with another key, for another session, or changed.
    Seal,
    /// Sealed here, but not with a session in it.
    Content,
}

impl NotASession {
    /// In words, for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Format => "it is of a format that is not known here",
            Self::Seal => "its seal is of another key or session, or broken",
            Self::Content => "it does not hold a session",
        }
    }
}

impl fmt::Display for NotASession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for NotASession {}

impl SessionSeal {
    /// With a secret of at least 32 random bytes.
    ///
    /// # Errors
    /// It is shorter.
    pub fn new(secret: &SecretBytes) -> Result<Self, ConfigError> {
        let sealer = Sealer::for_purpose(secret.expose(), b"session v1");
        sealer.map(Self).ok_or_else(|| ConfigError::one("seal-key", "", "give at least 32 random bytes"))
    }

    /// The session as bytes, good under this key only.
    ///
    /// # Errors
    /// The system had no randomness.
    pub fn seal(
        &self,
        key: &SessionKey,
        session: &Session,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        let mut sealed = self.0.seal_bytes(written::write(session), key.as_bytes(), entropy)?;
        sealed.insert(0, FORMAT);
        Ok(sealed)
    }

    /// The session that was sealed for this key.
    ///
    /// # Errors
    /// It is not one.
    pub fn open(&self, key: &SessionKey, sealed: &[u8]) -> Result<Session, NotASession> {
        match sealed.split_first() {
            Some((&FORMAT, rest)) if rest.len() <= LONGEST => {
                let text = self.0.open_bytes(rest.to_vec(), key.as_bytes()).ok_or(NotASession::Seal)?;
                written::read(&text).ok_or(NotASession::Content)
            }
            _ => Err(NotASession::Format),
        }
    }
}

impl fmt::Debug for SessionSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSeal(…)")
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::FixedEntropy;

    use super::super::random::Random;
    use super::super::session::{Grant, SessionLifetime};
    use super::*;

    #[test]
    fn opened_by_its_key_under_its_name_and_unchanged() {
        let (entropy, now) = (FixedEntropy::starting_at(1), gambeson_core::Timestamp::from_unix_seconds(0));
        let key = |at| SessionKey::of(&Random::new(&FixedEntropy::starting_at(at)).unwrap());
        let seal = |byte| SessionSeal::new(&SecretBytes::new(vec![byte; 32])).unwrap();
        let grant = Grant {
            id_token: "the id token".into(),
            refresh_token: Some(SecretBytes::new(&b"the refresh token"[..])),
            refresh_at: None,
            scope: "".into(),
        };
        let principal = gambeson_core::Principal::user("https://id.example", "alice").build();
        let session = Session::new(principal, now, SessionLifetime::default(), grant);
        let sealed = seal(1).seal(&key(0), &session, &entropy).unwrap();
        for secret in ["the refresh token", "the id token", "alice", "id.example"] {
            assert!(!sealed.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
        }
        let opened = seal(1).open(&key(0), &sealed).unwrap();
        assert_eq!(opened.subject(), session.subject());
        assert_eq!(
            seal(1).open(&key(4), &sealed).unwrap_err(),
            NotASession::Seal,
            "moved to another session"
        );
        assert_eq!(seal(2).open(&key(0), &sealed).unwrap_err(), NotASession::Seal);
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert!(seal(1).open(&key(0), &other).is_err(), "{at}");
        }
        for junk in [&b""[..], b"\x01", b"{}", &[1; 13], &vec![1; LONGEST + 9]] {
            assert!(seal(1).open(&key(0), junk).is_err());
        }
        assert!(!format!("{:?}", seal(1)).contains('1'));
    }
}
