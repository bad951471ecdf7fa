//! What CORS lets pages of other origins send.

use gambeson_core::{RequestFacts, RequestHead};
use http::Method;
use http::header::{self, HeaderName};

use super::check::is_disguised;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The pages that CORS names, and what it lets them send. It says nothing of handshakes, nor of methods in disguise.
#[derive(Debug, Clone)]
pub(crate) struct Senders {
    /// As browsers write them, without `null`; `None`: every origin's.
    pub(crate) origins: Option<Box<[Box<str>]>>,
    pub(crate) methods: Box<[Method]>,
    /// Whether they may act in their visitors' names.
    pub(crate) credentials: bool,
}

impl Senders {
    /// Whether CORS lets a page of this origin send the request as it is.
    pub(super) fn may_send(
        &self,
        origin: Option<&[u8]>,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> bool {
        self.methods.contains(head.method)
            && self.holds(origin)
            && !is_disguised(head)
            && (self.credentials || is_anonymous(head, facts))
    }

    fn holds(&self, origin: Option<&[u8]>) -> bool {
        let listed = |origins: &[Box<str>]| origins.iter().any(|listed| Some(listed.as_bytes()) == origin);
        self.origins.as_deref().is_none_or(listed)
    }
}

/// Whether a script sent it, and nothing by which a browser tells who its user is.
fn is_anonymous(head: &RequestHead<'_>, facts: &RequestFacts) -> bool {
    let fetched = head.headers.get(SEC_FETCH_MODE).is_none_or(|mode| mode.as_bytes() == b"cors");
    fetched && !carries_credential(head, facts)
}

/// Whether it has anything that a browser adds by itself and that tells who its user is.
pub(super) fn carries_credential(head: &RequestHead<'_>, facts: &RequestFacts) -> bool {
    let certified =
        facts.peer().is_some_and(|peer| peer.certificate_sha256.is_some() || peer.certificate.is_some());
    certified || head.headers.contains_key(header::COOKIE) || head.headers.contains_key(header::AUTHORIZATION)
}
