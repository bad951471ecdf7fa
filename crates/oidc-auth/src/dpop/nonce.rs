//! Nonces that no store knows: a keyed digest of the time.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{ConfigError, Entropy, SecretBytes, Timestamp};

/// Server nonces for proofs (RFC 9449 §9): a client can't make proofs ahead of their time, and a proof is over within two
/// periods whatever its clock says. Instances with the same key accept each other's.
///
/// A client learns its first nonce by a refusal, and later ones with an answer, whichever it is, to the first proof of each period that has
/// the one before (§8.2). For pages of another origin, let CORS expose `DPoP-Nonce`.
///
/// A nonce is the HMAC-SHA256 of the number of its period, so nothing is stored. Those of the current period and the ones
/// beside it are accepted.
#[derive(Clone)]
pub struct DpopNonces {
    key: hmac::Key,
    period: i64,
}

impl DpopNonces {
    /// With a key of at least 32 bytes that all instances share.
    ///
    /// # Errors
    /// The key is shorter.
    pub fn new(key: &SecretBytes) -> Result<Self, ConfigError> {
        if key.expose().len() < 32 {
            return Err(ConfigError::one("dpop.nonce-key", "", "give at least 32 random bytes"));
        }
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()), period: 60 })
    }

    /// With a key of this process: for an app of one instance.
    ///
    /// # Errors
    /// The system had no randomness.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, ConfigError> {
        let mut key = [0; 32];
        let filled = entropy.fill(&mut key);
        filled.map_err(|_| ConfigError::one("dpop.nonce-key", "", "the system's random source failed"))?;
        Self::new(&SecretBytes::new(key.to_vec()))
    }

    /// How long a nonce is handed out. Default 60 s, at least 1 s.
    #[must_use]
    pub fn period(mut self, period: Duration) -> Self {
        self.period = i64::try_from(period.as_secs()).unwrap_or(i64::MAX).max(1);
        self
    }

    /// The one to hand out now.
    pub(super) fn current(&self, now: Timestamp) -> String {
        self.of(self.slot(now))
    }

    /// How many periods ago it was the one to hand out; `None` for one that is over or not ours.
    pub(super) fn age(&self, nonce: &str, now: Timestamp) -> Option<i64> {
        let slot = self.slot(now);
        let is = |slot| verify_slices_are_equal(self.of(slot).as_bytes(), nonce.as_bytes()).is_ok();
        [0, 1, -1].into_iter().find(|age| is(slot - age))
    }

    fn slot(&self, now: Timestamp) -> i64 {
        now.unix_seconds().div_euclid(self.period)
    }

    fn of(&self, slot: i64) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"dpop-nonce");
        context.update(&slot.to_be_bytes());
        let tag = context.sign();
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..18).unwrap_or_default())
    }
}

impl fmt::Debug for DpopNonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopNonces").field("period", &self.period).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_roll_and_are_of_one_key() {
        let nonces = DpopNonces::new(&SecretBytes::new(vec![1; 32])).unwrap();
        let at = Timestamp::from_unix_seconds;
        let nonce = nonces.current(at(600));
        assert_eq!(nonce, nonces.current(at(659)));
        assert_ne!(nonce, nonces.current(at(660)));
        let ages = [540, 600, 659, 660, 719].map(|now| nonces.age(&nonce, at(now)));
        assert_eq!(ages, [Some(-1), Some(0), Some(0), Some(1), Some(1)]);
        assert!(nonces.age(&nonce, at(720)).is_none() && nonces.age(&nonce, at(539)).is_none());
        assert!(nonces.age("", at(600)).is_none());
        let others = DpopNonces::new(&SecretBytes::new(vec![2; 32])).unwrap();
        assert!(others.age(&nonce, at(600)).is_none());
        assert!(DpopNonces::new(&SecretBytes::new(vec![1; 31])).is_err());
        assert_eq!(format!("{nonces:?}"), "DpopNonces { period: 60, .. }", "no key is shown");
    }
}
