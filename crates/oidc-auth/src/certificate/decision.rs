//! Who a certificate means: a plain function of its names and the time.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use gambeson_core::{
    AuditSink, Authentication, Challenge, Challenger, Challenges, ClientCertificate, Clock, Principal,
    Rejection, RejectionClass, RequestFacts, RequestHead, Timestamp,
};
use http::{HeaderValue, Method, StatusCode, header};

use super::name::SPIFFE;
use crate::layer::claims_a_token;
use crate::refusal_log::Paced;
use crate::telemetry;

const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// What layer, services and futures share.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) services: Arc<Services>,
    pub(super) required: bool,
    pub(super) yields_to_tokens: bool,
    pub(super) challenges: Challenges,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) audit: Option<Arc<dyn AuditSink>>,
    pub(super) logs: Arc<[Paced; 4]>,
}

/// The list, by names of certificates.
#[derive(Debug, Default)]
pub(super) struct Services {
    pub(super) uris: HashMap<Box<str>, Service>,
    pub(super) hosts: HashMap<Box<str>, Service>,
}

/// A service of the list.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) issuer: Arc<str>,
    pub(super) subject: Box<str>,
    pub(super) roles: Vec<Box<str>>,
    pub(super) tenant: Option<Box<str>>,
    /// As it was when it called last: the same for all requests that show a certificate with the same end.
    pub(super) last: ArcSwapOption<Known>,
}

#[derive(Debug)]
pub(super) struct Known {
    ends: Option<Timestamp>,
    principal: Principal,
}

/// Why a certificate is nobody's, or is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    Unknown,
    Several,
    Ended,
    Conflict,
}

impl Doubt {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "not-on-the-list",
            Self::Several => "means-several",
            Self::Ended => "ended",
            Self::Conflict => "conflicting-credentials",
        }
    }
}

impl Service {
    fn principal(&self, ends: Option<Timestamp>) -> Principal {
        if let Some(known) = self.last.load().as_ref().filter(|known| known.ends == ends) {
            return known.principal.clone();
        }
        let mut builder = Principal::service(Arc::clone(&self.issuer), self.subject.clone());
        for role in &self.roles {
            builder = builder.role(role.clone());
        }
        if let Some(tenant) = &self.tenant {
            builder = builder.tenant(tenant.clone());
        }
        if let Some(ends) = ends {
            builder = builder.expires_at(ends);
        }
        let principal = builder.build();
        self.last.store(Some(Arc::new(Known { ends, principal: principal.clone() })));
        principal
    }

    fn is(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.subject == other.subject
    }
}

impl Gate {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.services.uris.keys().chain(self.services.hosts.keys()).map(AsRef::as_ref)
    }

    /// `None`: the request goes on, and the facts say who it is.
    pub(super) fn refuse(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Option<Rejection> {
        let Some(peer) = facts.peer() else { return Some(self.misplaced(facts)) };
        let yields = self.yields_to_tokens && claims_a_token(head.headers);
        let Some(certificate) = peer.certificate.as_deref().filter(|_| !yields) else {
            return self.nobody(facts, yields);
        };
        match self.service(certificate) {
            Err(doubt) => self.doubt(doubt, certificate, head.method, facts),
            // The end is inclusive, to the second (RFC 5280 §4.1.2.5).
            Ok(_)
                if certificate
                    .not_after
                    .is_some_and(|end| end.unix_seconds() < self.clock.now().unix_seconds()) =>
            {
                self.doubt(Doubt::Ended, certificate, head.method, facts)
            }
            Ok(service) => {
                let caller = service.principal(certificate.not_after);
                match facts.authenticate(Authentication::Verified(caller, self.challenges.clone())) {
                    Ok(()) => None,
                    Err(_) => self.doubt(Doubt::Conflict, certificate, head.method, facts),
                }
            }
        }
    }

    /// The one service of the list that a certificate means. One with a SPIFFE id is that and nothing else (X509-SVID §2).
    fn service(&self, certificate: &ClientCertificate) -> Result<&Service, Doubt> {
        let is_spiffe = certificate.uris.iter().any(|uri| uri.starts_with(SPIFFE));
        if is_spiffe && certificate.uris.len() > 1 {
            return Err(Doubt::Several);
        }
        let uris = certificate.uris.iter().filter_map(|name| self.services.uris.get(name));
        let hosts = certificate.dns_names.iter().filter(|_| !is_spiffe);
        let mut found = uris.chain(hosts.filter_map(|name| self.services.hosts.get(name)));
        let first = found.next().ok_or(Doubt::Unknown)?;
        match found.all(|other| other.is(first)) {
            true => Ok(first),
            false => Err(Doubt::Several),
        }
    }

    fn nobody(&self, facts: &RequestFacts, yields: bool) -> Option<Rejection> {
        let _ = facts.authenticate(Authentication::Anonymous(self.challenges.clone()));
        if yields || !self.required || facts.principal().is_some() {
            return None;
        }
        let rejection = self.unauthorized("certificate-required").detail("this needs a client certificate");
        facts.set_rejection(rejection.clone());
        Some(rejection)
    }

    fn doubt(
        &self,
        doubt: Doubt,
        certificate: &ClientCertificate,
        method: &Method,
        facts: &RequestFacts,
    ) -> Option<Rejection> {
        let _ = facts.authenticate(Authentication::Anonymous(self.challenges.clone()));
        let names = telemetry::names(certificate);
        let log = self.logs.get(doubt as usize).and_then(|log| log.due(self.clock.monotonic()));
        telemetry::certificate_refused(doubt, &names, log, facts);
        let rejection = match doubt {
            Doubt::Conflict => Rejection::new(
                PACKAGE,
                RejectionClass::Credential,
                "conflicting-credentials",
                StatusCode::BAD_REQUEST,
            )
            .detail("send one credential"),
            Doubt::Unknown | Doubt::Several if !self.required || facts.principal().is_some() => return None,
            Doubt::Unknown | Doubt::Several | Doubt::Ended => {
                self.unauthorized("certificate-refused").detail("the client certificate is not valid here")
            }
        };
        telemetry::audit_certificate(self.audit.as_ref(), doubt, names, self.clock.now(), facts, method);
        facts.set_rejection(rejection.clone());
        Some(rejection)
    }

    fn unauthorized(&self, slug: &'static str) -> Rejection {
        let rejection = Rejection::new(PACKAGE, RejectionClass::Credential, slug, StatusCode::UNAUTHORIZED);
        let values = self.challenges.values(Challenge::Credential);
        values.fold(rejection, |rejection, value| rejection.header(header::WWW_AUTHENTICATE, value))
    }

    fn misplaced(&self, facts: &RequestFacts) -> Rejection {
        telemetry::no_peer_layer();
        let rejection =
            Rejection::new(PACKAGE, RejectionClass::Bug, "layer-order", StatusCode::INTERNAL_SERVER_ERROR);
        facts.set_rejection(rejection.clone());
        rejection
    }
}

/// Asks for a certificate, where no other scheme is asked for.
#[derive(Debug)]
pub(super) struct ByCertificate;

impl Challenger for ByCertificate {
    fn challenge(&self, challenge: Challenge<'_>) -> Option<HeaderValue> {
        let asks = matches!(challenge, Challenge::Credential | Challenge::InvalidToken);
        asks.then(|| HeaderValue::from_static("Certificate"))
    }
}
