//! rustls' configuration out of certificates and keys.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, Timestamp};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};

use super::ClientCertificates;
use super::error::{TlsError, TlsErrorKind};
use super::material::Material;
use super::source::Part;
use super::term::Term;
use crate::certificate;
use crate::serve::telemetry;

/// Sessions that are remembered, about a kilobyte each.
const SESSIONS: usize = 4096;

/// What handshakes go by, and the term of the server's own chain.
pub(super) fn build(material: &Material, clock: &Arc<dyn Clock>) -> Result<(ServerConfig, Term), TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let (certified, term) = own(material, &provider, clock.now())?;
    let builder =
        ServerConfig::builder_with_details(Arc::clone(&provider), Arc::new(Time(Arc::clone(clock))))
            .with_safe_default_protocol_versions()
            .map_err(|error| material.chain.error(TlsErrorKind::Malformed, error.to_string()))?;
    let builder = match &material.clients {
        None => builder.with_no_client_auth(),
        Some((part, mode)) => builder.with_client_cert_verifier(verifier(part, *mode, provider)?),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    if material.clients.is_some() {
        // A session remembers its client's certificate, and resuming it would ask neither the authorities nor the clock.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    }
    Ok((config, term))
}

/// The server's own certificate with its key.
fn own(
    material: &Material,
    provider: &CryptoProvider,
    now: Timestamp,
) -> Result<(CertifiedKey, Term), TlsError> {
    let chain = material.chain.certificates()?;
    let mut terms = Vec::with_capacity(chain.len());
    for (place, certificate) in chain.iter().enumerate() {
        match in_time(&material.chain, place + 1, certificate, now) {
            Ok(term) => terms.push(term),
            Err(error) if place == 0 => return Err(error),
            // A client may have another way to an authority that it trusts, for example around one that has ended.
            Err(error) => telemetry::doubtful(&error),
        }
    }
    let certified = CertifiedKey::from_der(chain, material.key.private_key()?, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => material.key.error(
            TlsErrorKind::Mismatch,
            "is not the key of the chain's first certificate; give the key it was issued for, and the server's own \
             certificate before those of its authorities",
        ),
        rustls::Error::InvalidCertificate(error) => {
            material.chain.error(TlsErrorKind::Malformed, format!("the first certificate can't be used: {error:?}"))
        }
        _ => material.key.error(TlsErrorKind::Malformed, "is of a kind that TLS has no use for; make an ECDSA P-256 key"),
    })?;
    let term = terms.into_iter().min_by_key(|term| term.not_after).unwrap_or(Term::new(now, now));
    Ok((certified, term))
}

/// The certificate's term; it must hold now.
fn in_time(
    part: &Part,
    place: usize,
    certificate: &CertificateDer<'_>,
    now: Timestamp,
) -> Result<Term, TlsError> {
    let Some((begins, ends)) = certificate::validity(certificate) else {
        return Err(
            part.error(TlsErrorKind::Malformed, format!("certificate {place} is no X.509 of version 3"))
        );
    };
    if now < begins {
        let problem =
            format!("certificate {place} holds only from {begins} on; wait, or set this machine's clock");
        return Err(part.error(TlsErrorKind::NotYetValid, problem));
    }
    if ends < now {
        let problem = format!("certificate {place} has ended at {ends}; renew it");
        return Err(part.error(TlsErrorKind::Expired, problem));
    }
    Ok(Term::new(begins, ends))
}

fn verifier(
    part: &Part,
    mode: ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for (place, certificate) in part.certificates()?.into_iter().enumerate() {
        roots.add(certificate).map_err(|_| {
            let problem = format!("certificate {} is no X.509 of version 3", place + 1);
            part.error(TlsErrorKind::Malformed, problem)
        })?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = match mode {
        ClientCertificates::Required => verifier,
        ClientCertificates::Optional => verifier.allow_unauthenticated(),
    };
    verifier.build().map_err(|error| part.error(TlsErrorKind::Malformed, error.to_string()))
}

/// Core's clock as rustls asks it.
#[derive(Debug)]
struct Time(Arc<dyn Clock>);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().unix_seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
