//! The provider's sockets.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{Clock, Spawn, SystemClock, Timer, TokioSpawn};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::routes;
use super::state::State;

/// How long accepting pauses after the system refused a connection, so that a full file table is no busy loop.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    stopped: watch::Receiver<bool>,
    alive: mpsc::Sender<()>,
) {
    let accepting = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                let clock = SystemClock::new();
                clock.until(clock.monotonic().plus(PAUSE)).await;
                continue;
            };
            let serving = connection(stream, Arc::clone(&state), stopped.clone(), alive.clone());
            TokioSpawn::new().spawn(Box::pin(serving));
        }
    };
    unless_stopped(stopped.clone(), accepting).await;
}

async fn connection(
    stream: TcpStream,
    state: Arc<State>,
    stopped: watch::Receiver<bool>,
    _alive: mpsc::Sender<()>,
) {
    let service = service_fn(move |request| routes::answer(Arc::clone(&state), request));
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error is a client that went away or a fault on purpose.
    let ended = async { drop(serving.await) };
    unless_stopped(stopped, ended).await;
}

/// Runs `work` until it ends, or until the handle is stopped or dropped.
async fn unless_stopped(mut stopped: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    let (mut stop, mut work) = (pin!(stopped.changed()), pin!(work));
    std::future::poll_fn(|cx| match stop.as_mut().poll(cx).is_ready() || work.as_mut().poll(cx).is_ready() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
