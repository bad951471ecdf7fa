//! The one HTTP client of the Gambeson crates: core's [`HttpTransport`](gambeson_core::HttpTransport) over hyper and rustls.
//!
//! It is for the small exchanges that an app's security needs (keys of an identity provider, secrets, policies), and
//! it assumes that the address may come from somebody who means harm.
//!
//! ```no_run
//! use bytes::Bytes;
//! use gambeson_client::Client;
//! use gambeson_core::{HttpTransport, TransportLimits};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().proxy_from_env().build()?;
//! let request = http::Request::get("https://id.example/.well-known/openid-configuration").body(Bytes::new())?;
//! let answer = client.send(request, TransportLimits::default()).await?;
//! assert!(answer.status().is_success());
//! # Ok(())
//! # }
//! ```
//!
//! # What it stops
//!
//! - **An endless answer.** The body is counted while it arrives and the exchange ends at
//!   [`TransportLimits::max_body`](gambeson_core::TransportLimits::max_body); a larger `Content-Length` is refused before
//!   the first byte of it is read. Nothing is decompressed, so a small answer stays small.
//! - **An endless wait.** One deadline covers name lookup, connection, TLS, the answer's head and its body.
//! - **A destination inside your network.** Each time a connection is opened, every address of the name is looked
//!   at, and only those that [are not of special use](special_use) are connected to: there is no second lookup in
//!   which the name could change (DNS rebinding). A request that may not go to such an address never travels on a
//!   connection that was opened for one that may.
//! - **A detour.** Redirects are answers like others; they are never followed.
//!
//! It does **not** check revocation of certificates, keep cookies, cache, or try again after an answer.
//!
//! # Through a proxy
//!
//! With [`ClientBuilder::proxy_from_env`], `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (or lower case, which wins) are
//! honoured: `https` through a `CONNECT` tunnel, `http` with the absolute form; user and password of the proxy's address
//! become `Proxy-Authorization`. The proxy's own address may be private, because a person configured it. A name is then
//! looked up by the proxy, where this client cannot see the address: **through a proxy the address rule holds for
//! literal addresses (in any spelling) and for the name `localhost` only**, and the proxy must have rules of its own.
//!
//! # Trust
//!
//! Certificates are checked against the platform's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured) and those
//! given to [`ClientBuilder::extra_root_certificates_pem`]. The cryptography is aws-lc-rs, chosen explicitly: another
//! crate that installs a process default changes nothing here. A certificate of its own is shown only where
//! [`ClientBuilder::client_certificate_pem`] gave one.
#![forbid(unsafe_code)]

mod address;
mod builder;
mod client;
mod connect;
mod deadline;
mod io;
mod proxy;
mod race;
mod service;
mod tls;
mod tunnel;

pub use address::special_use;
pub use builder::ClientBuilder;
pub use client::Client;
pub use service::ClientService;
