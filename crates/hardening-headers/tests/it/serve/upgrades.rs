//! Connections that the app has taken over.

use axum::body::Body;
use http::{HeaderValue, header};
use hyper::rt::Executor;

use super::*;

/// `/echo` says back what it hears, once upgraded.
pub(super) fn routes() -> Router {
    let echo = async |mut request: Request<Body>| {
        let upgrade = hyper::upgrade::on(&mut request);
        TokioExecutor::new().execute(async {
            let mut stream = TokioIo::new(upgrade.await.unwrap());
            let mut bytes = [0; 64];
            while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                stream.write_all(&bytes[..read]).await.unwrap();
            }
        });
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("echo"));
        response
    };
    Router::new().route("/echo", get(echo))
}

const UPGRADE: &str = "GET /echo HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

impl Running {
    async fn upgraded(&self) -> TcpStream {
        let mut stream = self.send(UPGRADE).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        echo(&mut stream).await;
        stream
    }
}

async fn echo(stream: &mut TcpStream) {
    stream.write_all(b"hey").await.unwrap();
    let mut heard = [0; 3];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hey");
}

#[tokio::test]
async fn an_upgraded_connection_counts_and_is_not_idle() {
    let running = Running::start(|server| server.connections(1)).await;
    let mut upgraded = running.upgraded().await;
    for _ in 0..200 {
        running.clock.advance(Duration::from_secs(1));
        settle().await;
    }
    echo(&mut upgraded).await;
    let mut second = running.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let mut byte = [0];
    tokio::select! {
        biased;
        _ = second.read(&mut byte) => panic!("answered beside the cap"),
        () = settle() => {}
    }
    drop(upgraded);
    assert!(all(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_drain_waits_for_upgraded_connections() {
    let mut running = Running::start(|server| server.linger(Duration::ZERO)).await;
    let mut upgraded = running.upgraded().await;
    drop(running.stop.take());
    settle().await;
    echo(&mut upgraded).await;
    drop(upgraded);
    let report = running.end().await;
    assert_eq!((report.drained, report.aborted, report.upgraded), (1, 0, 0));
}

#[tokio::test]
async fn a_drain_cuts_upgraded_connections_off_at_its_deadline() {
    let draining = Arc::new(std::sync::Mutex::new(None));
    let running = Running::start(|server| {
        *draining.lock().unwrap() = Some(server.draining());
        server.linger(Duration::ZERO)
    });
    let mut running = running.await;
    let draining = draining.lock().unwrap().take().unwrap();
    let mut upgraded = running.upgraded().await;
    tokio::select! {
        biased;
        () = draining.begun() => panic!("told too early"),
        () = settle() => {}
    }
    drop(running.stop.take());
    draining.begun().await;
    settle().await;
    running.clock.advance(Duration::from_secs(5));
    assert_eq!(all(&mut upgraded).await, "");
    let report = running.end().await;
    assert_eq!((report.drained, report.aborted, report.upgraded), (0, 1, 1));
}
