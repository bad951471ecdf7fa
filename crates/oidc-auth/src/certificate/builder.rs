//! Describes a [`CertificateLayer`].

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use gambeson_core::{AuditSink, Challenger, Challenges, Clock, ConfigError, ConfigProblems};

use super::CertificateLayer;
use super::decision::{ByCertificate, Gate, Service, Services};
use super::name::{self, Kind, Named};

/// A service that is known by a name in its certificate.
#[derive(Debug, Clone)]
#[must_use = "a service is nobody until it is given to a layer"]
pub struct KnownService {
    name: Box<str>,
    subject: Option<Box<str>>,
    roles: Vec<Box<str>>,
    tenant: Option<Box<str>>,
}

impl KnownService {
    /// The service whose certificate has this alternative name: a URI (a SPIFFE id, for example) or the name of a host, to the letter.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self { name: name.into(), subject: None, roles: Vec::new(), tenant: None }
    }

    /// By what the app knows it. Default: the name. Two names with one subject are one service.
    pub fn subject(self, subject: impl Into<Box<str>>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// A role that it has.
    pub fn role(mut self, role: impl Into<Box<str>>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// The organisation that it belongs to.
    pub fn tenant(self, tenant: impl Into<Box<str>>) -> Self {
        Self { tenant: Some(tenant.into()), ..self }
    }

    fn listed(self, issuer: Arc<str>) -> Service {
        Service {
            issuer,
            subject: self.subject.unwrap_or(self.name),
            roles: self.roles,
            tenant: self.tenant,
            last: ArcSwapOption::empty(),
        }
    }
}

/// Describes a [`CertificateLayer`] piece by piece. At least one service has to be known.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct CertificateLayerBuilder {
    services: Vec<KnownService>,
    issuer: Option<Arc<str>>,
    required: bool,
    yields_to_tokens: bool,
    clock: Option<Arc<dyn Clock>>,
    audit: Option<Arc<dyn AuditSink>>,
}

impl CertificateLayerBuilder {
    pub(super) fn new() -> Self {
        Self {
            services: Vec::new(),
            issuer: None,
            required: false,
            yields_to_tokens: false,
            clock: None,
            audit: None,
        }
    }

    /// A service that is known. All others are nobody.
    pub fn service(mut self, service: KnownService) -> Self {
        self.services.push(service);
        self
    }

    /// Who vouches for names that don't say it themselves, as SPIFFE ids do: the authority that signs the certificates. It is the
    /// issuer of their principals. Default: none, and such names are refused.
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Requests without a certificate of the list are answered 401 here. Somebody whom a layer before has verified passes.
    /// Default: they go on as anonymous.
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// A request with `Authorization: Bearer` or `DPoP` is not looked at: its token says who it is, or is refused further inside, where
    /// [`AuthLayer`](crate::AuthLayer) has to be, also with [`required`](Self::required). For services that call on somebody's behalf. Default: both count, and must mean the same.
    pub fn yield_to_tokens(self) -> Self {
        Self { yields_to_tokens: true, ..self }
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Who keeps the audit events of refusals. Default: nobody.
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(sink);
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// No service; names that are none, or stand twice; names of hosts and other URIs without an issuer; no clock.
    pub fn build(mut self) -> Result<CertificateLayer, ConfigError> {
        let mut problems = ConfigProblems::new();
        let services = self.listed(&mut problems);
        #[cfg(feature = "system")]
        self.clock.get_or_insert_with(|| Arc::new(gambeson_core::SystemClock::new()));
        let Some(clock) = self.clock.take() else {
            problems.add("certificates.clock", "", "give one, or enable the feature `system`");
            return Err(problems
                .check()
                .err()
                .unwrap_or_else(|| ConfigError::one("certificates.clock", "", "")));
        };
        let scheme: Arc<dyn Challenger> = Arc::new(ByCertificate);
        problems.check()?;
        Ok(CertificateLayer::on(Gate {
            services: Arc::new(services),
            required: self.required,
            yields_to_tokens: self.yields_to_tokens,
            challenges: Challenges::new([scheme]),
            clock,
            audit: self.audit,
            logs: Arc::default(),
        }))
    }

    fn listed(&mut self, problems: &mut ConfigProblems) -> Services {
        let mut services = Services::default();
        if self.services.is_empty() {
            problems.add("certificates.services", "", "name at least one service, or leave the layer out");
        }
        for service in std::mem::take(&mut self.services) {
            let name = service.name.clone();
            let (kind, issuer) = match name::read(&name) {
                Ok(Named { kind, issuer: Some(own) }) => (kind, Arc::from(own)),
                Ok(Named { kind, issuer: None }) => (kind, self.issuer.clone().unwrap_or_default()),
                Err(cure) => {
                    problems.add("certificates.services.name", &*name, cure);
                    continue;
                }
            };
            if issuer.trim().is_empty() {
                let cure =
                    format!("name the authority that vouches for {name:?}, such as https://ca.example.com");
                problems.add("certificates.issuer", &*issuer, cure);
            }
            if service.subject.as_deref().is_some_and(|subject| subject.trim().is_empty()) {
                problems.add(
                    "certificates.services.subject",
                    "",
                    "name the service, or leave the subject out",
                );
            }
            let list = match kind {
                Kind::Uri => &mut services.uris,
                Kind::Dns => &mut services.hosts,
            };
            if list.insert(name.clone(), service.listed(issuer)).is_some() {
                problems.add("certificates.services.name", &*name, "list each name once");
            }
        }
        services
    }
}
