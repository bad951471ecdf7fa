//! Services of tower itself, between a layer and [`Inner`].

use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use gambeson_core::{BoxError, BoxFuture};
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::LoadShed;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use super::{Inner, TestBody};

/// A request on its way into one of tower's services, whatever its body was before.
pub(crate) type Sent = Request<UnsyncBoxBody<Bytes, BoxError>>;

/// One of tower's services around [`Inner`], for requests with any body. Readiness and clones are tower's.
#[derive(Debug, Clone)]
pub struct TowerInner(BoxCloneSyncService<Sent, Response<TestBody>, BoxError>);

impl TowerInner {
    /// One call at a time; it panics when it is called without having been polled ready.
    pub(crate) fn concurrency_limit(inner: Inner) -> Self {
        Self::new(ConcurrencyLimit::new(inner, 1))
    }

    /// A queue before a task; it panics when it is called without having been polled ready.
    pub(crate) fn buffer(inner: Inner) -> Self {
        Self::new(Buffer::new(inner, 4))
    }

    /// Always ready; it fails when it is called though what is behind it was not ready.
    pub(crate) fn load_shed(inner: Inner) -> Self {
        Self::new(LoadShed::new(ConcurrencyLimit::new(inner, 1)))
    }

    /// Any service of such requests.
    pub(crate) fn new<S>(service: S) -> Self
    where
        S: Service<Sent, Response = Response<TestBody>, Future: Send, Error: Into<BoxError>>,
        S: Clone + Send + Sync + 'static,
    {
        Self(BoxCloneSyncService::new(service.map_err(Into::into)))
    }
}

impl<B> Service<Request<B>> for TowerInner
where
    B: Body<Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<TestBody>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Response<TestBody>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.call(request.map(|body| {
            let in_bytes =
                body.map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())));
            in_bytes.map_err(Into::into).boxed_unsync()
        }))
    }
}
