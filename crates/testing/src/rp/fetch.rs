//! One request to this machine.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Clock, Spawn, SystemClock, Timer, TokioSpawn};
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Url};

/// How long an app may take for one answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// The longest answer that is read, in bytes.
const LONGEST: usize = 4 << 20;

/// Sends a request whose target is a path to the host of `url`. Says what went wrong in words for the report.
pub(super) async fn fetch(url: &Url, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let place = format!("{}{}", url.origin().ascii_serialization(), url.path());
    match within(DEADLINE, exchange(url, request)).await {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(why)) => Err(format!("{place} gave no answer: {why}")),
        None => Err(format!("{place} gave no answer within {} s", DEADLINE.as_secs())),
    }
}

async fn exchange(url: &Url, mut request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    if !is_loopback(url) {
        return Err("it is not on loopback, in plain http".to_owned());
    }
    let authority = url.authority().to_owned();
    let host = HeaderValue::from_str(&authority).map_err(|error| text(&error))?;
    request.headers_mut().insert(HOST, host);
    let socket = url.socket_addrs(|| None).map_err(|error| text(&error))?;
    let stream = TcpStream::connect(socket.as_slice()).await.map_err(|error| text(&error))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| text(&error))?;
    TokioSpawn::new().spawn(Box::pin(async { drop(connection.await) }));
    let answer = sender.send_request(request.map(Full::new)).await.map_err(|error| text(&error))?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, LONGEST).collect().await.map_err(|error| text(&error))?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

fn is_loopback(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    here && url.scheme() == "http"
}

/// The work's result, if it has one in time.
async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    let clock = SystemClock::new();
    let (mut end, mut work) = (clock.until(clock.monotonic().plus(time)), pin!(work));
    std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => end.as_mut().poll(cx).map(|()| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_this_machine() {
        let here = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(here("http://127.0.0.1:3000/") && here("http://[::1]/") && here("http://notes.localhost:1/"));
        assert!(
            !here("http://localhost.example/") && !here("https://127.0.0.1/") && !here("http://10.0.0.1/")
        );
    }
}
