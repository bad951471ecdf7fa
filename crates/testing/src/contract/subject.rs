//! A layer under test, with its types erased so that probes are written once.

use bytes::Bytes;
use gambeson_core::BoxError;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt};

use super::tower_inner::TowerInner;
use super::{Inner, InnerError, TestBody, WrapBody, WrapBodyLayer, WrapRequestBody};

pub(crate) type AnyBody = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type AnyService = BoxCloneSyncService<Request<TestBody>, Response<AnyBody>, BoxError>;

/// A layer for servers that keeps law 1 as far as types can say it. Implemented for every such layer.
///
/// It is cheap to clone and to share, takes any inner service, gives on its error type, asks no more of body types than
/// that the response body is a [`Body`] of [`Bytes`], and its future can cross threads.
/// Not implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer that the contract suite can put around any HTTP service",
    note = "it needs `Clone + Send + Sync + 'static`, `type Error = S::Error`, `Response<_: Body<Data = Bytes>>` and a `Send` future",
    note = "and it must do so around `Inner`, around `WrapBody<Inner>` and for wrapped request bodies; outbound layers use `check_outbound`"
)]
pub trait InboundLayer: Erase<InnerError> {}

impl<L: Erase<InnerError>> InboundLayer for L {}

/// A layer for clients: as [`InboundLayer`], but its error is core's `BoxError`. Implemented for every such layer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer that the contract suite can put around any HTTP client",
    note = "it needs `Clone + Send + Sync + 'static`, `type Error = BoxError`, `Response<_: Body<Data = Bytes>>` and a `Send` future"
)]
pub trait OutboundLayer: Erase<BoxError> {}

impl<L: Erase<BoxError>> OutboundLayer for L {}

mod private {
    use super::*;

    pub trait Erase<E>: Clone + Send + Sync + 'static {
        fn plain(&self, inner: Inner) -> AnyService;
        fn inside(&self, inner: Inner) -> AnyService;
        fn around(&self, inner: Inner) -> AnyService;
        fn boxed(&self, inner: TowerInner) -> AnyService;
    }

    /// The service `Self` answers requests with bodies `B`, and fails with `E`.
    pub trait Serves<B, E>: Clone + Send + Sync + 'static {
        fn erase(self) -> BoxCloneSyncService<Request<B>, Response<AnyBody>, BoxError>;
    }

    impl<S, B, E, ResBody> Serves<B, E> for S
    where
        S: Service<Request<B>, Response = Response<ResBody>, Error = E> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        E: Into<BoxError> + 'static,
        B: 'static,
        ResBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        fn erase(self) -> BoxCloneSyncService<Request<B>, Response<AnyBody>, BoxError> {
            let any_body =
                |response: Response<ResBody>| response.map(|body| body.map_err(Into::into).boxed_unsync());
            BoxCloneSyncService::new(self.map_response(any_body).map_err(Into::into))
        }
    }

    impl<L, E> Erase<E> for L
    where
        L: Layer<Inner> + Layer<WrapBody<Inner>> + Layer<TowerInner> + Clone + Send + Sync + 'static,
        <L as Layer<Inner>>::Service: Serves<TestBody, E> + Serves<WrapRequestBody<TestBody>, E>,
        <L as Layer<WrapBody<Inner>>>::Service: Serves<TestBody, E>,
        <L as Layer<TowerInner>>::Service: Serves<TestBody, BoxError>,
        E: 'static,
    {
        fn plain(&self, inner: Inner) -> AnyService {
            Serves::<TestBody, E>::erase(self.layer(inner))
        }

        fn inside(&self, inner: Inner) -> AnyService {
            let wrapped =
                WrapBodyLayer::new().layer(Serves::<WrapRequestBody<TestBody>, E>::erase(self.layer(inner)));
            Serves::<TestBody, BoxError>::erase(wrapped)
        }

        fn around(&self, inner: Inner) -> AnyService {
            Serves::<TestBody, E>::erase(self.layer(WrapBodyLayer::new().layer(inner)))
        }

        fn boxed(&self, inner: TowerInner) -> AnyService {
            Serves::<TestBody, BoxError>::erase(self.layer(inner))
        }
    }
}
use private::Erase;

type Build<S> = Box<dyn Fn(S) -> AnyService + Send + Sync>;

/// How to put the layer, freshly made, around an [`Inner`].
pub(crate) struct Subject {
    /// The layer alone.
    pub(crate) plain: Build<Inner>,
    /// The layer inside one that wraps bodies.
    pub(crate) inside: Build<Inner>,
    /// The layer around one that wraps bodies.
    pub(crate) around: Build<Inner>,
    /// The layer around a service of which only its errors are known.
    pub(crate) boxed: Build<TowerInner>,
}

impl Subject {
    pub(crate) fn new<L: Erase<E>, E>(make: impl Fn() -> L + Send + Sync + 'static) -> Self {
        let make = std::sync::Arc::new(make);
        let (second, third, fourth) = (make.clone(), make.clone(), make.clone());
        Self {
            plain: Box::new(move |inner| make().plain(inner)),
            inside: Box::new(move |inner| second().inside(inner)),
            around: Box::new(move |inner| third().around(inner)),
            boxed: Box::new(move |inner| fourth().boxed(inner)),
        }
    }
}
