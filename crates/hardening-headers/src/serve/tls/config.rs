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
    let (term, doubtful) = own_term(&material.chain, clock.now())?;
    doubtful.iter().for_each(telemetry::doubtful);
    let certified = certified(&material.chain, &material.key, &provider)?;
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

/// When the first of the chain's certificates ends that have not, and what is wrong with those that are not the server's own: a client may have
/// another way to an authority that it trusts, for example around one that has ended.
pub(super) fn own_term(chain: &Part, now: Timestamp) -> Result<(Term, Vec<TlsError>), TlsError> {
    let certificates = chain.certificates()?;
    let mut term: Option<Term> = None;
    let mut doubtful = Vec::new();
    for (place, certificate) in certificates.iter().enumerate() {
        match in_time(chain, place + 1, certificate, now) {
            Ok(next) => term = Some(term.map_or(next, |term| term.earlier(next))),
            Err(error) if place == 0 => return Err(error),
            Err(error) => doubtful.push(error),
        }
    }
    Ok((term.unwrap_or(Term::new(now, now)), doubtful))
}

/// The server's own certificate with its key.
pub(super) fn certified(
    chain: &Part,
    key: &Part,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    CertifiedKey::from_der(chain.certificates()?, key.private_key()?, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => key.error(
            TlsErrorKind::Mismatch,
            "is not the key of the chain's first certificate; give the key it was issued for, and the server's own \
             certificate before those of its authorities",
        ),
        rustls::Error::InvalidCertificate(error) => {
            chain.error(TlsErrorKind::Malformed, format!("the first certificate can't be used: {error:?}"))
        }
        _ => key.error(TlsErrorKind::Malformed, "is of a kind that TLS has no use for; make an ECDSA P-256 key"),
    })
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

/// The authorities of clients.
pub(super) fn roots(part: &Part) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for (place, certificate) in part.certificates()?.into_iter().enumerate() {
        roots.add(certificate).map_err(|_| {
            let problem = format!("certificate {} is no X.509 of version 3", place + 1);
            part.error(TlsErrorKind::Malformed, problem)
        })?;
    }
    Ok(roots)
}

fn verifier(
    part: &Part,
    mode: ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(part)?), provider);
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
