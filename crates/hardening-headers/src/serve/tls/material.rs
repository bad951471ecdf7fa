//! Certificates and keys out of PEM or DER.

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::ClientCertificates;
use super::error::{TlsError, TlsErrorKind};
use super::source::Part;

/// What messages call the parts.
pub(super) const CHAIN: &str = "certificate chain";
pub(super) const KEY: &str = "private key";
pub(super) const CLIENTS: &str = "client authorities";

/// All that was read.
pub(super) struct Material {
    pub(super) chain: Part,
    pub(super) key: Part,
    pub(super) clients: Option<(Part, ClientCertificates)>,
}

impl Part {
    pub(super) fn error(&self, kind: TlsErrorKind, problem: impl Into<String>) -> TlsError {
        TlsError::new(kind, &self.place, problem)
    }

    fn malformed(&self, problem: impl Into<String>) -> TlsError {
        self.error(TlsErrorKind::Malformed, problem)
    }

    /// Its certificates, at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let labels = self.labels();
        if labels.is_empty() {
            let der = self.bytes.first() == Some(&0x30);
            let der = der.then(|| vec![CertificateDer::from(self.bytes.to_vec())]);
            return der.ok_or_else(|| self.malformed("holds no certificate in PEM or DER"));
        }
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        match found {
            Err(_) => Err(self.malformed("holds PEM that can't be read; copy it anew, from BEGIN to END")),
            Ok(found) if found.is_empty() => {
                Err(self.malformed(format!("holds {} and no CERTIFICATE", labels.join(", "))))
            }
            Ok(found) => Ok(found),
        }
    }

    /// Its private key, the only one.
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let labels = self.labels();
        if labels.is_empty() {
            let der = PrivateKeyDer::try_from(self.bytes.to_vec());
            return der.map_err(|_| self.malformed("holds no private key in PEM or DER"));
        }
        let encrypted = labels.iter().any(|label| label == "ENCRYPTED PRIVATE KEY")
            || self.text().contains("Proc-Type: 4,ENCRYPTED");
        if encrypted {
            return Err(
                self.malformed("is encrypted; write it without a password: openssl pkey -in … -out …")
            );
        }
        let found: Result<Vec<_>, _> = PrivateKeyDer::pem_slice_iter(&self.bytes).collect();
        let mut found = found
            .map_err(|_| self.malformed("holds PEM that can't be read; copy it anew, from BEGIN to END"))?;
        match (found.pop(), found.is_empty()) {
            (Some(key), true) => Ok(key),
            (Some(_), false) => {
                Err(self.malformed("holds more than one private key; leave the one of the chain"))
            }
            (None, _) => Err(self.malformed(format!("holds {} and no PRIVATE KEY", labels.join(", ")))),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The kinds of its PEM blocks; what is none of the usual is not repeated.
    fn labels(&self) -> Vec<String> {
        let known = |label: &str| {
            let letters =
                label.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ' || byte.is_ascii_digit());
            if letters && label.len() <= 40 { label.to_owned() } else { "something else".to_owned() }
        };
        let text = self.text();
        let begins = text.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN "));
        begins.filter_map(|line| line.strip_suffix("-----")).map(known).take(8).collect()
    }
}
