//! One layer that can treat bodies and header fields wrongly in each way.

use std::any::{Any, TypeId};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gambeson_testing::contract::TestBody;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, Service};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFlaw {
    None,
    KeepsDroppedBodies,
    SwallowsFailure,
    KnowsOneBodyOnly,
    ChangesData,
    DropsTrailers,
    PromisesTooMuch,
    SaysEndTooEarly,
    OverwritesAField,
    DropsAField,
}

/// Where bodies go that should have been dropped.
type Attic = Arc<Mutex<Vec<Box<dyn Any + Send>>>>;

#[derive(Debug, Clone)]
pub(crate) struct Flawed(pub(crate) BodyFlaw);

impl<S> Layer<S> for Flawed {
    type Service = FlawedService<S>;

    fn layer(&self, inner: S) -> FlawedService<S> {
        FlawedService { inner, flaw: self.0, attic: Attic::default() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct FlawedService<S> {
    inner: S,
    flaw: BodyFlaw,
    attic: Attic,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for FlawedService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>, Future: Send + 'static>,
    ResBody: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response<FlawedBody<ResBody>>;
    type Error = S::Error;
    type Future = gambeson_core::BoxFuture<Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (flaw, attic) = (self.flaw, Arc::clone(&self.attic));
        let future = self.inner.call(request);
        Box::pin(async move {
            let mut response = future.await?;
            let headers = response.headers_mut();
            match flaw {
                BodyFlaw::OverwritesAField => {
                    headers.insert("set-cookie", HeaderValue::from_static("of-the-layer=1"));
                }
                BodyFlaw::DropsAField => drop(headers.remove("content-type")),
                _ => {}
            }
            Ok(response.map(|body| FlawedBody { body: Some(body), flaw, attic }))
        })
    }
}

pub(crate) struct FlawedBody<B: Send + 'static> {
    body: Option<B>,
    flaw: BodyFlaw,
    attic: Attic,
}

impl<B: Send + 'static> Drop for FlawedBody<B> {
    fn drop(&mut self) {
        if let (BodyFlaw::KeepsDroppedBodies, Some(body)) = (self.flaw, self.body.take()) {
            self.attic.lock().unwrap().push(Box::new(body));
        }
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Body for FlawedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let flaw = self.flaw;
        if flaw == BodyFlaw::KnowsOneBodyOnly && TypeId::of::<B>() != TypeId::of::<TestBody>() {
            return Poll::Ready(None);
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        Poll::Ready(match (flaw, frame) {
            (BodyFlaw::SwallowsFailure, Some(Err(_))) => None,
            (BodyFlaw::DropsTrailers, Some(Ok(frame))) if frame.is_trailers() => None,
            (BodyFlaw::ChangesData, Some(Ok(frame))) => {
                Some(Ok(frame.map_data(|data| data.iter().map(u8::to_ascii_uppercase).collect())))
            }
            (_, frame) => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.flaw == BodyFlaw::SaysEndTooEarly || self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match self.flaw {
            BodyFlaw::PromisesTooMuch => SizeHint::with_exact(1_000),
            _ => self.body.as_ref().map(Body::size_hint).unwrap_or_default(),
        }
    }
}
