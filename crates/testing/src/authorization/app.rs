//! The application behind the layer under test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use gambeson_core::{BoxError, BoxFuture};
use http::{Request, Response};
use http_body::Body;
use tower::Service;

use crate::contract::TestBody;
use crate::contract::tower_inner::TowerInner;

/// The application behind the layer. It counts its calls in `call`, as that is where services start their work.
///
/// It answers requests with any body. Its readiness and its clones are those of the service of tower that a check puts
/// there, of which only the errors are known: [`BoxError`].
#[derive(Debug, Clone)]
pub struct App {
    service: TowerInner,
    calls: Arc<AtomicUsize>,
}

impl App {
    pub(super) fn new(service: TowerInner) -> Self {
        Self { service, calls: Arc::default() }
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl<B> Service<Request<B>> for App
where
    B: Body<Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<TestBody>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Response<TestBody>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Service::<Request<B>>::poll_ready(&mut self.service, cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.service.call(request)
    }
}
