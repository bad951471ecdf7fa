use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{ManualClock, Timestamp};
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::accept::Accept;
use super::*;

/// A listener whose system has no files left for the first three connections.
struct Exhausted {
    failures: Arc<AtomicUsize>,
    connections: Mutex<mpsc::Receiver<DuplexStream>>,
}

impl Accept for Exhausted {
    type Io = DuplexStream;

    async fn accept(&self) -> io::Result<(DuplexStream, crate::Connection)> {
        if self.failures.fetch_add(1, Ordering::SeqCst) < 3 {
            return Err(io::Error::other("too many open files"));
        }
        let stream = self.connections.lock().await.recv().await.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((stream, crate::Connection::new(([127, 0, 0, 1], 1).into())))
    }
}

#[tokio::test]
async fn a_system_without_files_makes_the_listener_rest_and_not_end() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let (connect, connections) = mpsc::channel(1);
    let (mut client, stream) = tokio::io::duplex(1024);
    connect.send(stream).await.unwrap();
    let failures = Arc::new(AtomicUsize::new(0));
    let listener = Exhausted { failures: Arc::clone(&failures), connections: Mutex::new(connections) };
    let app = tower::service_fn(async |_: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::new()
        .clock(Arc::new(clock.clone()), Arc::new(clock.clone()))
        .shutdown(async { stopped.await.unwrap_or(()) });
    let walk = async {
        for expected in 1..=3 {
            while failures.load(Ordering::SeqCst) < expected || clock.sleepers() == 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(failures.load(Ordering::SeqCst), expected, "it rests between two tries");
            clock.advance(Duration::from_millis(200));
        }
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"));
        drop(stop);
    };
    let (report, ()) = tokio::join!(run::run(listener, app, server), walk);
    assert_eq!(report.unwrap().aborted, 0);
}
