//! Telemetry on its way to a collector: a real one (PyPI `rotel`), and sockets that only look like one.

use std::convert::Infallible;
use std::fs::File;
use std::future::ready;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::RequestHead;
use gambeson_otel_setup::{Telemetry, current_trace};
use gambeson_testing::eventually;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};

const WAIT: Duration = Duration::from_secs(60);

/// An address that is free now.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A running rotel that writes what it gets into its log.
struct Rotel {
    child: Child,
    dir: tempfile::TempDir,
}

impl Rotel {
    async fn start(at: SocketAddr) -> Self {
        let peers = std::env::var("GAMBESON_PEERS").expect("cargo xtask test sets GAMBESON_PEERS");
        let dir = tempfile::tempdir().unwrap();
        let log = File::create(dir.path().join("log")).unwrap();
        let child = Command::new(Path::new(&peers).join("rotel/rotel/rotel-agent"))
            .arg("start")
            .args(["--otlp-http-endpoint", &at.to_string(), "--otlp-grpc-endpoint", &free().to_string()])
            .args(["--exporter", "blackhole", "--debug-log", "traces", "--debug-log", "metrics"])
            .args(["--debug-log-verbosity", "detailed", "--pid-file"])
            .arg(dir.path().join("pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let up = eventually(WAIT, || ready(TcpStream::connect(at).ok())).await;
        assert!(up.is_some(), "rotel does not listen");
        Self { child, dir }
    }

    /// Whether all these texts stand in its log, before long.
    async fn logs(&self, texts: &[&str]) -> bool {
        let log = self.dir.path().join("log");
        let all = || {
            let log = std::fs::read_to_string(&log).unwrap();
            texts.iter().all(|text| log.contains(text)).then_some(())
        };
        eventually(Duration::from_secs(10), || ready(all())).await.is_some()
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn route<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    (head.uri.path() == "/notes").then_some("/notes")
}

fn telemetry(collector: SocketAddr) -> Telemetry {
    let builder = Telemetry::builder("collector-test", "1.2.3").endpoint(format!("http://{collector}"));
    builder.routes(route).build().unwrap()
}

/// So many requests; the trace id of the last one.
async fn requests(telemetry: &Telemetry, count: usize) -> String {
    let app = telemetry.layer().layer(service_fn(|_: Request<()>| {
        let trace = current_trace().unwrap().trace_id_hex().to_string();
        ready(Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(trace)))))
    }));
    let mut trace = Bytes::new();
    for _ in 0..count {
        let answer = app.clone().oneshot(Request::get("/notes").body(()).unwrap()).await.unwrap();
        trace = answer.into_body().collect().await.unwrap().to_bytes();
    }
    String::from_utf8(trace.into()).unwrap()
}

#[tokio::test]
#[ignore = "needs rotel: cargo xtask test"]
async fn spans_and_metrics_arrive_as_they_were_sent() {
    let at = free();
    let rotel = Rotel::start(at).await;
    let telemetry = telemetry(at);
    let trace = requests(&telemetry, 3).await;
    let report = telemetry.shutdown(WAIT).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.spans.exported, report.metrics_exported), (3, Some(true)));
    let texts =
        [trace.as_str(), "GET /notes", "http.route", "collector-test", "http.server.request.duration"];
    let log = rotel.dir.path().join("log");
    assert!(rotel.logs(&texts).await, "{}", std::fs::read_to_string(log).unwrap());
}

#[tokio::test]
#[ignore = "needs rotel: cargo xtask test"]
async fn a_burst_arrives() {
    let at = free();
    let _rotel = Rotel::start(at).await;
    let telemetry = telemetry(at);
    requests(&telemetry, 10_000).await;
    let report = telemetry.shutdown(WAIT).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.spans.exported, 10_000);
}

#[tokio::test]
#[ignore = "needs rotel: cargo xtask test"]
async fn a_collector_that_dies_and_comes_back_misses_nothing() {
    let at = free();
    let rotel = Rotel::start(at).await;
    let telemetry = telemetry(at);
    requests(&telemetry, 5).await;
    assert!(telemetry.flush_within(WAIT).await);
    assert_eq!(telemetry.span_report().exported, 5);
    drop(rotel);
    let trace = requests(&telemetry, 600).await;
    let back = async {
        // A full batch leaves at once, and meets nobody.
        let left =
            || telemetry.metrics_text().contains("gambeson_telemetry_waiting_spans 88\n").then_some(());
        assert!(eventually(WAIT, || ready(left())).await.is_some());
        Rotel::start(at).await
    };
    let (flushed, rotel) = tokio::join!(telemetry.flush_within(WAIT), back);
    assert!(flushed && rotel.logs(&[&trace]).await);
    let report = telemetry.shutdown(WAIT).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.spans.exported, 605);
}

/// What a socket does to whoever connects.
type Behaviour = fn(TcpStream);

/// A socket that behaves so to each connection, for as long as the test runs.
fn pretender(behaviour: Behaviour) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || behaviour(stream));
        }
    });
    at
}

/// Reads all there will ever be, and says nothing.
fn silent(mut stream: TcpStream) {
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Reads a little, and answers with 50 MB of something.
fn endless(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 1_024]);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n");
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..50 {
        if stream.write_all(&piece).is_err() {
            return;
        }
    }
}

/// Speaks another protocol.
fn garbage(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 1_024]);
    let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
}

/// What is told at the end, after 100 requests.
async fn end(at: SocketAddr) -> gambeson_otel_setup::ShutdownReport {
    let telemetry = telemetry(at);
    requests(&telemetry, 100).await;
    let report = telemetry.shutdown(Duration::from_secs(2)).await;
    assert_eq!(
        (report.spans.ended, report.spans.exported, report.spans.lost.total()),
        (100, 0, 100),
        "{report:?}"
    );
    assert_eq!(report.metrics_exported, Some(false));
    assert!(report.took < Duration::from_secs(4), "{report:?}");
    report
}

#[tokio::test]
async fn without_a_collector_nothing_waits_and_all_is_told() {
    assert_eq!(end(free()).await.spans.lost.export_failed, 100, "nobody there");
    assert_eq!(end(pretender(silent)).await.spans.lost.shutdown, 100, "somebody who never answers");
    assert_eq!(end(pretender(endless)).await.spans.lost.export_failed, 100, "somebody who never stops");
    assert_eq!(end(pretender(garbage)).await.spans.lost.export_failed, 100, "somebody else");
}
