//! How a [`Client`] is put together.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, ConfigError, ConfigProblems, SecretBytes, Spawn, SystemClock, Timer, TokioSpawn};
use ipnet::IpNet;

use crate::Client;
use crate::connect::Dialer;
use crate::proxy::Proxies;
use crate::tls::{Tls, identity, roots};

/// Settings of a [`Client`]; each problem is told by [`ClientBuilder::build`], all at once.
///
/// | setting | default | why |
/// |---|---|---|
/// | platform roots | on | what the machine trusts |
/// | extra roots | none | |
/// | certificate of its own | none | few servers ask for one |
/// | addresses of special use | refused, unless the request allows them | a stranger's URL must not lead inside |
/// | proxy | none | an environment is asked only when told to |
/// | time for one address | 2 s; the next one is tried beside it after 250 ms | dead addresses must not use up the deadline (RFC 8305) |
/// | idle connections | 4 a host, 60 s | most destinations are asked every few minutes |
#[must_use]
pub struct ClientBuilder {
    platform_roots: bool,
    extra_roots: Vec<Vec<u8>>,
    own: Option<(Vec<u8>, SecretBytes)>,
    proxies: Proxies,
    problems: ConfigProblems,
    names: HashMap<String, Vec<IpAddr>>,
    private: Vec<IpNet>,
    per_address: Duration,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    spawn: Arc<dyn Spawn>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            platform_roots: true,
            extra_roots: Vec::new(),
            own: None,
            proxies: Proxies::default(),
            problems: ConfigProblems::new(),
            names: HashMap::new(),
            private: Vec::new(),
            per_address: Duration::from_secs(2),
            clock: Arc::new(SystemClock::new()),
            timer: Arc::new(SystemClock::new()),
            spawn: Arc::new(TokioSpawn::new()),
        }
    }
}

impl ClientBuilder {
    /// Also trusts these certificates: one or more `CERTIFICATE` blocks in PEM (RFC 7468). May be called again.
    pub fn extra_root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_roots.push(pem.into());
        self
    }

    /// Whether the platform's root certificates are trusted; default true. Without them, and without extra ones, no
    /// `https` destination can be reached.
    pub fn platform_roots(self, trust: bool) -> Self {
        Self { platform_roots: trust, ..self }
    }

    /// Shows this certificate to destinations that ask for one (RFC 8446 §4.3.2), as `tls_client_auth` does (RFC 8705 §2); never
    /// to a proxy. `certificates` are `CERTIFICATE` blocks in PEM, its own first and then those between it and a root; `key`
    /// is its private key, one block of PKCS#8, SEC1 or PKCS#1. Give it to a client that asks nobody but who should know it.
    /// Default: none.
    pub fn client_certificate_pem(mut self, certificates: impl Into<Vec<u8>>, key: SecretBytes) -> Self {
        self.own = Some((certificates.into(), key));
        self
    }

    /// Leaves through the proxies that the process's environment names: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.
    pub fn proxy_from_env(self) -> Self {
        self.proxy_from_lookup(|name| std::env::var(name).ok())
    }

    /// As [`ClientBuilder::proxy_from_env`], with another way to look the variables up.
    pub fn proxy_from_lookup(mut self, lookup: impl Fn(&str) -> Option<String>) -> Self {
        self.proxies = Proxies::from_lookup(lookup, &mut self.problems);
        self
    }

    /// Connects to these addresses for this name instead of looking it up. The address rule applies to them too.
    pub fn resolve(mut self, name: impl AsRef<str>, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.names.insert(name.as_ref().to_ascii_lowercase(), addresses.into_iter().collect());
        self
    }

    /// Connects to the addresses of these networks (`10.20.0.0/16`, or one address) although they are of special use, also where
    /// a request does not allow such. Name the networks in which your own destinations are, and no wider: whoever can make the
    /// app fetch a URL reaches all of them. May be called again. Default: none.
    pub fn allow_private<T: AsRef<str>>(mut self, networks: impl IntoIterator<Item = T>) -> Self {
        for network in networks {
            match read_network(network.as_ref()) {
                Ok(network) => self.private.push(network),
                Err(cure) => self.problems.add("client.allow_private", network.as_ref(), cure),
            }
        }
        self
    }

    /// How long one address may take to accept a connection. Default 2 s. The next one is tried beside it after 250 ms (RFC 8305 §5).
    pub fn time_per_address(self, limit: Duration) -> Self {
        Self { per_address: limit, ..self }
    }

    /// Another clock and timer for the deadlines: a manual one in tests.
    pub fn time<T: Clock + Timer + Clone + 'static>(self, time: T) -> Self {
        Self { clock: Arc::new(time.clone()), timer: Arc::new(time), ..self }
    }

    /// Another way to run the tasks that drive connections.
    pub fn spawn(self, spawn: Arc<dyn Spawn>) -> Self {
        Self { spawn, ..self }
    }

    /// The client.
    ///
    /// # Errors
    /// A certificate or key that can't be read or don't belong together, no root certificate of a platform that is to be trusted and no
    /// extra one, or an unusable proxy variable.
    pub fn build(mut self) -> Result<Client, ConfigError> {
        let roots = roots(self.platform_roots, &self.extra_roots, &mut self.problems);
        let own = self.own.take().and_then(|(pem, key)| identity(&pem, &key, &mut self.problems));
        self.problems.check()?;
        let tls = Tls::new(roots, own)?;
        let dialer = Dialer {
            tls,
            proxies: self.proxies,
            names: self.names,
            private: self.private,
            clock: self.clock,
            timer: self.timer,
            per_address: self.per_address,
        };
        Ok(Client::new(Arc::new(dialer), &self.spawn))
    }
}

/// One network, not so wide that it is no longer one's own.
fn read_network(text: &str) -> Result<IpNet, &'static str> {
    let network: Option<IpNet> = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    match network.ok_or("write a network such as 10.20.0.0/16, or one address")? {
        IpNet::V4(v4) if v4.prefix_len() < 8 => Err("name a network of your own: /8 is the widest"),
        IpNet::V6(v6) if v6.prefix_len() < 7 => Err("name a network of your own: /7 is the widest"),
        network => Ok(network.trunc()),
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("platform_roots", &self.platform_roots)
            .field("extra_roots", &self.extra_roots.len())
            .field("client_certificate", &self.own.is_some())
            .field("proxies", &self.proxies)
            .field("private", &self.private)
            .field("per_address", &self.per_address)
            .finish_non_exhaustive()
    }
}
