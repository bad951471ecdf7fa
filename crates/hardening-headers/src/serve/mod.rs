//! A server that slow, silent and greedy clients can't hold up, and that ends without dropping answers.
//!
//! # What it stops
//!
//! Clients that send their headers slowly or not at all, and clients that don't take their answers, be it from the socket or by windows of
//! HTTP/2 that stay shut; connections that are held open without requests, more connections than there is memory for, and one address
//! that takes them all; oversized heads, floods of HTTP/2 resets, and answers cut off by a restart. Garbage in place of HTTP ends its
//! connection, and so does a panic, even one in a destructor while another unwinds.
//!
//! It does **not** stop slow bodies ([`limits`](crate::limits)) or many requests ([`edge_limit`](crate::edge_limit)). TLS is the feature
//! `tls`; without it TLS is ended in front.
//!
//! # Place in the stack
//!
//! Outside of everything; only it sees connections. It puts a [`Connection`](crate::Connection) into each request's
//! extensions, which [`PeerLayer`](crate::PeerLayer) reads.
//!
//! # Example
//!
//! A server whose clients have 2 s for their headers answers one request and then drains; a head of the wrong protocol is
//! refused:
//!
//! ```
//! use gambeson_hardening_headers::serve::{Server, serve};
//! use std::time::Duration;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::{TcpListener, TcpStream};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let app = axum::Router::new().route("/", axum::routing::get(async || "hello"));
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let server = Server::new().header_timeout(Duration::from_secs(2)).shutdown(async { stopped.await.unwrap_or(()) });
//!
//! let client = async move {
//!     let ask = async |request: &'static str| {
//!         let mut stream = TcpStream::connect(address).await?;
//!         stream.write_all(request.as_bytes()).await?;
//!         let mut answer = String::new();
//!         stream.read_to_string(&mut answer).await?;
//!         std::io::Result::Ok(answer)
//!     };
//!     assert!(ask("GET / HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n").await?.starts_with("HTTP/1.1 200"));
//!     assert!(ask("SSH-2.0-client, which is no HTTP at all\r\n\r\n").await?.starts_with("HTTP/1.1 400"));
//!     drop(stop);
//!     std::io::Result::Ok(())
//! };
//! let (report, client) = tokio::join!(serve(listener, app, server), client);
//! client?;
//! assert_eq!(report.unwrap().aborted, 0);
//! # Ok(()) }
//! ```
//!
//! # Customised
//!
//! ```
//! use gambeson_core::Readiness;
//! use gambeson_hardening_headers::serve::Server;
//! use std::time::Duration;
//!
//! let readiness = Readiness::new(); // what /readyz answers from
//! let server = Server::new()
//!     .connections(512) // of which one client gets 64
//!     .linger(Duration::from_secs(5)) // a load balancer that asks /readyz every few seconds
//!     .drain(Duration::from_secs(20))
//!     .readiness(readiness);
//! let draining = server.draining(); // for WebSockets: `draining.begun().await`, then say good-bye
//! # let _ = (server, draining);
//! ```
//!
//! Beside a listener with TLS, one for plain http leads people who type the name to https. Only them: a program that sends a token in the clear has
//! to notice (OWASP ASVS 5 4.1.2). The origin is the app's own, never the host that the request names:
//!
//! ```
//! use axum::body::Body;
//! use axum::extract::Request;
//! use axum::http::{Method, StatusCode, header};
//! use axum::response::{IntoResponse, Redirect, Response};
//!
//! async fn to_https(request: Request) -> Response {
//!     let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
//!     let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
//!     let is_page = *request.method() == Method::GET && accepted.contains("text/html");
//!     match is_page && path.starts_with('/') {
//!         true => Redirect::permanent(&format!("https://app.example.com{path}")).into_response(),
//!         false => StatusCode::FORBIDDEN.into_response(),
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! # use tower::ServiceExt;
//! let plain: axum::Router = axum::Router::new().fallback(to_https);
//! // tokio::join!(serve(https, app, server), serve(http, plain, Server::new().shutdown(told_to_end)))
//! let page = Request::get("/notes?page=2").header("accept", "text/html,*/*;q=0.8").body(Body::empty()).unwrap();
//! let answer = plain.clone().oneshot(page).await.unwrap();
//! assert_eq!(answer.headers()["location"], "https://app.example.com/notes?page=2");
//! let program = Request::get("/api/notes").header("authorization", "Bearer …").body(Body::empty()).unwrap();
//! assert_eq!(plain.oneshot(program).await.unwrap().status(), StatusCode::FORBIDDEN);
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | header timeout | 10 s, for the first request from the connection on, for others from their first byte | a person's network is faster, a slow-header client is not |
//! | idle timeout | 75 s without a request, and without more of a body that is read past its answer; HTTP/2 is told by GOAWAY before | proxies keep connections for 60 s, and should be the ones to close them: a request that meets a closing connection is a 502 |
//! | rest of a body | 5 s after the answer, 30 s and 16 MiB at most, for what the app lets go of before it is there; it is read and thrown away | who closes on a client that still sends takes the answer away from it |
//! | write timeout | 60 s in which an answer waits for its reader, a second more for each 512 bytes that are taken | what waits is memory; nothing is held against an app that has nothing to send |
//! | connections | 4,096; more wait in the system's queue and are taken when one ends | files and memory are bounded |
//! | connections per client | an eighth of `connections`, at most 512, from one IPv4 address or IPv6 /64; more are closed at once | loopback and private addresses are not counted, since proxies are there; behind proxies with public addresses switch it off (`ClientCap::Off`) |
//! | request head | 32 KiB | |
//! | HTTP/2 | 100 requests at once, 64 KiB kept of each answer, ping after 20 s of silence, 20 resets waiting, 128 of our own | CVE-2023-44487, CVE-2025-8671 |
//! | linger | 500 ms after shutdown, with readiness flipped | whoever sends connections has to notice; a platform that asks every 5 s wants so much here |
//! | drain | 5 s after that | what a platform gives at least |
//! | TLS | 10 s for a handshake, 1.2 and 1.3, HTTP/2 and 1.1 | as many handshakes at once as connections: silent ones hold up nobody |
//! | `TCP_NODELAY` | on | |
//!
//! How much of an answer its reader has taken is seen at the socket, and there a system hands over in lumps: a reader of a few KB a second
//! may look like none for as long as it takes to empty a third of the system's buffer.
//!
//! # Rejections
//!
//! hyper answers 400 to what is no HTTP and 431 to a head that is too large, without a body and before any layer runs;
//! slow and idle connections are closed without an answer, and HTTP/2 streams that nobody reads are reset (`CANCEL`),
//! as are those whose client goes on sending after its answer for longer than is read (`NO_ERROR`). A client without the
//! certificate that is asked for gets a TLS alert. A head with more than 100 fields is 431 too; over HTTP/2 the
//! head's size bounds their number.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `connection ended with an error` (remote, error) | debug | garbage, timeouts, resets |
//! | `connection closed: no request in time` (remote) | debug | idle |
//! | `stream reset: the client takes its answer too slowly` | debug | HTTP/2; of HTTP/1 it is an error of the connection |
//! | `no TLS handshake` (remote, error) | debug | failed, or not done in time |
//! | `TLS certificates replaced`, `… not replaced` (not_after, error) | info, error | a file has changed |
//! | `the TLS certificate ends soon …` (not_after) | warn | 14 days before, or in the last third of a shorter life; once a day |
//! | `the TLS certificate has ended …` (not_after) | error | once a day |
//! | `private key …: every user of this machine can read or change it …` | warn | at the start, and when it has become so |
//! | `a certificate beside the server's own …` (error) | warn | one of the chain has ended, say; the server's own must hold |
//! | `a client has all the connections …` (remote, most) | warn | once; `DrainReport` counts them |
//! | `a panic of the app ended its connection …` | error | a panic that no layer caught (HTTP/1; of HTTP/2 it ends one request) |
//! | `all connections are taken …` (connections) | warn | once |
//! | `no connection could be accepted; trying again` (error) | warn | the system has no files left; it rests for 200 ms |
//! | `server ended` (drained, aborted, upgraded, refused) | info | after the drain |
//!
//! # Cancel safety
//!
//! Dropping the future of [`serve()`] drops all its connections at once. A shutdown future drains them: readiness flips, connections are
//! taken for the linger and answered with `connection: close`, those that wait in the system's queue too; then the listener goes, what is
//! idle is closed, and what is in flight has until the deadline.
//!
//! A connection that was upgraded (WebSocket) belongs to the app, and still counts: the cap holds it, no idle timeout ends it, the drain waits
//! for it and cuts it off at the deadline, when reading and writing it fail. [`Server::draining`] tells the app before. `CONNECT` over
//! HTTP/2 is not counted so; its connection ends when it is idle.
//!
//! Connections are tasks of a set that this future owns, on tokio, and not of core's `Spawn`: what is spawned there could not be taken back.
//!
//! # Errors
//!
//! [`serve()`] refuses a configuration out of range, with all its problems; nothing a client or the network does ends it. Certificates and
//! keys are refused when they are read, with the file and the cure.
//!
//! # Standards
//!
//! RFC 9112 §9.5 (timeouts), §9.6 (tear-down), RFC 9110 §10.1.1 (`Expect`), RFC 9113 §5.1.2, §6.8 (GOAWAY), §8.1 (early answers), §10.5 (denial of service), RFC 6585 §5 (431);
//! RFC 8446 (TLS 1.3), RFC 9325 (use of TLS), RFC 7301 (ALPN), RFC 5280 §6 (certificates of clients); CWE-400, CWE-770.

mod accept;
mod activity;
mod app;
mod body;
mod clients;
mod config;
mod contain;
mod draining;
mod drive;
mod incoming;
mod line;
mod patience;
mod rests;
mod run;
mod service;
mod settings;
mod stall;
mod streams;
mod telemetry;
#[cfg(test)]
mod tests;
mod timer;
#[cfg(feature = "tls")]
mod tls;
mod wire;

use gambeson_core::{BoxError, ConfigError};
use http::{Request, Response};
use http_body::Body;
use tokio::net::TcpListener;
use tower_service::Service;

pub use clients::ClientCap;
pub use config::Server;
pub use draining::Draining;
pub use incoming::IncomingBody;
pub use settings::ServeConfig;
#[cfg(feature = "tls")]
pub use tls::{ClientCertificates, Tls, TlsConfig, TlsError, TlsErrorKind, TlsSource};

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DrainReport {
    /// Connections that were open at shutdown and ended by themselves in time.
    pub drained: usize,
    /// Connections that were cut off at the deadline.
    pub aborted: usize,
    /// How many of those had been upgraded (WebSocket), so that the app had them.
    pub upgraded: usize,
    /// Connections that were closed at once, since their client had as many as it may have.
    pub refused: usize,
}

/// Serves `service` (an axum `Router`, say) to the connections of `listener` until the server's shutdown future ends,
/// then drains; see the [module](self).
///
/// # Errors
/// All that is wrong with the configuration, before anything is accepted.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    server: Server,
) -> Result<DrainReport, ConfigError>
where
    S: Service<Request<IncomingBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    run::run(listener, service, server).await
}
