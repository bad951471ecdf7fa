//! The server as a configuration file says it.

use std::path::Path;
use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems};

use super::clients::ClientCap;
use super::config::Server;

/// What the server allows its connections: the table `[hardening-headers.serve]`. The defaults are those of [`Server`], where each
/// setting is described.
///
/// ```toml
/// [serve]
/// connections = 4096
/// idle-timeout = "75s"
/// linger = "5s"
///
/// [serve.tls]
/// certificate = "/etc/app/tls/chain.pem"
/// key = "/etc/app/tls/key.pem"
/// client-authorities = "/etc/app/tls/clients.pem"
/// client-certificates = "optional"
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct ServeConfig {
    /// [`Server::header_timeout`]. Default: 10 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub header_timeout: Duration,
    /// [`Server::idle_timeout`]. Default: 75 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub idle_timeout: Duration,
    /// [`Server::write_timeout`]. Default: 60 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub write_timeout: Duration,
    /// [`Server::write_rate`]. Default: 512 B.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::bytes_u32"))]
    pub write_rate: u32,
    /// [`Server::send_buffer`]. Default: 64 KiB.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::bytes"))]
    pub send_buffer: usize,
    /// [`Server::connections`]. Default: 4,096.
    pub connections: usize,
    /// [`Server::connections_per_client`]: a number, or `"off"`. Default: an eighth of `connections`, at most 512.
    pub connections_per_client: ClientCap,
    /// [`Server::header_bytes`]. Default: 32 KiB.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::bytes_u32"))]
    pub header_bytes: u32,
    /// [`Server::streams`]. Default: 100.
    pub streams: u32,
    /// [`Server::ping_interval`]. Default: 20 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub ping_interval: Duration,
    /// [`Server::linger`]. Default: 500 ms.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub linger: Duration,
    /// [`Server::drain`]. Default: 5 s.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub drain: Duration,
    /// [`Server::handshake_timeout`]. Default: 10 s.
    #[cfg(feature = "tls")]
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub handshake_timeout: Duration,
    /// [`Server::tls_refresh`]. Default: every minute.
    #[cfg(feature = "tls")]
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub tls_refresh: Duration,
    /// TLS that ends in the server. Default: none.
    #[cfg(feature = "tls")]
    pub tls: Option<super::tls::TlsConfig>,
}

impl Default for ServeConfig {
    fn default() -> Self {
        let server = Server::default();
        Self {
            header_timeout: server.header_timeout,
            idle_timeout: server.idle_timeout,
            write_timeout: server.write_timeout,
            write_rate: server.write_rate,
            send_buffer: server.send_buffer,
            connections: server.connections,
            connections_per_client: server.connections_per_client,
            header_bytes: server.header_bytes,
            streams: server.streams,
            ping_interval: server.ping_interval,
            linger: server.linger,
            drain: server.drain,
            #[cfg(feature = "tls")]
            handshake_timeout: server.handshake_timeout,
            #[cfg(feature = "tls")]
            tls_refresh: server.tls_refresh,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl ServeConfig {
    /// Takes the paths of certificates and keys relative to this folder instead of the working directory.
    #[must_use]
    pub fn in_folder(self, folder: impl AsRef<Path>) -> Self {
        #[cfg(feature = "tls")]
        return Self { tls: self.tls.map(|tls| tls.in_folder(folder)), ..self };
        #[cfg(not(feature = "tls"))]
        {
            let _ = folder;
            self
        }
    }

    /// The server, without an end yet: [`Server::shutdown`].
    ///
    /// # Errors
    /// All that is out of range, and certificates or keys that can't be used.
    pub fn server(&self) -> Result<Server, ConfigError> {
        let server = Server {
            header_timeout: self.header_timeout,
            idle_timeout: self.idle_timeout,
            write_timeout: self.write_timeout,
            write_rate: self.write_rate,
            send_buffer: self.send_buffer,
            connections: self.connections,
            connections_per_client: self.connections_per_client,
            header_bytes: self.header_bytes,
            streams: self.streams,
            ping_interval: self.ping_interval,
            linger: self.linger,
            drain: self.drain,
            #[cfg(feature = "tls")]
            handshake_timeout: self.handshake_timeout,
            #[cfg(feature = "tls")]
            tls_refresh: self.tls_refresh,
            ..Server::default()
        };
        let mut problems = ConfigProblems::new();
        server.check().unwrap_or_else(|error| problems.extend(error));
        #[cfg(feature = "tls")]
        let server = match self.tls.as_ref().map(super::tls::TlsConfig::load_or_all) {
            None => server,
            Some(Ok(tls)) => server.tls(tls),
            Some(Err(faults)) => {
                faults.into_iter().for_each(|fault| tell(fault, &mut problems));
                server
            }
        };
        problems.into_result(server)
    }
}

#[cfg(feature = "tls")]
fn tell((key, error): super::tls::Fault, problems: &mut ConfigProblems) {
    let table = "hardening-headers.serve.tls";
    let field = key.map_or_else(|| table.to_owned(), |key| format!("{table}.{key}"));
    problems.add(field, "", error.to_string());
}
