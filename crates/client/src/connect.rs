//! How a connection is opened: proxy or not, which addresses, TLS or not.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use gambeson_core::{Clock, Timer, TransportError, TransportErrorKind};
use http::Uri;
use http::uri::Scheme;
use ipnet::IpNet;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::address::special_use;
use crate::deadline::within;
use crate::io::{ByteStream, Wire};
use crate::proxy::{Proxies, Proxy};
use crate::race::first_of;
use crate::tls::Tls;
use crate::tunnel;

/// How long opening a connection may take, also one that nobody waits for any more because another became free.
const OPENING: Duration = Duration::from_secs(30);

/// What all connections have in common.
pub(crate) struct Dialer {
    pub(crate) tls: Tls,
    pub(crate) proxies: Proxies,
    /// Names that are not looked up.
    pub(crate) names: HashMap<String, Vec<IpAddr>>,
    /// Networks that may be connected to although they are of special use.
    pub(crate) private: Vec<IpNet>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: Arc<dyn Timer>,
    /// How long one address may take.
    pub(crate) per_address: Duration,
}

/// Opens connections for one pool; whether special addresses are allowed is the pool's, never the request's.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) special_use: bool,
}

type Opening = Pin<Box<dyn Future<Output = Result<Wire, TransportError>> + Send>>;

impl Service<Uri> for Connector {
    type Response = Wire;
    type Error = TransportError;
    type Future = Opening;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: Uri) -> Opening {
        let this = self.clone();
        Box::pin(async move {
            let dialer = &this.dialer;
            let opening = dialer.open(&destination, this.special_use);
            within(&*dialer.clock, &*dialer.timer, OPENING, opening)
                .await
                .unwrap_or_else(|| Err(TransportError::new(TransportErrorKind::Timeout)))
        })
    }
}

impl Dialer {
    async fn open(&self, destination: &Uri, special: bool) -> Result<Wire, TransportError> {
        let host = bare_host(destination)?;
        let port = port(destination);
        let secure = destination.scheme() == Some(&Scheme::HTTPS);
        let Some(proxy) = self.proxies.for_destination(destination) else {
            let stream = self.dial(host, port, special).await?;
            return self.finish(host, stream, secure).await;
        };
        if !special && names_special_address(host) && !host.parse().is_ok_and(|ip| self.is_own(ip)) {
            return Err(TransportError::new(TransportErrorKind::AddressRefused));
        }
        let mut stream = self.dial_proxy(&proxy).await?;
        if !secure {
            return Ok(Wire::new(stream).absolute_form());
        }
        let authority = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        tunnel::open(&mut *stream, &authority, proxy.authorization.as_ref()).await?;
        self.finish(host, stream, secure).await
    }

    async fn finish(
        &self,
        host: &str,
        stream: Box<dyn ByteStream>,
        secure: bool,
    ) -> Result<Wire, TransportError> {
        if !secure {
            return Ok(Wire::new(stream));
        }
        let (stream, h2) = self.tls.to_destination(host, stream).await?;
        Ok(Wire::new(stream).h2(h2))
    }

    async fn dial_proxy(&self, proxy: &Proxy) -> Result<Box<dyn ByteStream>, TransportError> {
        let host = bare_host(&proxy.uri)?;
        let stream = self.dial(host, port(&proxy.uri), true).await?;
        match proxy.uri.scheme() == Some(&Scheme::HTTPS) {
            true => self.tls.to_proxy(host, stream).await,
            false => Ok(stream),
        }
    }

    /// Connects to the first address of `host` that answers, begun in the resolver's order. The addresses that are checked
    /// are the addresses that are connected to.
    async fn dial(
        &self,
        host: &str,
        port: u16,
        special: bool,
    ) -> Result<Box<dyn ByteStream>, TransportError> {
        let mut refused = None;
        let mut addresses = self.resolve(host, port).await?;
        addresses.retain(|address| {
            let allowed = special || !special_use(address.ip()) || self.is_own(address.ip());
            if !allowed {
                refused = Some(address.ip());
            }
            allowed
        });
        let attempts = addresses.into_iter().map(|address| self.attempt(address));
        let first = first_of(&*self.clock, &*self.timer, attempts).await;
        first.unwrap_or_else(|| {
            Err(match refused {
                Some(ip) => TransportError::new(TransportErrorKind::AddressRefused)
                    .with_source(format!("{host} is {ip}")),
                None => TransportError::new(TransportErrorKind::Connect)
                    .with_source(format!("{host} has no address")),
            })
        })
    }

    async fn attempt(&self, address: SocketAddr) -> Result<Box<dyn ByteStream>, TransportError> {
        let failed = TransportError::new(TransportErrorKind::Connect);
        match within(&*self.clock, &*self.timer, self.per_address, TcpStream::connect(address)).await {
            Some(Ok(stream)) => {
                // Small requests go out at once; a socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Some(Err(error)) => Err(failed.with_source(error)),
            None => Err(failed.with_source(format!("{address} did not answer in time"))),
        }
    }

    /// An IPv4 address within an IPv6 one is the address that it carries.
    fn is_own(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.private.iter().any(|network| network.contains(&address))
    }

    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, TransportError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        if let Some(addresses) = self.names.get(&host.to_ascii_lowercase()) {
            return Ok(addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect());
        }
        match tokio::net::lookup_host((host, port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(TransportError::new(TransportErrorKind::Connect).with_source(error)),
        }
    }
}

/// Whether the name itself says that it is a special place: all that can be known when a proxy looks names up.
fn names_special_address(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let local = name == "localhost" || name.ends_with(".localhost");
    match name.parse::<IpAddr>() {
        Ok(address) => special_use(address),
        Err(_) => local || name.contains([':', '%']) || ends_in_number(&name),
    }
}

/// Whether a resolver may take the name for an IPv4 address in another spelling: `127.1`, `0x7f000001`, `0177.0.0.1`.
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
        || last.strip_prefix("0x").is_some_and(hex)
}

fn bare_host(uri: &Uri) -> Result<&str, TransportError> {
    uri.host()
        .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
        .filter(|host| !host.is_empty())
        .ok_or_else(|| TransportError::new(TransportErrorKind::Request))
}

fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    uri.port_u16().unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_addresses_in_disguise_are_special() {
        for name in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0x7f.0.0.0x1",
            "::1",
            "fe80::1%25eth0",
            "10.0.0.1",
            "1.1",
        ] {
            assert!(names_special_address(name), "{name}");
        }
        for name in ["id.example", "1.1.1.1", "0xide.example", "a1.example", "2606:4700::1111", "1e100.net"] {
            assert!(!names_special_address(name), "{name}");
        }
    }
}
