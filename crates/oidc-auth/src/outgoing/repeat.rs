//! Which requests can be sent once more.

use http::Request;
use http_body::Body;

/// Says which requests can be sent a second time, after a 401, with a fresh token. A 401 means that the first one was not
/// acted on, so that this is safe for any method; but its body is gone, unless there is a copy.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't copy requests with the body `{B}`",
    note = "`ClonedBody` needs `Clone`, `EmptyBody` needs `http_body::Body + Default`, `SentOnce` needs nothing"
)]
pub trait Repeat<B>: Clone {
    /// A copy to be sent when the first one is answered 401; `None`: the 401 is handed on.
    fn copy(&self, request: &Request<B>) -> Option<Request<B>>;
}

/// The default: nothing is sent twice. A 401 is handed on, and the token is replaced behind it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SentOnce;

impl<B> Repeat<B> for SentOnce {
    fn copy(&self, _: &Request<B>) -> Option<Request<B>> {
        None
    }
}

/// Which requests are sent once more, as a configuration file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Resend {
    /// None, as [`SentOnce`].
    Never,
    /// The default: those without a body, as [`EmptyBody`].
    #[default]
    EmptyBodies,
}

impl<B: Body + Default> Repeat<B> for Resend {
    fn copy(&self, request: &Request<B>) -> Option<Request<B>> {
        match self {
            Self::Never => None,
            Self::EmptyBodies => EmptyBody.copy(request),
        }
    }
}

/// Every request is copied, its body too: for bodies that are cheap to clone, such as `Full<Bytes>` or `Bytes`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClonedBody;

impl<B: Clone> Repeat<B> for ClonedBody {
    fn copy(&self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}

/// Requests without a body are copied; all others are sent once. For bodies that can't be cloned, such as axum's.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmptyBody;

impl<B: Body + Default> Repeat<B> for EmptyBody {
    fn copy(&self, request: &Request<B>) -> Option<Request<B>> {
        request.body().is_end_stream().then(|| {
            let mut copy = Request::new(B::default());
            copy.method_mut().clone_from(request.method());
            copy.uri_mut().clone_from(request.uri());
            *copy.version_mut() = request.version();
            copy.headers_mut().clone_from(request.headers());
            copy.extensions_mut().clone_from(request.extensions());
            copy
        })
    }
}
