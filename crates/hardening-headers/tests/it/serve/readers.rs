//! Clients that don't take their answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http_body::Frame;

use super::*;

/// A body that holds something for as long as the server has it.
struct Held {
    _held: Arc<()>,
    left: usize,
    /// Says nothing more after its end.
    silent: bool,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.left.min(10_000) {
            0 if self.silent => Poll::Pending,
            0 => Poll::Ready(None),
            piece => {
                self.left -= piece;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; piece])))))
            }
        }
    }
}

/// Answers of many bytes, of few, and one that says something and then nothing for a long time.
pub(super) fn routes(held: &Arc<()>) -> Router {
    let body = |left, silent| {
        let held = Arc::clone(held);
        get(move || async move { Body::new(Held { _held: held, left, silent }) })
    };
    Router::new()
        .route("/endless", body(usize::MAX, false))
        .route("/few", body(5_000, false))
        .route("/silent", body(10, true))
}

impl Running {
    /// Lets time pass until the answer is given up; says how much.
    async fn until_given_up(&self, before: usize) -> Duration {
        let mut passed = Duration::ZERO;
        while Arc::strong_count(&self.held) > before {
            assert!(passed < Duration::from_secs(600), "never given up");
            self.clock.advance(Duration::from_secs(1));
            passed += Duration::from_secs(1);
            settle().await;
        }
        passed
    }
}

#[tokio::test]
async fn who_does_not_read_an_answer_is_cut_off() {
    let running = Running::start(|server| server).await;
    let before = Arc::strong_count(&running.held);
    let mut stream = running.send("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    while Arc::strong_count(&running.held) == before {
        settle().await;
    }
    let passed = running.until_given_up(before).await;
    assert!((59..=62).contains(&passed.as_secs()), "kept for {passed:?}");
    // By a reset, lest the system keeps what nobody takes.
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_app_that_has_nothing_to_say_is_waited_for() {
    let running = Running::start(|server| server).await;
    let before = Arc::strong_count(&running.held);
    let _stream = running.send("GET /silent HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (mut client, _tasks) = running.http_2().await;
    let request = Request::get("http://app/silent").body(Empty::<Bytes>::new()).unwrap();
    let _response = client.send_request(request).await.unwrap();
    settle().await;
    running.pass(300).await;
    assert_eq!(Arc::strong_count(&running.held), before + 2);
}

impl Running {
    /// An HTTP/2 client that opens its windows by so much and no further.
    async fn narrow(&self, window: u32) -> (SendRequest<Empty<Bytes>>, JoinSet<hyper::Result<()>>) {
        let io = TokioIo::new(self.connect().await);
        let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (client, connection) = builder.initial_stream_window_size(window).handshake(io).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        (client, tasks)
    }
}

#[tokio::test]
async fn a_stream_whose_window_stays_shut_is_reset_and_others_go_on() {
    let running = Running::start(|server| server).await;
    for (path, window) in [("endless", 65_535), ("endless", 0), ("few", 1), ("few", 0)] {
        let before = Arc::strong_count(&running.held);
        let (mut client, mut tasks) = running.narrow(window).await;
        let slow = client.send_request(Request::get("http://app/slow").body(Empty::new()).unwrap());
        tasks.spawn(async move {
            slow.await?;
            Ok(())
        });
        running.entered.notified().await;
        let request = Request::get(format!("http://app/{path}")).body(Empty::<Bytes>::new()).unwrap();
        let response = client.send_request(request).await.unwrap();
        let passed = running.until_given_up(before).await;
        assert!((59..=62).contains(&passed.as_secs()), "{path} was kept for {passed:?}");
        let error = response.into_body().collect().await.unwrap_err();
        assert!(format!("{error:?}").contains("CANCEL"), "{error:?}");
        running.release.notify_one();
        tasks.join_next().await.unwrap().unwrap().expect("the connection and its other stream go on");
    }
}

#[tokio::test]
async fn an_idle_connection_with_an_unread_answer_is_closed_in_the_end() {
    let running = Running::start(|server| server).await;
    let (mut client, mut tasks) = running.narrow(0).await;
    let request = Request::get("http://app/").body(Empty::<Bytes>::new()).unwrap();
    let _response = client.send_request(request).await.unwrap();
    for _ in 0..200 {
        running.pass(1).await;
    }
    assert!(tasks.try_join_next().is_some(), "the connection is still there");
}
