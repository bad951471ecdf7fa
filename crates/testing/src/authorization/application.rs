//! What a layer can be put around, and its service with the types erased.

use bytes::Bytes;
use gambeson_core::BoxError;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use super::App;
#[cfg(feature = "adopt-axum")]
use super::AxumApp;
use crate::contract::TestBody;
use crate::contract::subject::AnyService;

/// What a layer under test is put around: [`App`], or `AxumApp` (feature `adopt-axum`). Not implemented by hand.
pub trait Application: Framed {}

impl<A: Framed> Application for A {}

pub(super) mod private {
    use super::{App, TestBody};

    pub trait Framed: Clone + Send + Sync + 'static {
        type Body: 'static;
        fn of(app: App) -> Self;
        fn body(body: TestBody) -> Self::Body;
    }
}
use private::Framed;

impl Framed for App {
    type Body = TestBody;

    fn of(app: App) -> Self {
        app
    }

    fn body(body: TestBody) -> TestBody {
        body
    }
}

#[cfg(feature = "adopt-axum")]
impl Framed for AxumApp {
    type Body = axum::body::Body;

    fn of(app: App) -> Self {
        Self::new(app)
    }

    fn body(body: TestBody) -> axum::body::Body {
        axum::body::Body::new(body)
    }
}

/// A service around an application, so that checks are written once.
pub(super) fn erase<A, S, B>(service: S) -> AnyService
where
    A: Framed,
    S: Service<Request<A::Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send + 'static>,
    S: Clone + Send + Sync + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let any_body = |response: Response<B>| response.map(|body| body.map_err(Into::into).boxed_unsync());
    let service = service.map_request(|request: Request<TestBody>| request.map(A::body));
    BoxCloneSyncService::new(service.map_response(any_body).map_err(Into::into))
}
