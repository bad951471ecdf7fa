//! The token of who called.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use http::{HeaderMap, header};

/// The access token by which a caller came in, for a call on their behalf. `Debug` shows nothing of it.
///
/// Put it into the extensions of the outgoing request; a [`TokenLayer`](super::TokenLayer) over
/// [`TokenSource::on_behalf_of`](super::TokenSource::on_behalf_of) takes it out again and never sends it to anybody but the provider.
///
/// ```
/// use gambeson_oidc_auth::outgoing::CallerToken;
/// use http::{HeaderMap, HeaderValue, Request, header};
///
/// // The headers of the incoming request, behind `AuthLayer`, which has verified it.
/// let mut incoming = HeaderMap::new();
/// incoming.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer eyJ.of.alice"));
///
/// let mut outgoing = Request::get("https://orders.example.com/").body(()).unwrap();
/// if let Some(token) = CallerToken::from_headers(&incoming) {
///     outgoing.extensions_mut().insert(token);
/// }
/// assert!(!format!("{outgoing:?}").contains("eyJ"));
/// ```
#[derive(Clone)]
pub struct CallerToken(Arc<str>);

impl CallerToken {
    /// This token, without its scheme.
    #[must_use]
    pub fn new(token: impl Into<Arc<str>>) -> Self {
        Self(token.into())
    }

    /// The bearer token of a request; `None` when it has none, or more than one `Authorization` field.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| Self::new(token))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        let mut out = [0; 32];
        let hash = digest::digest(&digest::SHA256, self.0.as_bytes());
        out.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        out
    }
}

impl fmt::Debug for CallerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerToken(…)")
    }
}
