use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{HttpTransport, ManualClock, Timestamp, TransportErrorKind};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::server::{full, spawn, start};
use crate::{builder, client, get, local};

/// A body without a length: HTTP/1.1 sends it in chunks.
struct Chunks(VecDeque<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }
}

fn chunks(count: usize) -> UnsyncBoxBody<Bytes, Infallible> {
    UnsyncBoxBody::new(Chunks((0..count).map(|_| Bytes::from_static(&[b'x'; 100])).collect()))
}

#[tokio::test]
async fn an_answer_within_the_limits_arrives_whole() {
    let server = start(|_| Response::new(chunks(10))).await;
    let answer = client().send(get(server.uri("/")), local().max_body(1_000)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.body().len(), 1_000);
}

#[tokio::test]
async fn connections_are_kept() {
    let server = start(|_| Response::new(full("ok"))).await;
    let client = client();
    for _ in 0..3 {
        client.send(get(server.uri("/")), local()).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_and_without_a_length() {
    let server = start(|request: Request<_>| match request.uri().path() {
        "/length" => Response::new(full(vec![b'x'; 1_001])),
        _ => Response::new(chunks(11)),
    })
    .await;
    for path in ["/length", "/chunks"] {
        let failed = client().send(get(server.uri(path)), local().max_body(1_000)).await;
        assert_eq!(failed.unwrap_err().kind(), TransportErrorKind::TooLarge, "{path}");
    }
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_before_the_body_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let failed = client().send(get(format!("http://{address}/")), local()).await;
    assert_eq!(failed.unwrap_err().kind(), TransportErrorKind::TooLarge);
}

/// Waits for a timer to be set, then lets a day pass.
async fn pass_the_deadline(clock: &ManualClock) {
    loop {
        tokio::task::yield_now().await;
        if clock.sleepers() > 0 {
            return clock.advance(Duration::from_secs(86_400));
        }
    }
}

#[tokio::test]
async fn a_server_that_never_answers_ends_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let clock = ManualClock::at(Timestamp::default());
    let client = builder().time(clock.clone()).build().unwrap();
    let send = client.send(get(format!("http://{address}/")), local());
    let (failed, ()) = tokio::join!(send, pass_the_deadline(&clock));
    assert_eq!(failed.unwrap_err().kind(), TransportErrorKind::Timeout);
}

#[tokio::test]
async fn a_body_that_never_ends_ends_at_the_deadline() {
    let server = start(|_| Response::new(UnsyncBoxBody::new(Endless))).await;
    let clock = ManualClock::at(Timestamp::default());
    let client = builder().time(clock.clone()).build().unwrap();
    let send = client.send(get(server.uri("/")), local());
    let (failed, ()) = tokio::join!(send, pass_the_deadline(&clock));
    assert_eq!(failed.unwrap_err().kind(), TransportErrorKind::Timeout);
}

struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = start(|_| {
        let mut answer = Response::new(full("elsewhere"));
        *answer.status_mut() = StatusCode::FOUND;
        answer.headers_mut().insert("location", "http://127.0.0.1:1/".parse().unwrap());
        answer
    })
    .await;
    let answer = client().send(get(server.uri("/")), local()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(answer.headers()["location"], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn what_is_no_request_is_not_sent() {
    for uri in ["/relative", "ftp://a.example/", "http://user:password@a.example/"] {
        let failed = client().send(get(uri), local()).await.unwrap_err();
        assert_eq!(failed.kind(), TransportErrorKind::Request, "{uri}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_a_protocol_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(b"220 mail.example ESMTP\r\n\r\n").await.unwrap();
    });
    let failed = client().send(get(format!("http://{address}/")), local()).await;
    assert_eq!(failed.unwrap_err().kind(), TransportErrorKind::Protocol);
}
