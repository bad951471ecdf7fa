//! One layer that can break each law.

use std::any::Any;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use gambeson_core::{BoxFuture, ProblemJson, RequestFacts, Respond, Spawn, TokioSpawn};
use gambeson_testing::contract::TestBody;
use http::{Request, Response};
use tower::{Layer, Service};

use super::guard::refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    NoneButAwaits,
    CallsUnreadiedClone,
    CallsBeforeRefusing,
    SwallowsPending,
    SwallowsReadinessErrors,
    ForgetsTheFacts,
    RefusesNothing,
    RefusesAll,
    SpawnsTheInner,
    CopiesReadiness,
    AnswersErrors,
    PoisonedByPanic,
    CallsTwice,
}

#[derive(Debug, Clone)]
pub(crate) struct Broken(pub(crate) Flaw);

impl<S> Layer<S> for Broken {
    type Service = BrokenService<S>;

    fn layer(&self, inner: S) -> BrokenService<S> {
        BrokenService { inner, flaw: self.0, was_ready: false, lock: Arc::default() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct BrokenService<S> {
    inner: S,
    flaw: Flaw,
    was_ready: bool,
    lock: Arc<Mutex<()>>,
}

fn refused<B: From<Bytes>>(facts: &RequestFacts) -> Response<B> {
    ProblemJson.respond(&refusal(), facts)
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for BrokenService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>, Error: Send, Future: Send + 'static>,
    S: Clone + Send + 'static,
    ReqBody: Send + 'static,
    ResBody: From<Bytes> + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.flaw == Flaw::CopiesReadiness && self.was_ready {
            return Poll::Ready(Ok(()));
        }
        let polled = self.inner.poll_ready(cx);
        self.was_ready = polled.is_ready();
        match (self.flaw, &polled) {
            (Flaw::SwallowsPending, Poll::Pending) | (Flaw::SwallowsReadinessErrors, Poll::Ready(Err(_))) => {
                Poll::Ready(Ok(()))
            }
            _ => polled,
        }
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let flaw = self.flaw;
        let _guard = (flaw == Flaw::PoisonedByPanic).then(|| self.lock.lock().expect("not poisoned"));
        let keyed = request.headers().contains_key("x-key") || flaw == Flaw::RefusesNothing;
        let allowed = keyed && flaw != Flaw::RefusesAll;
        let facts = RequestFacts::ensure(&mut request);
        if !allowed && flaw != Flaw::ForgetsTheFacts {
            facts.set_rejection(refusal());
        }
        let clone = self.inner.clone();
        let mut inner = match flaw {
            Flaw::CallsUnreadiedClone => clone,
            _ => std::mem::replace(&mut self.inner, clone),
        };
        if !allowed {
            let started = (flaw == Flaw::CallsBeforeRefusing).then(|| inner.call(request));
            return Box::pin(async move {
                drop(started);
                Ok(refused(&facts))
            });
        }
        let again = (flaw == Flaw::CallsTwice).then(|| copy(&request)).flatten();
        let future = inner.call(request);
        Box::pin(async move {
            match flaw {
                Flaw::NoneButAwaits => {
                    tokio::task::yield_now().await;
                    future.await
                }
                Flaw::AnswersErrors => Ok(future.await.unwrap_or_else(|_| refused(&facts))),
                Flaw::SpawnsTheInner => spawned(future).await,
                Flaw::CallsTwice => {
                    let answered = future.await;
                    if let Some(again) = again {
                        std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
                        drop(inner.call(again).await);
                    }
                    answered
                }
                _ => future.await,
            }
        })
    }
}

/// A second request like this one, if it has the body of the suite.
fn copy<B: 'static>(request: &Request<B>) -> Option<Request<B>> {
    let body = (request.body() as &dyn Any).downcast_ref::<TestBody>()?.clone();
    let body: Box<dyn Any> = Box::new(body);
    let mut copy = Request::new(*body.downcast::<B>().ok()?);
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

async fn spawned<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    TokioSpawn::new().spawn(Box::pin(async move {
        let _ = sender.send(future.await);
    }));
    receiver.await.expect("the task answers")
}
