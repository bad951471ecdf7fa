//! The sockets of a server for development.

use std::fmt;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{Clock, Spawn, SystemClock, Timer, TokioSpawn};
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::answer::Answer;

/// How long accepting pauses after the system refused a connection, so that a full file table is no busy loop.
const PAUSE: Duration = Duration::from_millis(50);

/// The server is down: the connection is closed without an answer.
#[derive(Debug)]
pub(crate) struct Down;

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server was told to be down")
    }
}

impl std::error::Error for Down {}

/// A server; dropped, it closes the listener and all connections.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    /// Every task of the server holds the other end; nothing is ever sent.
    tasks: mpsc::Receiver<()>,
}

impl Running {
    /// Stops, and waits until the port is free and all connections are closed.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.recv().await.is_some() {}
    }
}

/// Answers requests in a task of the current runtime.
pub(crate) fn run<F>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
) -> Running
where
    F: Future<Output = Result<Answer, Down>> + Send + 'static,
{
    let (stop, stopped) = watch::channel(false);
    let (alive, tasks) = mpsc::channel(1);
    TokioSpawn::new().spawn(Box::pin(serve(listener, answer, stopped, alive)));
    Running { stop, tasks }
}

async fn serve<F>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    stopped: watch::Receiver<bool>,
    alive: mpsc::Sender<()>,
) where
    F: Future<Output = Result<Answer, Down>> + Send + 'static,
{
    let accepting = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                let clock = SystemClock::new();
                clock.until(clock.monotonic().plus(PAUSE)).await;
                continue;
            };
            let serving = connection(stream, answer.clone(), stopped.clone(), alive.clone());
            TokioSpawn::new().spawn(Box::pin(serving));
        }
    };
    unless_stopped(stopped.clone(), accepting).await;
}

async fn connection<F>(
    stream: TcpStream,
    answer: impl Fn(Request<Incoming>) -> F + Send,
    stopped: watch::Receiver<bool>,
    _alive: mpsc::Sender<()>,
) where
    F: Future<Output = Result<Answer, Down>> + Send,
{
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
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
