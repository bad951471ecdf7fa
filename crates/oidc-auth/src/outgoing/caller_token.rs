//! The token of who called.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use http::{HeaderMap, header};

use crate::digest::first;

/// The access token by which a caller came in, for a call on their behalf. `Debug` shows nothing of it.
///
/// Put it into the extensions of the outgoing request; a [`TokenLayer`](super::TokenLayer) over
/// [`TokenSource::on_behalf_of`](super::TokenSource::on_behalf_of) takes it out again and never sends it to anybody but the provider.
/// A caller may come in without one, by a session or with a token that is bound to a key (RFC 9449): a call on their behalf is
/// then refused with 401.
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
/// outgoing.extensions_mut().insert(CallerToken::from_headers(&incoming));
/// assert!(!format!("{outgoing:?}").contains("eyJ"));
/// ```
#[derive(Clone)]
pub struct CallerToken(Option<Bearer>);

/// A bearer token of a caller.
#[derive(Clone)]
pub(super) struct Bearer(Arc<str>);

impl CallerToken {
    /// This token, without its scheme.
    #[must_use]
    pub fn new(token: impl Into<Arc<str>>) -> Self {
        Self(Some(Bearer(token.into())))
    }

    /// That of a request. One without a bearer token, or with more than one `Authorization` field, has none: calls with this are refused.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self(Bearer::from_headers(headers))
    }

    /// Whether the caller came in with a bearer token, so that there is something to exchange.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn bearer(self) -> Option<Bearer> {
        self.0
    }
}

impl Bearer {
    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| Self(token.into()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        first(&digest::digest(&digest::SHA256, self.0.as_bytes()))
    }
}

impl fmt::Debug for CallerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerToken(…)")
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}
