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
use tokio::net::TcpStream;
use tower_service::Service;

use crate::address::special_use;
use crate::deadline::within;
use crate::io::{ByteStream, Wire};
use crate::proxy::{Proxies, Proxy};
use crate::tls::Tls;
use crate::tunnel;

/// What all connections have in common.
pub(crate) struct Dialer {
    pub(crate) tls: Tls,
    pub(crate) proxies: Proxies,
    /// Names that are not looked up.
    pub(crate) names: HashMap<String, Vec<IpAddr>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: Arc<dyn Timer>,
    /// How long one address may take before the next one is tried.
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
        Box::pin(async move { this.dialer.open(&destination, this.special_use).await })
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
        if !special && names_special_address(host) {
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

    /// Connects to the first address of `host` that answers, in the resolver's order. The addresses that are checked
    /// are the addresses that are connected to.
    async fn dial(
        &self,
        host: &str,
        port: u16,
        special: bool,
    ) -> Result<Box<dyn ByteStream>, TransportError> {
        let mut failure =
            TransportError::new(TransportErrorKind::Connect).with_source(format!("{host} has no address"));
        for address in self.resolve(host, port).await? {
            if !special && special_use(address.ip()) {
                failure = TransportError::new(TransportErrorKind::AddressRefused)
                    .with_source(format!("{host} is {}", address.ip()));
                continue;
            }
            let attempt = TcpStream::connect(address);
            match within(&*self.clock, &*self.timer, self.per_address, attempt).await {
                Some(Ok(stream)) => {
                    // Small requests go out at once; a socket that refuses the option still works.
                    let _ = stream.set_nodelay(true);
                    return Ok(Box::new(stream));
                }
                Some(Err(error)) => {
                    failure = TransportError::new(TransportErrorKind::Connect).with_source(error);
                }
                None => {
                    failure = TransportError::new(TransportErrorKind::Connect)
                        .with_source(format!("{address} did not answer in time"));
                }
            }
        }
        Err(failure)
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
    name == "localhost" || name.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(special_use)
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
