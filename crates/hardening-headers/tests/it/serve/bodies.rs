//! Bodies that an app reads past its answer, and what comes after them.

use axum::body::Body;
use axum::routing::post;
use hyper::rt::Executor;

use super::*;

/// `/now` reads its body and answers; `/later` answers at once and then reads it.
pub(super) fn routes() -> Router {
    let later = async |request: Request<Body>| {
        TokioExecutor::new().execute(async {
            let _ = request.into_body().collect().await;
        });
        "hello"
    };
    Router::new().route("/later", post(later)).route("/now", post(async |_: Bytes| "hello"))
}

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
