//! slowhttptest against the server, in real time: 30 connections that send or read as slowly as they may. At most one may be left after
//! ten seconds.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use axum::routing::post;
use gambeson_hardening_headers::{Limits, LimitsLayer};

use super::*;

/// Closes whoever is slower than two seconds, so that a run is short.
async fn hardened() -> (SocketAddr, JoinSet<()>) {
    let two = Duration::from_secs(2);
    let limits = LimitsLayer::new(Limits::new().body_deadline(two)).unwrap();
    let app = Router::new()
        .route("/", get(async || "hello"))
        .route("/large", get(async || Bytes::from(vec![b'x'; LARGE])))
        .route("/read", post(async |body: Bytes| body.len().to_string()))
        .layer(limits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new().header_timeout(two).write_timeout(two).write_rate(64 << 10);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { drop(serve(listener, app, server).await) });
    (address, tasks)
}

/// How many of 30 connections were open after ten seconds, and at most.
async fn open_after_ten_seconds(address: SocketAddr, attack: &[&str]) -> (usize, usize) {
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("slow{}-{}", attack[0], address.port()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(std::env::var_os("GAMBESON_SLOWHTTPTEST").unwrap());
    command.current_dir(&folder).args(["-c", "30", "-r", "30", "-l", "12", "-p", "3", "-g", "-o", "out"]);
    command.args(attack).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let said = tokio::task::spawn_blocking(move || command.output().unwrap().stdout).await.unwrap();
    let table = std::fs::read_to_string(folder.join("out.csv")).unwrap();
    let mut lines = table.lines();
    let column = lines.next().unwrap().split(',').position(|name| name == "Connected").unwrap();
    let rows: Vec<(usize, usize)> = lines
        .map(|line| {
            let cells: Vec<usize> = line.split(',').map(|cell| cell.trim().parse().unwrap()).collect();
            (cells[0], cells[column])
        })
        .collect();
    std::fs::remove_dir_all(folder).unwrap();
    let most = rows.iter().map(|(_, open)| *open).max().unwrap();
    // It writes a row every few seconds, and ends by itself when nothing is open any more.
    let early = String::from_utf8_lossy(&said).contains("No open connections left");
    let (second, open) = *rows.iter().take_while(|(second, _)| *second <= 10).last().unwrap();
    if early && rows.iter().all(|(second, _)| *second <= 10) {
        return (0, most);
    }
    assert!(second >= 8, "it ended after {second} s, and not because all were closed");
    (open, most)
}

/// At most one is left of those that got through at all.
async fn is_rid_of(path: &str, attack: &[&str]) {
    let (address, _tasks) = hardened().await;
    let url = format!("http://{address}{path}");
    let (open, most) = open_after_ten_seconds(address, &[attack, &["-u", &url]].concat()).await;
    assert!(most >= 25, "only {most} were ever open");
    assert!(open <= 1, "{open} are still open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs slowhttptest: cargo xtask test"]
async fn slow_headers() {
    is_rid_of("/", &["-H", "-i", "1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs slowhttptest: cargo xtask test"]
async fn slow_bodies() {
    is_rid_of("/read", &["-B", "-i", "1", "-t", "POST", "-s", "8192", "-x", "10"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs slowhttptest: cargo xtask test"]
// It reads a kilobyte a second, so that it is soon through with what its own system has buffered and sees the end.
async fn slow_readers() {
    is_rid_of("/large", &["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "1024", "-k", "1"]).await;
}

/// The same attack bites where nothing is done about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs slowhttptest: cargo xtask test"]
async fn a_server_without_a_header_timeout_keeps_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    let app = Router::new().route("/", get(async || "hello"));
    tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
    let url = format!("http://{address}/");
    let (open, _) = open_after_ten_seconds(address, &["-H", "-i", "1", "-u", &url]).await;
    assert!(open >= 29, "only {open} are still open");
}
