//! Bodies that an app reads past its answer or not to their end, and what comes after them.

use axum::body::Body;
use axum::routing::post;
use hyper::rt::Executor;

use super::*;

/// `/now` reads its body and answers; `/later` answers at once and then reads it; `/refuse` does not look at it.
pub(super) fn routes() -> Router {
    let later = async |request: Request<Body>| {
        TokioExecutor::new().execute(async {
            let _ = request.into_body().collect().await;
        });
        "hello"
    };
    let refuse = async || (StatusCode::PAYLOAD_TOO_LARGE, "hello");
    Router::new()
        .route("/refuse", post(refuse))
        .route("/later", post(later))
        .route("/now", post(async |_: Bytes| "hello"))
}

const REFUSED: &str = "POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\r\n0123456789";
const SLOW: &str = "POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\r\n0123456789";
const LENGTH: &str = "POST /later HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\r\n0123456789";
const CHUNKED: &str =
    "POST /later HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123456789\r\n";

#[tokio::test]
async fn the_late_rest_of_a_body_is_no_head() {
    let running = Running::start(|server| server).await;
    for (start, rest) in [(LENGTH, "0123456789"), (CHUNKED, "a\r\n0123456789\r\n0\r\n\r\n")] {
        let mut stream = running.send(start).await;
        answer(&mut stream).await;
        for byte in rest.bytes() {
            // Longer in all than a head may take, and than a connection may be idle.
            running.pass(8).await;
            stream.write_all(&[byte]).await.unwrap();
            settle().await;
        }
        let passed = running.until_closed(&mut stream).await;
        assert!((74..=77).contains(&passed.as_secs()), "open for {passed:?}");
    }
}

#[tokio::test]
async fn a_head_after_a_body_has_as_long_as_others() {
    let running = Running::start(|server| server).await;
    let at_once = LENGTH.replace("later", "now");
    for start in [LENGTH, CHUNKED, &at_once] {
        let mut stream = running.send(start).await;
        let rest = if start == CHUNKED { "a\r\n0123456789\r\n0\r\n\r\n" } else { "0123456789" };
        stream.write_all(rest.as_bytes()).await.unwrap();
        answer(&mut stream).await;
        running.pass(30).await;
        stream.write_all(b"GET / HTTP/1.1\r\nx-slow: ").await.unwrap();
        settle().await;
        for _ in 0..5 {
            running.pass(1).await;
            stream.write_all(b"a").await.unwrap();
        }
        settle().await;
        let passed = running.until_closed(&mut stream).await;
        assert!((4..=7).contains(&passed.as_secs()), "open for {passed:?} more");
    }
}

#[tokio::test]
async fn the_rest_of_a_body_that_never_comes_is_not_waited_for_for_ever() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send(LENGTH).await;
    answer(&mut stream).await;
    let passed = running.until_closed(&mut stream).await;
    // The idle timeout, and the write timeout of a connection that ends.
    assert!((134..=138).contains(&passed.as_secs()), "open for {passed:?}");
}

/// The extension of a chunk is nothing of the body (RFC 9112 §7.1.1).
#[tokio::test]
async fn what_is_no_part_of_a_body_keeps_no_connection() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send(CHUNKED).await;
    answer(&mut stream).await;
    stream.write_all(b"a;").await.unwrap();
    for _ in 0..8 {
        running.pass(8).await;
        stream.write_all(b"x").await.unwrap();
        settle().await;
    }
    let passed = running.until_closed(&mut stream).await;
    // The idle timeout, and the write timeout of a connection that ends, of which 64 s are over.
    assert!((70..=74).contains(&passed.as_secs()), "open for {passed:?} more");
}

#[tokio::test]
async fn who_is_refused_while_it_sends_can_go_on() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send(REFUSED).await;
    answer(&mut stream).await;
    running.pass(4).await;
    stream.write_all(b"0123456789GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    answer(&mut stream).await;
    let passed = running.until_closed(&mut stream).await;
    assert!((74..=77).contains(&passed.as_secs()), "open for {passed:?}");
}

#[tokio::test]
async fn a_rest_that_nobody_wants_is_not_waited_for_longer_than_a_few_seconds() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send(REFUSED).await;
    answer(&mut stream).await;
    for _ in 0..3 {
        running.pass(1).await;
        stream.write_all(b"0").await.unwrap();
    }
    settle().await;
    let passed = running.until_closed(&mut stream).await;
    assert!((1..=3).contains(&passed.as_secs()), "open for {passed:?} more");
}

/// The app lets go of the body at once and answers later.
#[tokio::test]
async fn a_rest_is_read_for_a_few_seconds_from_a_late_answer_on() {
    let running = Running::start(|server| server).await;
    for goes_on in [true, false] {
        let mut stream = running.send(SLOW).await;
        running.entered.notified().await;
        running.pass(10).await;
        running.release.notify_one();
        answer_with(&mut stream, "slow").await;
        if goes_on {
            running.pass(4).await;
            stream.write_all(b"0123456789GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            answer(&mut stream).await;
        } else {
            let passed = running.until_closed(&mut stream).await;
            assert!((4..=6).contains(&passed.as_secs()), "open for {passed:?} more");
        }
    }
}

#[tokio::test]
async fn a_rest_is_not_read_for_as_long_as_the_answer_takes() {
    let running = Running::start(|server| server).await;
    let mut stream = running.send(SLOW).await;
    running.entered.notified().await;
    running.pass(40).await;
    running.release.notify_one();
    answer_with(&mut stream, "slow").await;
    assert_eq!(running.until_closed(&mut stream).await, Duration::ZERO);
}

#[tokio::test]
async fn of_a_rest_that_nobody_wants_only_so_much_is_read() {
    let running = Running::start(|server| server).await;
    let head = format!("POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", 1 << 30);
    let mut stream = running.send(&head).await;
    let (mut sent, part) = (0, vec![0; 1 << 20]);
    while stream.write_all(&part).await.is_ok() {
        sent += part.len();
        assert!(sent < 128 << 20, "still read");
    }
    // A system takes some more than is read.
    assert!((16 << 20..=32 << 20).contains(&sent), "{sent}");
}

#[tokio::test]
async fn who_asks_before_it_sends_is_not_told_to() {
    let running = Running::start(|server| server).await;
    let head = "POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\nexpect: 100-continue\r\n\r\n";
    let mut stream = running.send(head).await;
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(running.until_closed(&mut stream).await, Duration::ZERO);
}

/// Only `100-continue` makes a client wait.
#[tokio::test]
async fn who_expects_something_else_sends_all_the_same() {
    let running = Running::start(|server| server).await;
    let refused = REFUSED.replace("\r\n\r\n", "\r\nexpect: 200-ok\r\n\r\n");
    let mut stream = running.send(&refused).await;
    answer(&mut stream).await;
    stream.write_all(b"0123456789GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_rest_that_nobody_wants_does_not_hold_up_the_drain() {
    let mut running = Running::start(|server| server.linger(Duration::ZERO)).await;
    let mut stream = running.send(REFUSED).await;
    answer(&mut stream).await;
    drop(running.stop.take());
    assert_eq!(running.until_closed(&mut stream).await, Duration::ZERO);
    let report = running.end().await;
    assert_eq!((report.drained, report.aborted), (1, 0));
}

/// Frames of HTTP/2, as far as these tests look into them (RFC 9113 §6).
mod frame {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const END_STREAM: u8 = 1;
    pub(super) const ACK: u8 = 1;
    pub(super) const END_HEADERS: u8 = 4;
}

/// A frame's kind, flags and payload.
type Frame = (u8, u8, Vec<u8>);

fn framed(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, u8::try_from(payload.len()).unwrap(), kind, flags, 0, 0, 0, stream];
    frame.extend(payload);
    frame
}

/// The frames that come, up to the first of this kind with these flags.
async fn frames(stream: &mut TcpStream, kind: u8, flags: u8) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    while frames.last().is_none_or(|(last, with, _)| *last != kind || with & flags != flags) {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).await.unwrap();
        frames.push((head[3], head[4], payload));
    }
    frames
}

/// All that has come by now.
async fn frames_by_now(stream: &mut TcpStream) -> Vec<Frame> {
    stream.write_all(&framed(frame::PING, 0, 0, b"12345678")).await.unwrap();
    let seen = frames(stream, frame::PING, frame::ACK).await;
    settle().await;
    seen
}

/// The head of a POST and a part of its body.
fn begun(path: &str, stream: u8) -> Vec<u8> {
    // Of the static table: POST, http, and the names of path and authority (RFC 7541 Appendix A).
    let mut head = b"\x83\x86\x44".to_vec();
    head.push(u8::try_from(path.len()).unwrap());
    head.extend(path.as_bytes());
    head.extend(b"\x41\x01a");
    let mut begun = framed(frame::HEADERS, frame::END_HEADERS, stream, &head);
    begun.extend(framed(frame::DATA, 0, stream, b"0123456789"));
    begun
}

/// The server's own PINGs would have to be answered.
fn silent(server: Server) -> Server {
    server.ping_interval(Duration::from_secs(86_400))
}

impl Running {
    /// A client of HTTP/2 that has sent this.
    async fn over_http_2(&self, frames: &[Vec<u8>]) -> TcpStream {
        let mut stream = self.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        stream.write_all(&framed(frame::SETTINGS, 0, 0, b"")).await.unwrap();
        stream.write_all(&frames.concat()).await.unwrap();
        stream
    }

    async fn refused_over_http_2(&self) -> TcpStream {
        self.over_http_2(&[begun("/refuse", 1)]).await
    }
}

fn resets(frames: &[Frame]) -> Vec<&[u8]> {
    let resets = frames.iter().filter(|(kind, ..)| *kind == frame::RST_STREAM);
    resets.map(|(.., payload)| &payload[..]).collect()
}

#[tokio::test]
async fn over_http_2_too_who_is_refused_can_go_on_sending() {
    let running = Running::start(|server| server).await;
    let mut stream = running.refused_over_http_2().await;
    let mut seen = frames(&mut stream, frame::DATA, frame::END_STREAM).await;
    assert!(seen.iter().any(|(.., payload)| payload == b"hello"), "{seen:?}");
    running.pass(4).await;
    stream.write_all(&framed(frame::DATA, frame::END_STREAM, 1, b"0123456789")).await.unwrap();
    stream.write_all(&framed(frame::PING, 0, 0, b"12345678")).await.unwrap();
    seen.extend(frames(&mut stream, frame::PING, frame::ACK).await);
    assert!(resets(&seen).is_empty(), "{seen:?}");
}

/// RFC 9113 §8.1: the code says that the answer holds.
#[tokio::test]
async fn over_http_2_a_rest_that_nobody_wants_ends_with_a_reset_without_an_error() {
    let running = Running::start(|server| server).await;
    let mut stream = running.refused_over_http_2().await;
    frames(&mut stream, frame::DATA, frame::END_STREAM).await;
    running.pass(6).await;
    let seen = frames(&mut stream, frame::RST_STREAM, 0).await;
    assert_eq!(resets(&seen), [[0; 4]], "{seen:?}");
}

#[tokio::test]
async fn over_http_2_a_rest_that_nobody_wants_ends_beside_a_request_in_flight_too() {
    let running = Running::start(|server| server).await;
    let mut stream = running.over_http_2(&[begun("/slow", 1), begun("/refuse", 3)]).await;
    frames(&mut stream, frame::DATA, frame::END_STREAM).await;
    running.pass(6).await;
    let seen = frames_by_now(&mut stream).await;
    assert_eq!(resets(&seen), [[0; 4]], "{seen:?}");
}

#[tokio::test]
async fn over_http_2_only_what_comes_of_a_body_keeps_its_connection() {
    let running = Running::start(silent).await;
    let mut stream = running.over_http_2(&[begun("/later", 1)]).await;
    frames(&mut stream, frame::DATA, frame::END_STREAM).await;
    let ends = |seen: &[Frame]| seen.iter().any(|(kind, ..)| *kind == frame::GOAWAY);
    for _ in 0..7 {
        running.pass(10).await;
        stream.write_all(&framed(frame::DATA, 0, 1, b"0")).await.unwrap();
        assert!(!ends(&frames_by_now(&mut stream).await));
    }
    for _ in 0..7 {
        running.pass(10).await;
        stream.write_all(&framed(frame::DATA, 0, 1, b"")).await.unwrap();
        assert!(!ends(&frames_by_now(&mut stream).await));
    }
    running.pass(10).await;
    assert!(ends(&frames_by_now(&mut stream).await), "PINGs and empty frames keep it");
}
