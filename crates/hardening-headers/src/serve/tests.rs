use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{ManualClock, Timestamp};
use http::Response;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::accept::{Accept, Socket};
use super::*;

impl Socket for DuplexStream {
    fn abort(&self) {}
}

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
    let app = tower::service_fn(async |_: Request<IncomingBody>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::new()
        .linger(Duration::ZERO)
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

/// Asks for a large answer and takes so many bytes of it each second, over a connection that buffers little; says for how many seconds
/// it was served.
async fn served_at(bytes: usize) -> u64 {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let (connect, connections) = mpsc::channel(1);
    let (mut client, stream) = tokio::io::duplex(16);
    connect.send(stream).await.unwrap();
    let listener =
        Exhausted { failures: Arc::new(AtomicUsize::new(3)), connections: Mutex::new(connections) };
    let app = tower::service_fn(async |_: Request<IncomingBody>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(vec![b'x'; 10 << 20]))))
    });
    let server = Server::new().clock(Arc::new(clock.clone()), Arc::new(clock.clone()));
    let reader = async {
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut taken = vec![0; bytes];
        for second in 0..300 {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            if client.read_exact(&mut taken).await.is_err() {
                return second;
            }
            clock.advance(Duration::from_secs(1));
        }
        300
    };
    tokio::select! {
        _ = run::run(listener, app, server) => unreachable!("it has no end"),
        seconds = reader => seconds,
    }
}

#[tokio::test]
async fn slow_readers_are_served_by_what_they_take() {
    let (one, some) = (served_at(1).await, served_at(256).await);
    // What was written before is still read: 16 bytes.
    assert!((60..=78).contains(&one), "{one}");
    assert!((110..=128).contains(&some), "{some}");
    assert_eq!(served_at(600).await, 300);
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

impl Future for Bomb {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        panic!("in the app")
    }
}

/// A panic in a destructor while another unwinds would end this test's process.
#[tokio::test]
async fn a_panic_while_a_panic_is_cleaned_up_ends_its_connection_only() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let (connect, connections) = mpsc::channel(3);
    let listener =
        Exhausted { failures: Arc::new(AtomicUsize::new(3)), connections: Mutex::new(connections) };
    let app = tower::service_fn(|_: Request<IncomingBody>| Bomb);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::new()
        .linger(Duration::ZERO)
        .clock(Arc::new(clock.clone()), Arc::new(clock.clone()))
        .shutdown(async { stopped.await.unwrap_or(()) });
    let client = async {
        for _ in 0..2 {
            let (mut client, stream) = tokio::io::duplex(1024);
            connect.send(stream).await.unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "");
        }
        let (client, stream) = tokio::io::duplex(1024);
        connect.send(stream).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(client);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        let request = Request::get("http://app/").body(Full::<Bytes>::default()).unwrap();
        tokio::select! {
            answer = client.send_request(request) => assert!(answer.is_err()),
            _ = connection => panic!("only the stream ends"),
        }
        drop(stop);
    };
    let (report, ()) = tokio::join!(run::run(listener, app, server), client);
    assert_eq!(report.unwrap().aborted, 0);
}

#[tokio::test]
async fn a_client_with_all_its_connections_gets_no_more() {
    struct From(Mutex<mpsc::Receiver<(DuplexStream, &'static str)>>);

    impl Accept for From {
        type Io = DuplexStream;

        async fn accept(&self) -> io::Result<(DuplexStream, crate::Connection)> {
            let (stream, address) = self.0.lock().await.recv().await.ok_or(io::ErrorKind::BrokenPipe)?;
            Ok((stream, crate::Connection::new(address.parse().unwrap())))
        }
    }

    let (connect, connections) = mpsc::channel(9);
    let app = tower::service_fn(async |_: Request<IncomingBody>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let server = Server::new()
        .connections_per_client(2)
        .linger(Duration::ZERO)
        .clock(Arc::new(clock.clone()), Arc::new(clock))
        .shutdown(async { stopped.await.unwrap_or(()) });
    let ask = async |address| {
        let (mut client, stream) = tokio::io::duplex(1024);
        connect.send((stream, address)).await.unwrap();
        let _ = client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let mut answer = [0; 12];
        let answered = client.read_exact(&mut answer).await.is_ok();
        (answered, client)
    };
    let clients = async {
        let first = ask("203.0.113.7:1").await;
        let second = ask("203.0.113.7:2").await;
        assert!(first.0 && second.0);
        assert!(!ask("203.0.113.7:3").await.0, "the third of one client");
        assert!(ask("203.0.113.8:1").await.0, "another client");
        for port in ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"] {
            assert!(ask(port).await.0, "a proxy");
        }
        drop(first);
        while !ask("203.0.113.7:4").await.0 {
            tokio::task::yield_now().await;
        }
        drop((second, stop));
    };
    let (report, ()) = tokio::join!(run::run(From(Mutex::new(connections)), app, server), clients);
    assert!(report.unwrap().refused >= 1);
}

/// Connections come as fast as they are taken, from a client that has all it may have.
#[tokio::test]
async fn a_flood_of_connections_has_no_say_in_when_the_listener_goes() {
    struct Flood(Arc<AtomicUsize>);

    impl Accept for Flood {
        type Io = DuplexStream;

        async fn accept(&self) -> io::Result<(DuplexStream, crate::Connection)> {
            if self.0.fetch_add(1, Ordering::SeqCst) > 10_000 {
                return std::future::pending().await;
            }
            Ok((tokio::io::duplex(1).0, crate::Connection::new(([203, 0, 113, 7], 1).into())))
        }
    }

    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let app = tower::service_fn(async |_: Request<IncomingBody>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
    });
    let server = Server::new()
        .connections(100)
        .linger(Duration::ZERO)
        .clock(Arc::new(clock.clone()), Arc::new(clock))
        .shutdown(std::future::ready(()));
    let taken = Arc::new(AtomicUsize::new(0));
    run::run(Flood(Arc::clone(&taken)), app, server).await.unwrap();
    // Before it some come while shutdown and linger have not been looked at.
    assert!((100..1_000).contains(&taken.load(Ordering::SeqCst)), "{taken:?}");
}
