//! Hashes of inline scripts and styles.

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::source::Source;
use crate::base64;

impl Source {
    /// The SHA-256 of an inline script or style, for pages that are the same for everybody and so can carry no nonce
    /// (CSP 3 §8.3).
    ///
    /// `code` is all that stands between the tags, blanks and line ends among it; browsers read a line end as `\n`.
    ///
    /// ```
    /// use gambeson_hardening_headers::{Csp, Source};
    ///
    /// let start = "document.body.dataset.ready = 1";
    /// let policy = Csp::web().script_src([Source::SELF, Source::sha256_of(start)]);
    /// let page = format!("<!doctype html><script>{start}</script>");
    /// assert!(policy.to_string().contains("'sha256-"));
    /// # let _ = page;
    /// ```
    #[must_use]
    pub fn sha256_of(code: &str) -> Self {
        Self::of_digest("sha256", &Sha256::digest(code))
    }

    /// As [`sha256_of`](Self::sha256_of), by SHA-384.
    #[must_use]
    pub fn sha384_of(code: &str) -> Self {
        Self::of_digest("sha384", &Sha384::digest(code))
    }

    /// As [`sha256_of`](Self::sha256_of), by SHA-512.
    #[must_use]
    pub fn sha512_of(code: &str) -> Self {
        Self::of_digest("sha512", &Sha512::digest(code))
    }

    fn of_digest(algorithm: &str, digest: &[u8]) -> Self {
        Self::made(format!("'{algorithm}-{}'", base64::encode(digest)))
    }
}
