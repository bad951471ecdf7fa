//! A socket for an app of one function.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{Spawn, TokioSpawn};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Answers until it is dropped; `None` closes the connection without an answer.
pub(super) struct Server {
    _stop: oneshot::Sender<()>,
}

pub(super) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(super) fn serve<F>(
    listener: TcpListener,
    answer: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static,
) -> Server
where
    F: Future<Output = Option<Response<String>>> + Send + 'static,
{
    let (stop, mut stopped) = oneshot::channel::<()>();
    let answer = Arc::new(answer);
    TokioSpawn::new().spawn(Box::pin(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted.unwrap().0,
                _ = &mut stopped => return,
            };
            let answer = Arc::clone(&answer);
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = Arc::clone(&answer);
                async move {
                    let broken = || std::io::Error::other("told to break");
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let given = answer(Request::from_parts(parts, body)).await;
                    given.map(|given| given.map(Full::<Bytes>::from)).ok_or_else(broken)
                }
            });
            let serving =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(accepted), service);
            TokioSpawn::new().spawn(Box::pin(async { drop(serving.await) }));
        }
    }));
    Server { _stop: stop }
}
