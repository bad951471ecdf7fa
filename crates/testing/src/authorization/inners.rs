//! Services that start their work in `call`, and services that punish a wrong `poll_ready`.

use std::task::{Context, Poll};
use std::time::Duration;

use gambeson_core::{BoxError, BoxFuture, Spawn, TokioSpawn};
use http::Response;
use tokio::sync::{mpsc, oneshot};
use tower::buffer::Buffer;
use tower::limit::RateLimit;
use tower::limit::rate::Rate;
use tower::{Service, ServiceExt};

use crate::contract::tower_inner::{Sent, TowerInner};
use crate::contract::{Inner, TestBody};

/// Puts a service in front of the one that does the work.
pub(super) type Put = fn(Inner) -> TowerInner;

/// Once called, these go on whether the answer is waited for or not.
pub(super) const EAGER: [(&str, Put); 4] = [
    ("a service that starts its work in call", TowerInner::new),
    ("tower's Buffer", TowerInner::buffer),
    ("a service that spawns its work", |inner| TowerInner::new(Spawned(inner))),
    ("a client with a connection", |inner| TowerInner::new(Connection::new(inner))),
];

/// These panic, wait for ever or shed when another instance is called than the one that was polled ready.
pub(super) const STRICT: [(&str, Put); 5] = [
    ("a service that has to be polled ready", |inner| TowerInner::new(inner.permits(1))),
    ("tower's ConcurrencyLimit", TowerInner::concurrency_limit),
    ("tower's Buffer", TowerInner::buffer),
    ("tower's LoadShed", TowerInner::load_shed),
    ("tower's RateLimit in a Buffer", |inner| TowerInner::new(Buffer::new(RateLimit::new(inner, RATE), 4))),
];

/// Far more than a check sends: it is there to be polled, not to be waited for.
const RATE: Rate = Rate::new(1_000_000, Duration::from_secs(1));

/// What a task owes its caller.
type Answer = Result<Response<TestBody>, BoxError>;

fn lost(_: oneshot::error::RecvError) -> BoxError {
    "the task that does the work is gone".into()
}

/// Works in a task of its own.
#[derive(Debug, Clone)]
struct Spawned(Inner);

impl Service<Sent> for Spawned {
    type Response = Response<TestBody>;
    type Error = BoxError;
    type Future = BoxFuture<Answer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Service::<Sent>::poll_ready(&mut self.0, cx).map_err(Into::into)
    }

    fn call(&mut self, request: Sent) -> Self::Future {
        let unready = self.0.clone();
        let mut inner = std::mem::replace(&mut self.0, unready);
        let (sender, receiver) = oneshot::channel();
        TokioSpawn::new().spawn(Box::pin(async move {
            let _ = sender.send(inner.call(request).await);
        }));
        Box::pin(async move { receiver.await.map_err(lost)?.map_err(Into::into) })
    }
}

/// Hands requests over to a connection, which sends what it was handed in turn, whether somebody waits or not.
#[derive(Debug, Clone)]
struct Connection(mpsc::UnboundedSender<(Sent, oneshot::Sender<Answer>)>);

impl Connection {
    fn new(mut inner: Inner) -> Self {
        let (sender, mut receiver) = mpsc::unbounded_channel::<(Sent, oneshot::Sender<Answer>)>();
        TokioSpawn::new().spawn(Box::pin(async move {
            while let Some((request, asker)) = receiver.recv().await {
                let answer = match ServiceExt::<Sent>::ready(&mut inner).await {
                    Ok(ready) => ready.call(request).await,
                    Err(error) => Err(error),
                };
                let _ = asker.send(answer.map_err(Into::into));
            }
        }));
        Self(sender)
    }
}

impl Service<Sent> for Connection {
    type Response = Response<TestBody>;
    type Error = BoxError;
    type Future = BoxFuture<Answer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Sent) -> Self::Future {
        let (sender, receiver) = oneshot::channel();
        // A connection that is gone drops the sender, which the receiver tells.
        let _ = self.0.send((request, sender));
        Box::pin(async move { receiver.await.map_err(lost)? })
    }
}
