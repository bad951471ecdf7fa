//! One request to this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
pub(super) const LONGEST: usize = 4 << 20;

/// Sends a request whose target is a path to the host of `url`.
#[cfg(feature = "rp")]
pub(crate) async fn fetch(url: &Url, mut request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    name_host(url, &mut request)?;
    in_time(url, exchange(url, request)).await
}

/// The field that says whom the request is for.
pub(super) fn name_host(url: &Url, request: &mut Request<Bytes>) -> Result<(), String> {
    let host = HeaderValue::from_str(url.authority());
    let host = host.map_err(|_| format!("{:?} is no host of a request", url.authority()))?;
    request.headers_mut().insert(HOST, host);
    Ok(())
}

/// The answer from `url`, if it comes until the deadline; says what went wrong in words for a report.
pub(super) async fn in_time(
    url: &Url,
    answer: impl Future<Output = Result<Response<Bytes>, String>>,
) -> Result<Response<Bytes>, String> {
    let place = format!("{}{}", url.origin().ascii_serialization(), url.path());
    match within(DEADLINE, answer).await {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(why)) => Err(format!("{place} gave no answer: {why}")),
        None => Err(format!("{place} gave no answer within {} s", DEADLINE.as_secs())),
    }
}

/// Sends a request that names its host over a socket, to loopback only.
pub(super) async fn exchange(url: &Url, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let addresses = addresses(url).ok_or("it is not on loopback, in plain http")?;
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|error| text(&error))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| text(&error))?;
    TokioSpawn::new().spawn(Box::pin(async { drop(connection.await) }));
    let answer = sender.send_request(request.map(Full::new)).await.map_err(|error| text(&error))?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, LONGEST).collect().await.map_err(|error| text(&error))?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// Where `url` is on this machine. No name server is asked: it could say another machine.
fn addresses(url: &Url) -> Option<Vec<SocketAddr>> {
    let port = url.port_or_known_default().filter(|_| url.scheme() == "http")?;
    let hosts: Vec<IpAddr> = match url.host()? {
        host if !is_loopback(&host) => return None,
        Host::Domain(_) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Host::Ipv4(address) => vec![address.into()],
        Host::Ipv6(address) => vec![address.into()],
    };
    Some(hosts.into_iter().map(|host| SocketAddr::new(host, port)).collect())
}

/// Whether it is this machine, under whatever name.
pub(super) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
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
        let here = |url: &str| addresses(&Url::parse(url).unwrap());
        assert_eq!(here("http://127.0.0.1:3000/").unwrap(), ["127.0.0.1:3000".parse().unwrap()]);
        assert!(here("http://[::1]/").is_some());
        let named = here("http://notes.localhost:1/").unwrap();
        assert!(named.len() == 2 && named.iter().all(|address| address.ip().is_loopback()));
        for elsewhere in
            ["http://localhost.example/", "https://127.0.0.1/", "http://10.0.0.1/", "file:///etc/hosts"]
        {
            assert_eq!(here(elsewhere), None, "{elsewhere}");
        }
    }
}
