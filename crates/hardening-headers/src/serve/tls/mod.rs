//! TLS that ends here: the server's certificate, the certificates of clients, and how both are replaced.
//!
//! TLS 1.3 and 1.2 with the suites that rustls takes for safe, HTTP/2 and HTTP/1.1 by ALPN, no early data (RFC 8446 §8: it can be
//! replayed). Sessions are resumed, except where clients are asked for certificates: there each handshake verifies anew, so that one
//! that has ended or whose authority was replaced opens nothing more.
//!
//! ```no_run
//! use gambeson_hardening_headers::serve::{ClientCertificates, Server, Tls};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tls = Tls::new("tls/chain.pem", "tls/key.pem")?
//!     .client_authorities("tls/clients.pem", ClientCertificates::Optional)?;
//! let server = Server::new().tls(tls.clone());
//! tls.reload()?; // when the files have changed; `serve` looks every minute by itself
//! # let _ = server; Ok(()) }
//! ```

mod config;
mod error;
mod faults;
mod handshake;
mod material;
mod refresh;
mod settings;
mod source;
mod term;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use gambeson_core::{Clock, SystemClock, Timestamp};
use rustls::ServerConfig;
use sha2::{Digest, Sha256};

pub use error::{TlsError, TlsErrorKind};
pub(super) use faults::Fault;
pub(super) use handshake::Handshakes;
pub(super) use refresh::refresh;
pub use settings::TlsConfig;
pub use source::TlsSource;

use material::{CHAIN, CLIENTS, KEY, Material};
pub(super) use term::End;
use term::Term;

/// Whether clients have to show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ClientCertificates {
    /// Who shows none does not get past the handshake.
    #[default]
    Required,
    /// Who shows none is let in without; one that is not of the authorities does not get past the handshake.
    Optional,
}

/// The server's certificate and key, and the authorities of its clients. Clones are the same: what is replaced through one is replaced for
/// all, and for the server.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    sources: Mutex<Sources>,
    current: ArcSwap<Current>,
}

/// What new handshakes go by.
struct Current {
    config: Arc<ServerConfig>,
    term: Term,
    /// The name of the key's file, if every user can read or change it.
    open_key: Option<Arc<str>>,
}

/// Where it comes from, and the digest of what was read there last.
#[derive(Debug, Clone)]
struct Sources {
    chain: TlsSource,
    key: TlsSource,
    clients: Option<(TlsSource, ClientCertificates)>,
    seen: [u8; 32],
    /// What was read there holds only later on, which has been told.
    early: bool,
}

impl Sources {
    fn read(&self) -> Result<Material, TlsError> {
        let clients = match &self.clients {
            Some((source, mode)) => Some((source.read(CLIENTS)?, *mode)),
            None => None,
        };
        Ok(Material { chain: self.chain.read(CHAIN)?, key: self.key.read(KEY)?, clients })
    }
}

impl Tls {
    /// A certificate chain, the server's own first, and its private key (PKCS #8, SEC1 or PKCS #1); each a file's path or the bytes, in PEM or
    /// DER. One PEM file may hold both.
    ///
    /// # Errors
    /// See [`TlsErrorKind`]; the message names the file and the cure.
    pub fn new(chain: impl Into<TlsSource>, key: impl Into<TlsSource>) -> Result<Self, TlsError> {
        Self::with_clock(chain, key, Arc::new(SystemClock::new()))
    }

    /// The same, by this clock: it decides which certificates are over, the clients' too.
    ///
    /// # Errors
    /// Those of [`Tls::new`].
    pub fn with_clock(
        chain: impl Into<TlsSource>,
        key: impl Into<TlsSource>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let (chain, key) = (chain.into(), key.into());
        let mut sources = Sources { chain, key, clients: None, seen: [0; 32], early: false };
        let current = load(&mut sources, &clock)?;
        Ok(Self(Arc::new(Shared {
            clock,
            sources: Mutex::new(sources),
            current: ArcSwap::from_pointee(current),
        })))
    }

    /// Asks clients for certificates of these authorities: a file's path or the bytes, certificates in PEM or one in DER. Chains are verified by
    /// RFC 5280 §6, with the purpose of client authentication; revocation is not looked at.
    ///
    /// # Errors
    /// It can't be read or holds no certificate.
    pub fn client_authorities(
        self,
        authorities: impl Into<TlsSource>,
        mode: ClientCertificates,
    ) -> Result<Self, TlsError> {
        let clients = Some((authorities.into(), mode));
        self.change(|sources| sources.clients = clients)?;
        Ok(self)
    }

    /// Another chain and key, for all handshakes from now on. Connections that are open go on with the one they began with.
    ///
    /// # Errors
    /// Those of [`Tls::new`]; what was there stays then.
    pub fn replace(&self, chain: impl Into<TlsSource>, key: impl Into<TlsSource>) -> Result<(), TlsError> {
        let (chain, key) = (chain.into(), key.into());
        self.change(|sources| (sources.chain, sources.key) = (chain, key))
    }

    /// Other authorities of clients, for all handshakes from now on. Whether a certificate is required stays; it is, if none was asked for
    /// before.
    ///
    /// # Errors
    /// Those of [`Tls::client_authorities`]; what was there stays then.
    pub fn replace_client_authorities(&self, authorities: impl Into<TlsSource>) -> Result<(), TlsError> {
        let authorities = authorities.into();
        self.change(|sources| {
            let mode = sources.clients.as_ref().map_or(ClientCertificates::Required, |(_, mode)| *mode);
            sources.clients = Some((authorities, mode));
        })
    }

    /// Reads all files again, for all handshakes from now on. To be called on SIGHUP, say; it waits for the disk.
    ///
    /// # Errors
    /// Those of [`Tls::new`]; what was there stays then.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.change(|_| {})
    }

    /// When that certificate of the chain ends that ends first, of those that have not.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.0.current.load().term.not_after
    }

    /// Reads all files again if they say something else than before. A change that can't be used is an error once; one that only holds later
    /// on is tried again each time.
    pub(super) fn refresh(&self) -> Result<bool, TlsError> {
        let mut sources = self.0.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = sources.read()?.digest();
        let told = sources.seen == digest;
        if told && !sources.early {
            return Ok(false);
        }
        match load(&mut sources, &self.0.clock) {
            Ok(current) => {
                self.0.current.store(Arc::new(current));
                Ok(true)
            }
            Err(error) => {
                sources.early = error.kind() == TlsErrorKind::NotYetValid;
                if told && sources.early { Ok(false) } else { Err(error) }
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Sources)) -> Result<(), TlsError> {
        let mut sources = self.0.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = sources.clone();
        change(&mut changed);
        self.0.current.store(Arc::new(load(&mut changed, &self.0.clock)?));
        *sources = changed;
        Ok(())
    }

    /// What a handshake that begins now goes by.
    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current.load().config)
    }
}

fn load(sources: &mut Sources, clock: &Arc<dyn Clock>) -> Result<Current, TlsError> {
    let material = sources.read()?;
    (sources.seen, sources.early) = (material.digest(), false);
    let (config, term) = config::build(&material, clock)?;
    let open_key = material.key.others_may.then(|| Arc::clone(&material.key.place));
    Ok(Current { config: Arc::new(config), term, open_key })
}

impl Material {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [Some(&self.chain), Some(&self.key), self.clients.as_ref().map(|(part, _)| part)] {
            digest.update(part.map_or([0; 32], |part| Sha256::digest(&part.bytes).into()));
        }
        digest.update([u8::from(self.key.others_may)]);
        digest.finalize().into()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("not_after", &self.not_after()).finish_non_exhaustive()
    }
}
