//! The nonce of one answer, made when it is first asked for.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::Extensions;

use crate::base64;
use crate::random::RandomPool;

/// 18 random bytes are 24 characters of base64 without padding.
pub(super) const NONCE_LENGTH: usize = 24;

/// The nonce of this answer: 144 random bits in base64, to be written into `<script nonce="…">`.
///
/// It is lazy. Until a handler takes it, no random bytes are drawn and the policy names no nonce; once taken, the
/// answer's policy carries it and the answer may not be stored by shared caches. Taking it again gives the same one.
///
/// With the feature `axum` it is an extractor: `async fn page(nonce: Nonce)`. Everywhere else:
///
/// ```
/// use gambeson_hardening_headers::{Hardening, Nonce};
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let edge = Hardening::web().build().unwrap();
/// let app = edge.layer().layer(service_fn(async |request: Request<()>| {
///     let nonce = Nonce::of(request.extensions()).unwrap();
///     let page = format!("<!doctype html><script nonce=\"{nonce}\">go()</script>");
///     let response = Response::builder().header("content-type", "text/html; charset=utf-8");
///     Ok::<_, std::convert::Infallible>(response.body(http_body_util::Full::<bytes::Bytes>::from(page)).unwrap())
/// }));
/// let answer = app.oneshot(Request::get("/").body(()).unwrap()).await.unwrap();
/// let policy = answer.headers()["content-security-policy"].to_str().unwrap();
/// assert!(policy.contains("'nonce-"));
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; NONCE_LENGTH]);

/// Why there is no nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonceError(NonceErrorKind);

/// What stands in the way of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonceErrorKind {
    /// No hardening layer ran, or its policy has no place for a nonce.
    NoPlace,
    /// The system had no randomness.
    NoRandomness,
}

impl Nonce {
    /// Takes the nonce of the answer to this request.
    ///
    /// # Errors
    /// No layer with a nonce in its policy ran, or the system had no randomness. The page then must do without
    /// inline scripts: the policy blocks them.
    pub fn of(extensions: &Extensions) -> Result<Self, NonceError> {
        match extensions.get::<NonceSlot>() {
            Some(slot) => slot.take(),
            None => Err(NonceError(NonceErrorKind::NoPlace)),
        }
    }

    /// The nonce as it is written into the attribute.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn from_random(random: [u8; 18]) -> Self {
        let mut text = [b'A'; NONCE_LENGTH];
        let (fours, _) = text.as_chunks_mut::<4>();
        let (threes, _) = random.as_chunks::<3>();
        for (four, three) in fours.iter_mut().zip(threes) {
            *four = base64::four(*three);
        }
        Self(text)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Without its value: a nonce in a log can be read by who should not.
impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(…)")
    }
}

impl NonceError {
    /// What stands in the way.
    #[must_use]
    pub fn kind(&self) -> NonceErrorKind {
        self.0
    }
}

impl fmt::Display for NonceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            NonceErrorKind::NoPlace => {
                "no nonce: no hardening layer ran, or its policy has no place for one (Source::NONCE)"
            }
            NonceErrorKind::NoRandomness => "no nonce: the system's random source failed",
        })
    }
}

impl std::error::Error for NonceError {}

/// The one place that a request's handler and its answer's layer share.
#[derive(Clone)]
pub(crate) struct NonceSlot(Arc<Inner>);

struct Inner {
    taken: OnceLock<Nonce>,
    random: Arc<RandomPool>,
}

impl NonceSlot {
    /// An empty slot over this randomness.
    pub(crate) fn new(random: Arc<RandomPool>) -> Self {
        let taken = OnceLock::new();
        Self(Arc::new(Inner { taken, random }))
    }

    /// The nonce, if a handler took it.
    pub(crate) fn taken(&self) -> Option<&Nonce> {
        self.0.taken.get()
    }

    fn take(&self) -> Result<Nonce, NonceError> {
        if let Some(nonce) = self.0.taken.get() {
            return Ok(*nonce);
        }
        let random = self.0.random.take().map_err(|_| NonceError(NonceErrorKind::NoRandomness))?;
        Ok(*self.0.taken.get_or_init(|| Nonce::from_random(random)))
    }
}

impl fmt::Debug for NonceSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceSlot").field("taken", &self.taken().is_some()).finish()
    }
}

#[cfg(feature = "axum")]
mod extractor {
    use axum_core::extract::FromRequestParts;
    use axum_core::response::{IntoResponse, Response};
    use http::StatusCode;
    use http::request::Parts;

    use super::{Nonce, NonceError};

    impl<S: Sync> FromRequestParts<S> for Nonce {
        type Rejection = NonceError;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NonceError> {
            let nonce = Self::of(&parts.extensions);
            if let Err(error) = &nonce {
                tracing::error!(%error, "a handler wants a nonce");
            }
            nonce
        }
    }

    impl IntoResponse for NonceError {
        fn into_response(self) -> Response {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Nonce;

    #[test]
    fn nonces_are_base64() {
        assert_eq!(Nonce::from_random([0; 18]).as_str(), "A".repeat(24));
        assert_eq!(Nonce::from_random([255; 18]).as_str(), "/".repeat(24));
        assert_eq!(Nonce::from_random(*b"any carnal pleasur").as_str(), "YW55IGNhcm5hbCBwbGVhc3Vy");
    }
}
