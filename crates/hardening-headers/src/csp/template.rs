//! A policy made ready for sending.

use http::HeaderValue;

use super::nonce::{NONCE_LENGTH, Nonce};
use super::policy::Csp;
use super::source::NONCE_PLACE;

/// A policy as a header value, with and without a nonce.
#[derive(Debug, Clone)]
pub(crate) struct CspTemplate {
    plain: HeaderValue,
    /// The text between the nonces; one piece when there is no place for any.
    pieces: Box<[Box<str>]>,
    length: usize,
}

impl CspTemplate {
    /// Renders the policy; `None` when it says nothing.
    pub(crate) fn new(policy: &Csp) -> Option<Self> {
        if policy.is_empty() {
            return None;
        }
        let text = policy.to_string();
        let pieces: Box<[Box<str>]> = text.split("{nonce}").map(Box::from).collect();
        debug_assert_eq!(pieces.len() - 1, text.matches(NONCE_PLACE).count());
        // Exact, so that the text becomes a header value without another allocation.
        let places = pieces.len().saturating_sub(1);
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>() + places * NONCE_LENGTH;
        Some(Self { plain: HeaderValue::try_from(policy.without_nonce().to_string()).ok()?, length, pieces })
    }

    /// The policy without a nonce.
    pub(crate) fn plain(&self) -> &HeaderValue {
        &self.plain
    }

    /// Whether a nonce has a place.
    pub(crate) fn has_nonce(&self) -> bool {
        self.pieces.len() > 1
    }

    /// The policy with this nonce; without, should it not be fit for a header.
    pub(crate) fn with_nonce(&self, nonce: &Nonce) -> HeaderValue {
        let mut text = Vec::with_capacity(self.length);
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                text.extend_from_slice(nonce.as_bytes());
            }
            text.extend_from_slice(piece.as_bytes());
        }
        HeaderValue::try_from(text).unwrap_or_else(|_| self.plain.clone())
    }
}
