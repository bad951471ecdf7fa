//! A server that slow, silent and greedy clients can't hold up, and that ends without dropping answers.
//!
//! # What it stops
//!
//! Clients that send their headers slowly or not at all, connections that are held open without requests, more connections
//! than there is memory for, oversized heads, floods of HTTP/2 resets, and answers cut off by a restart. Garbage in place
//! of HTTP ends its connection.
//!
//! It does **not** stop slow bodies ([`limits`](crate::limits)), many requests ([`edge_limit`](crate::edge_limit)), slow
//! readers of answers, or one address that takes all connections. It speaks plain TCP: TLS is ended in front of it.
//! The seam for TLS of its own is there (a source of connections, each with its
//! [`Connection`](crate::Connection)), the TLS is not yet.
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
//! let server = Server::new().connections(512).drain(Duration::from_secs(20)).readiness(readiness);
//! # let _ = server;
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | header timeout | 10 s, also between two HTTP/1 requests | a person's network is faster, a slow-header client is not; behind a proxy that reuses connections, set it above the proxy's own keep-alive time |
//! | idle timeout | 60 s without a request (HTTP/2, which is told by GOAWAY before) | |
//! | connections | 4,096; more wait in the system's queue and are taken when one ends | files and memory are bounded |
//! | request head | 32 KiB | |
//! | HTTP/2 | 100 requests at once, ping after 20 s of silence, 20 resets waiting, 128 of our own | CVE-2023-44487, CVE-2025-8671 |
//! | drain | 5 s | what a platform gives at least |
//! | `TCP_NODELAY` | on | |
//!
//! # Rejections
//!
//! hyper answers 400 to what is no HTTP and 431 to a head that is too large, without a body and before any layer runs;
//! slow and idle connections are closed without an answer. A head with more than 100 fields is 431 too; over HTTP/2 the
//! head's size bounds their number.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `connection ended with an error` (remote, error) | debug | garbage, timeouts, resets |
//! | `connection closed: no request in time` (remote) | debug | idle |
//! | `a panic of the app ended its connection …` | error | a panic that no layer caught (HTTP/1; of HTTP/2 it ends one request) |
//! | `all connections are taken …` (connections) | warn | once |
//! | `no connection could be accepted; trying again` (error) | warn | the system has no files left; it rests for 200 ms |
//! | `server ended` (drained, aborted) | info | after the drain |
//!
//! # Cancel safety
//!
//! Dropping the future of [`serve()`] drops all its connections at once; a shutdown future drains them. Connections that were
//! upgraded (WebSocket) belong to the app: they are neither counted nor drained. Connections are tasks of a set that this
//! future owns, on tokio, and not of core's `Spawn`: what is spawned there could not be taken back.
//!
//! # Errors
//!
//! [`serve()`] refuses a configuration out of range, with all its problems; nothing a client or the network does ends it.
//!
//! # Standards
//!
//! RFC 9112 §9.5 (timeouts), §9.6 (tear-down), RFC 9113 §5.1.2, §6.8 (GOAWAY), §10.5 (denial of service), RFC 6585 §5 (431);
//! CWE-400.

mod accept;
mod activity;
mod config;
mod drive;
mod run;
mod service;
mod telemetry;
#[cfg(test)]
mod tests;
mod timer;

use gambeson_core::{BoxError, ConfigError};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tower_service::Service;

pub use config::Server;

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DrainReport {
    /// Connections that were open at shutdown and ended by themselves in time.
    pub drained: usize,
    /// Connections that were cut off at the deadline.
    pub aborted: usize,
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
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    run::run(listener, service, server).await
}
