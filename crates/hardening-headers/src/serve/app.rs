//! What can be served.

use gambeson_core::BoxError;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::incoming::IncomingBody;

/// A service that connections can be given to: what [`serve`](super::serve()) asks for, under one name.
pub(super) trait App:
    Service<
        Request<IncomingBody>,
        Response = Response<<Self as App>::Body>,
        Error: Into<BoxError>,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    /// The body of its answers.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> App for S
where
    S: Service<Request<IncomingBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Body = B;
}
