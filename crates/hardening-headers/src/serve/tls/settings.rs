//! Certificates as a configuration file names them.

use std::fmt;
use std::path::{Path, PathBuf};

use gambeson_core::{Clock, SystemClock};

use super::faults::{Fault, faults};
use super::source::told;
use super::{ClientCertificates, Tls, TlsError, TlsErrorKind};

/// The files of [`Tls`]: the table `[hardening-headers.serve.tls]`. The server looks every minute whether they have changed.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct TlsConfig {
    /// The certificate chain, the server's own first, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM, without a password.
    pub key: PathBuf,
    /// The authorities of clients, in PEM. Default: clients are asked for no certificate.
    #[cfg_attr(feature = "serde", serde(default))]
    pub client_authorities: Option<PathBuf>,
    /// Whether clients have to show a certificate; without authorities it is an error. Default: `required`, if there are authorities.
    #[cfg_attr(feature = "serde", serde(default))]
    pub client_certificates: Option<ClientCertificates>,
}

impl TlsConfig {
    /// A server's certificate and key, and no certificates of clients.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            client_authorities: None,
            client_certificates: None,
        }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// The first of those of [`Tls::new`] and [`Tls::client_authorities`]; [`TlsErrorKind::NoAuthorities`].
    pub fn load(&self) -> Result<Tls, TlsError> {
        let tls = Tls::new(self.certificate.as_path(), self.key.as_path())?;
        if let Some(error) = self.without_authorities() {
            return Err(error);
        }
        match &self.client_authorities {
            None => Ok(tls),
            Some(authorities) => {
                tls.client_authorities(authorities.as_path(), self.client_certificates.unwrap_or_default())
            }
        }
    }

    /// The same, with all that is wrong.
    pub(in crate::serve) fn load_or_all(&self) -> Result<Tls, Vec<Fault>> {
        self.load().map_err(|first| match faults(self, SystemClock::new().now()) {
            // What was wrong has been mended meanwhile, or is not of one file.
            none if none.is_empty() => vec![(None, first)],
            all => all,
        })
    }

    /// Clients are asked for certificates that nobody can verify.
    pub(super) fn without_authorities(&self) -> Option<TlsError> {
        let asked = self.client_certificates.is_some() && self.client_authorities.is_none();
        asked.then(|| {
            TlsError::new(
                TlsErrorKind::NoAuthorities,
                &"client-certificates".into(),
                "clients are asked for certificates that nobody can verify; name their authorities in client-authorities",
            )
        })
    }

    /// Takes paths relative to this folder instead of the working directory.
    #[must_use]
    pub fn in_folder(self, folder: impl AsRef<Path>) -> Self {
        let within = |path: PathBuf| folder.as_ref().join(path);
        Self {
            certificate: within(self.certificate),
            key: within(self.key),
            client_authorities: self.client_authorities.map(within),
            ..self
        }
    }
}

/// Without what is no path: somebody may have written the key itself.
impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig")
            .field("certificate", &told(&self.certificate))
            .field("key", &told(&self.key))
            .field("client_authorities", &self.client_authorities.as_deref().map(told))
            .field("client_certificates", &self.client_certificates)
            .finish()
    }
}
