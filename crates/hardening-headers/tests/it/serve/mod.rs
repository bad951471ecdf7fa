//! The server against real sockets, on a clock that the tests move.

mod bodies;
#[cfg(feature = "tls")]
mod certificates;
#[cfg(all(feature = "serde", feature = "tls"))]
mod configured;
mod drain;
mod readers;
mod slowhttptest;
#[cfg(feature = "tls")]
mod tls;
mod upgrades;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use bytes::Bytes;
use gambeson_core::{ManualClock, Readiness, ReadinessState, Timestamp};
use gambeson_hardening_headers::Connection;
use gambeson_hardening_headers::serve::{ClientCap, DrainReport, Server, serve};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

/// More than the buffers of a loopback connection hold.
const LARGE: usize = 32 << 20;

/// A running server, its clock, and the way to end it.
struct Running {
    address: SocketAddr,
    clock: ManualClock,
    readiness: Readiness,
    entered: Arc<Notify>,
    release: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinSet<DrainReport>,
    /// What answers of `readers` hold.
    held: Arc<()>,
}

impl Running {
    async fn start(change: impl FnOnce(Server) -> Server) -> Self {
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
            move || async move {
                entered.notify_one();
                release.notified().await;
                "slow"
            }
        };
        let who = async |Extension(connection): Extension<Connection>| connection.remote.ip().to_string();
        let app = Router::new()
            .route("/", get(async || "hello"))
            .route("/slow", get(slow.clone()).post(slow))
            .route("/who", get(who));
        let app = app.route("/large", get(async || Bytes::from(vec![b'x'; LARGE])));
        let held = Arc::new(());
        let app = app.merge(readers::routes(&held)).merge(upgrades::routes()).merge(bodies::routes());
        #[cfg(feature = "tls")]
        let app = app.merge(tls::routes());
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let readiness = Readiness::new();
        let server = Server::new()
            .clock(Arc::new(clock.clone()), Arc::new(clock.clone()))
            .readiness(readiness.clone())
            .shutdown(async { stopped.await.unwrap_or(()) });
        let mut task = JoinSet::new();
        let server = change(server);
        task.spawn(async move { serve(listener, app, server).await.unwrap() });
        Self { address, clock, readiness, entered, release, stop: Some(stop), task, held }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// An HTTP/2 client, and the set that its connection runs in.
    async fn http_2(&self) -> (SendRequest<Empty<Bytes>>, JoinSet<hyper::Result<()>>) {
        let io = TokioIo::new(self.connect().await);
        let (client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        (client, tasks)
    }

    /// A connection that sent this.
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            settle().await;
        }
    }

    /// Lets time pass in small steps until the server closes the connection; says how much passed.
    async fn until_closed(&self, stream: &mut TcpStream) -> Duration {
        let mut passed = Duration::ZERO;
        let mut answer = Vec::new();
        let mut closed = std::pin::pin!(stream.read_to_end(&mut answer));
        loop {
            tokio::select! {
                biased;
                _ = &mut closed => return passed,
                () = settle() => {}
            }
            self.clock.advance(Duration::from_secs(1));
            passed += Duration::from_secs(1);
            assert!(passed < Duration::from_secs(600), "never closed");
        }
    }

    async fn end(mut self) -> DrainReport {
        drop(self.stop.take());
        self.task.join_next().await.unwrap().unwrap()
    }
}

/// Gives the server's tasks and the loopback network many turns.
async fn settle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

async fn all(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Reads one answer that ends as that of `/` does.
async fn answer(stream: &mut TcpStream) -> String {
    answer_with(stream, "hello").await
}

/// Reads one answer that ends so.
async fn answer_with(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn requests_learn_their_connection() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send("GET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let answer = all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
    assert_eq!(running.readiness.state(), ReadinessState::Ready);
}

#[tokio::test]
async fn slow_headers_are_dropped_at_the_timeout() {
    let running = Running::start(|server| server).await;
    for start in ["", "G", "GET / HTTP/1.1\r\nhost: a\r\nx-slow: ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = running.send(start).await;
        settle().await;
        let passed = running.until_closed(&mut stream).await;
        assert!((9..=14).contains(&passed.as_secs()), "{start:?} was open for {passed:?}");
    }
}

#[tokio::test]
async fn headers_in_time_are_answered() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send("GET / HTTP/1.1\r\nhost: a\r\n").await;
    settle().await;
    running.clock.advance(Duration::from_secs(9));
    stream.write_all(b"connection: close\r\n\r\n").await.unwrap();
    assert!(all(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_connection_waits_for_its_next_request_longer_than_proxies_do() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    for _ in 0..2 {
        answer(&mut stream).await;
        for _ in 0..61 {
            running.clock.advance(Duration::from_secs(1));
            settle().await;
        }
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    }
    answer(&mut stream).await;
    let passed = running.until_closed(&mut stream).await;
    assert!((74..=77).contains(&passed.as_secs()), "open for {passed:?}");
}

#[tokio::test]
async fn the_head_of_a_later_request_has_as_long_as_the_first() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    answer(&mut stream).await;
    for _ in 0..30 {
        running.clock.advance(Duration::from_secs(1));
        settle().await;
    }
    stream.write_all(b"GET / HTTP/1.1\r\nx-slow: ").await.unwrap();
    settle().await;
    for _ in 0..5 {
        running.clock.advance(Duration::from_secs(1));
        stream.write_all(b"a").await.unwrap();
        settle().await;
    }
    let passed = running.until_closed(&mut stream).await;
    assert!((4..=7).contains(&passed.as_secs()), "open for {passed:?} more");
}

#[tokio::test]
async fn a_request_in_flight_is_not_idle() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send("GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    running.entered.notified().await;
    for _ in 0..10 {
        running.clock.advance(Duration::from_secs(60));
        settle().await;
    }
    running.release.notify_one();
    assert!(all(&mut stream).await.ends_with("slow"));
}

#[tokio::test]
async fn a_large_answer_is_not_idle_while_it_is_read_slowly() {
    let running = Running::start(|server| server.write_timeout(Duration::from_secs(600))).await;
    let mut stream = running.send("GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    settle().await;
    for _ in 0..20 {
        running.clock.advance(Duration::from_secs(9));
        settle().await;
    }
    let mut answer = vec![0; LARGE];
    stream.read_exact(&mut answer).await.expect("the answer was cut off");
}

#[tokio::test]
async fn a_large_answer_over_http_2_is_not_idle_either() {
    let running = Running::start(|server| server.write_timeout(Duration::from_secs(600))).await;
    let (mut client, _tasks) = running.http_2().await;
    let request = Request::get("http://app/large").body(Empty::<Bytes>::new()).unwrap();
    let response = client.send_request(request).await.unwrap();
    for _ in 0..180 {
        running.clock.advance(Duration::from_secs(1));
        settle().await;
    }
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), LARGE);
}

#[tokio::test]
async fn who_drops_the_server_drops_its_requests() {
    let mut running = Running::start(|server| server).await;
    let (mut client, mut tasks) = running.http_2().await;
    tasks.spawn(async move {
        let request = Request::get("http://app/slow").body(Empty::<Bytes>::new()).unwrap();
        let _ = client.send_request(request).await;
        Ok(())
    });
    running.entered.notified().await;
    let held = Arc::strong_count(&running.release);
    running.task.shutdown().await;
    settle().await;
    assert!(held > 1);
    assert_eq!(Arc::strong_count(&running.release), 1, "the handler's future is still there");
}

#[tokio::test]
async fn garbage_and_huge_heads_end_their_connection_only() {
    let running = Running::start(|server| server.header_bytes(8 << 10)).await;
    let mut stream = running.send("\u{16}\u{3}\u{1} this is no HTTP, and long enough\r\n\r\n").await;
    assert!(all(&mut stream).await.starts_with("HTTP/1.1 400"));
    let long = "a".repeat(9 << 10);
    let mut stream = running.send(&format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {long}")).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
    let mut stream = running.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(all(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let running = Running::start(|server| server).await;
    let two = "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = all(&mut running.send(two).await).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2);
    assert!(answer.find("hello").unwrap() < answer.find("127.0.0.1").unwrap());
}

#[tokio::test]
async fn http_2_is_spoken_to_who_knows_that() {
    let running = Running::start(|server| server).await;
    let (mut client, mut tasks) = running.http_2().await;
    let request = Request::get("http://app/who").body(Empty::<Bytes>::new()).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "127.0.0.1");

    settle().await;
    for _ in 0..80 {
        running.clock.advance(Duration::from_secs(1));
        settle().await;
    }
    assert!(tasks.try_join_next().is_some(), "an idle connection was kept");
}

#[tokio::test]
async fn more_connections_than_the_cap_wait_for_room() {
    let running = Running::start(|server| server.connections(1)).await;
    let first = running.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    running.entered.notified().await;
    let mut second = running.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let mut byte = [0];
    tokio::select! {
        biased;
        _ = second.read(&mut byte) => panic!("answered beside the cap"),
        () = settle() => {}
    }
    drop(first);
    running.release.notify_one();
    assert!(all(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_before_anything_is_accepted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::new().connections(0).header_bytes(1).header_timeout(Duration::ZERO);
    let error = serve(listener, Router::new(), server).await.unwrap_err();
    assert_eq!(error.problems().len(), 3);
}

#[test]
fn one_client_gets_a_share_of_the_connections_unless_that_is_off() {
    let problems = |change: &dyn Fn(Server) -> Server| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = change(Server::new().shutdown(std::future::ready(())).linger(Duration::ZERO));
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            serve(listener, Router::new(), server)
                .await
                .map_or_else(|error| error.to_string(), |_| String::new())
        })
    };
    assert_eq!(problems(&|server| server.connections(512)), "");
    assert_eq!(problems(&|server| server.connections(1)), "");
    for most in [512, 513] {
        let said = problems(&|server| server.connections(512).connections_per_client(most));
        assert!(said.contains("connections-per-client") && said.contains("off"), "{said}");
    }
    assert_eq!(problems(&|server| server.connections(512).connections_per_client(511)), "");
    assert_eq!(problems(&|server| server.connections(512).connections_per_client(ClientCap::Off)), "");
    assert!(problems(&|server| server.connections_per_client(0)).contains("at least one"));
}
