//! Why a log-out did not come about, and how often that is told.

use gambeson_core::{Monotonic, Rejection};

use crate::error::Reason;
use crate::refusal_log::{Paced, RefusalLog};

/// A refusal.
pub(super) struct Refused {
    pub(super) rejection: Rejection,
    why: Why,
}

#[derive(Clone, Copy)]
enum Why {
    /// There is no logout token to look at.
    Request,
    Token(Reason),
    /// It was heeded already.
    Replay,
    /// The provider's own token could not be heeded, for the first time or not.
    Work {
        is_first: bool,
    },
}

impl Refused {
    pub(super) fn request(rejection: Rejection) -> Self {
        Self { rejection, why: Why::Request }
    }

    pub(super) fn token(rejection: Rejection, reason: Reason) -> Self {
        Self { rejection, why: Why::Token(reason) }
    }

    pub(super) fn replay(rejection: Rejection) -> Self {
        Self { rejection, why: Why::Replay }
    }

    pub(super) fn work(rejection: Rejection, is_first: bool) -> Self {
        Self { rejection, why: Why::Work { is_first } }
    }
}

/// The paces of all kinds. Strangers can post what they like, and a token that once came by as often as they like: what they bring about
/// fills neither log nor audit trail.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    requests: Paced,
    tokens: RefusalLog,
    replays: Paced,
    /// Tokens that could not be heeded, again: a provider sends them again, and so can whoever has one.
    work_again: Paced,
}

impl Refusals {
    /// Whether it is to be told, and then how many there were since the last of its kind.
    pub(super) fn due(&self, refused: &Refused, now: Monotonic) -> Option<u64> {
        match refused.why {
            Why::Request => self.requests.due(now),
            Why::Token(reason) => self.tokens.of(reason).due(now),
            Why::Replay => self.replays.due(now),
            Why::Work { is_first: true } => Some(0),
            Why::Work { is_first: false } => self.work_again.due(now),
        }
    }
}
