//! One log-in under way: what the browser keeps between leaving and coming back.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use gambeson_core::{Entropy, EntropyError, Timestamp};

use super::random::Random;
use super::return_to;
use crate::step_up::StepUp;

/// How long a log-in may take from leaving to coming back.
pub(super) const LIFE: Duration = Duration::from_secs(600);
/// How many log-ins a browser may have under way at once, in as many tabs.
pub(super) const MOST: usize = 5;
const VERSION: u8 = 1;
/// What stands before a step-up: no way back holds it.
const STEP_UP: char = '\n';
/// How much of the state names the cookie: enough that two tabs never share one.
const MARK: usize = 11;

/// State, nonce and PKCE verifier of one log-in, what it has to be, and where it goes afterwards.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) begun: Timestamp,
    pub(super) state: Random,
    pub(super) nonce: Random,
    verifier: Random,
    pub(super) return_to: String,
    pub(super) step_up: StepUp,
}

impl Attempt {
    pub(super) fn begin(
        return_to: &str,
        step_up: StepUp,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        Ok(Self {
            begun: now,
            state: Random::new(entropy)?,
            nonce: Random::new(entropy)?,
            verifier: Random::new(entropy)?,
            return_to: return_to.to_owned(),
            step_up,
        })
    }

    /// The part of the state by which the cookie is named.
    pub(super) fn mark(state: &str) -> &str {
        state.get(..MARK).unwrap_or_default()
    }

    /// Whether it can be the mark of a state: so many characters of base64url.
    pub(super) fn is_mark(text: &str) -> bool {
        text.len() == MARK
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    }

    /// The verifier of RFC 7636 §4.1.
    pub(super) fn code_verifier(&self) -> String {
        self.verifier.text()
    }

    /// Its challenge by `S256` (RFC 7636 §4.2).
    pub(super) fn code_challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(super::random::sha256(self.code_verifier().as_bytes()))
    }

    /// Whether the browser may still come back with it. The instance that began it may have a clock that is so much ahead; one
    /// that was set back further ends it.
    pub(super) fn is_fresh(&self, now: Timestamp, leeway: Duration) -> bool {
        self.begun <= now.plus(leeway) && now.since(self.begun) < LIFE
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let begun = self.begun.unix_nanos().to_le_bytes();
        let fixed =
            [self.state.bytes(), self.nonce.bytes(), self.verifier.bytes()].map(|part| &part[..]).concat();
        let step_up = match &self.step_up {
            none if *none == StepUp::default() => String::new(),
            some => Serializer::new(String::from(STEP_UP)).extend_pairs(some.parameters()).finish(),
        };
        [&[VERSION][..], &begun, &fixed, self.return_to.as_bytes(), step_up.as_bytes()].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (begun, rest) = rest.split_first_chunk()?;
        let (state, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (verifier, rest) = rest.split_first_chunk()?;
        let text = std::str::from_utf8(rest).ok()?;
        let (return_to, step_up) =
            text.split_once(STEP_UP).map_or((text, None), |(text, step_up)| (text, Some(step_up)));
        let return_to = return_to::parse(return_to)?.to_owned();
        (*version == VERSION).then(|| Self {
            begun: Timestamp::from_unix_nanos(i64::from_le_bytes(*begun)),
            state: Random::from_bytes(*state),
            nonce: Random::from_bytes(*nonce),
            verifier: Random::from_bytes(*verifier),
            return_to,
            step_up: StepUp::read(step_up),
        })
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::FixedEntropy;

    use super::*;

    #[test]
    fn there_and_back_and_not_for_ever() {
        let now = Timestamp::from_unix_seconds(1_000);
        let begin =
            |step_up| Attempt::begin("/notes?page=2", step_up, now, &FixedEntropy::starting_at(3)).unwrap();
        let attempt = begin(StepUp::default());
        for query in ["acr_values=gold+silver&max_age=0", "max_age=300", "acr_values=%2B%26"] {
            let wanted = StepUp::read(Some(query));
            let read = Attempt::from_bytes(&begin(wanted.clone()).to_bytes()).unwrap();
            assert_eq!((read.step_up, &*read.return_to), (wanted, "/notes?page=2"));
        }
        let read = Attempt::from_bytes(&attempt.to_bytes()).unwrap();
        assert_eq!(read.return_to, "/notes?page=2");
        assert!(read.state.same(&attempt.state) && read.nonce.same(&attempt.nonce));
        assert!(!read.state.same(&read.nonce));
        assert_eq!(read.code_verifier(), attempt.code_verifier());
        assert_eq!((read.code_verifier().len(), read.code_challenge().len()), (43, 43));
        let fresh = |now| read.is_fresh(now, Duration::from_secs(30));
        assert!(fresh(now) && fresh(now.plus(Duration::from_secs(599))) && !fresh(now.plus(LIFE)));
        assert!(fresh(now.minus(Duration::from_secs(30))) && !fresh(now.minus(Duration::from_secs(31))));
        for length in 0..attempt.to_bytes().len() - "/notes?page=2".len() {
            assert!(Attempt::from_bytes(&attempt.to_bytes()[..length]).is_none());
        }
    }

    #[test]
    fn the_challenge_is_as_the_standard_computes_it() {
        // RFC 7636, appendix B.
        let verifier = Random::read("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let random = Random::from_bytes([0; 32]);
        let begun = Timestamp::default();
        let attempt = Attempt {
            begun,
            state: random,
            nonce: random,
            verifier,
            return_to: "/".into(),
            step_up: StepUp::default(),
        };
        assert_eq!(attempt.code_challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
