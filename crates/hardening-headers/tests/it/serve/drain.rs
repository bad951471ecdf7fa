//! How a server ends.

use super::*;

#[tokio::test]
async fn a_drain_waits_for_requests_in_flight_and_closes_the_rest() {
    let mut running = Running::start(|server| server.linger(Duration::ZERO)).await;
    let mut busy = running.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    running.entered.notified().await;
    let mut silent = running.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut first = [0; 12];
    silent.read_exact(&mut first).await.unwrap();
    drop(running.stop.take());
    all(&mut silent).await;
    assert_eq!(running.readiness.state(), ReadinessState::Draining);
    settle().await;
    assert!(TcpStream::connect(running.address).await.is_err(), "nothing new is accepted");
    running.release.notify_one();
    assert!(all(&mut busy).await.ends_with("slow"));
    let report = running.end().await;
    assert_eq!((report.drained, report.aborted), (2, 0));
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let mut running = Running::start(|server| server.linger(Duration::ZERO)).await;
    let _busy = running.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    running.entered.notified().await;
    drop(running.stop.take());
    settle().await;
    running.clock.advance(Duration::from_secs(5));
    let report = running.end().await;
    assert_eq!((report.drained, report.aborted), (0, 1));
}

#[tokio::test]
async fn who_comes_while_it_lingers_is_answered_and_told_to_go() {
    let mut running = Running::start(|server| server.linger(Duration::from_secs(2))).await;
    let mut kept = running.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    answer(&mut kept).await;
    drop(running.stop.take());
    settle().await;
    assert_eq!(running.readiness.state(), ReadinessState::Draining);
    kept.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    for stream in [&mut kept, &mut running.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await] {
        let answer = all(stream).await;
        assert!(answer.contains("connection: close") && answer.ends_with("hello"), "{answer}");
    }
    running.clock.advance(Duration::from_secs(2));
    let report = running.end().await;
    assert_eq!((report.drained, report.aborted), (0, 0));
}

/// The system has taken these connections when the listener goes.
#[tokio::test]
async fn what_waits_in_the_systems_queue_is_answered() {
    use std::io::Write;

    for _ in 0..10 {
        let mut running = Running::start(|server| server.linger(Duration::ZERO)).await;
        settle().await;
        drop(running.stop.take());
        let mut waiting = Vec::new();
        for _ in 0..5 {
            let mut stream = std::net::TcpStream::connect(running.address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
            stream.set_nonblocking(true).unwrap();
            waiting.push(TcpStream::from_std(stream).unwrap());
        }
        for stream in &mut waiting {
            assert!(all(stream).await.ends_with("hello"));
        }
        assert_eq!(running.end().await.aborted, 0);
    }
}

#[tokio::test]
async fn a_silent_connection_does_not_hold_up_the_drain() {
    let mut running = Running::start(|server| server.linger(Duration::ZERO)).await;
    let mut silent = running.connect().await;
    settle().await;
    drop(running.stop.take());
    settle().await;
    running.clock.advance(Duration::from_millis(500));
    assert_eq!(all(&mut silent).await, "");
    let report = running.end().await;
    assert_eq!((report.drained, report.aborted), (1, 0));
}
