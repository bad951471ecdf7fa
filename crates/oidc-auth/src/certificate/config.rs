//! The services that are known, from plain data.

use super::{CertificateLayer, CertificateLayerBuilder, KnownService};

/// What a configuration file says of certificates: the table `[oidc-auth.certificates]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct CertificatesConfig {
    /// See [`CertificateLayerBuilder::issuer`]. Needed for all names but SPIFFE ids.
    pub issuer: Option<String>,
    /// See [`CertificateLayerBuilder::required`]. Default false.
    pub required: bool,
    /// See [`CertificateLayerBuilder::yield_to_tokens`]. Default false.
    pub yield_to_tokens: bool,
    /// The services that are known; at least one.
    pub services: Vec<KnownServiceConfig>,
}

/// A [`KnownService`] as a configuration file writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct KnownServiceConfig {
    /// The name in its certificate. See [`KnownService::new`]; required.
    pub name: String,
    /// See [`KnownService::subject`]. Default: the name.
    pub subject: Option<String>,
    /// The roles that it has. Default: none.
    pub roles: Vec<String>,
    /// The organisation that it belongs to. Default: none.
    pub tenant: Option<String>,
}

impl CertificatesConfig {
    /// The layer that is described, for clock and sink to be added.
    pub fn builder(&self) -> CertificateLayerBuilder {
        let mut builder = self
            .services
            .iter()
            .fold(CertificateLayer::builder(), |builder, service| builder.service(service.known()));
        if let Some(issuer) = &self.issuer {
            builder = builder.issuer(issuer.as_str());
        }
        if self.required {
            builder = builder.required();
        }
        if self.yield_to_tokens {
            builder = builder.yield_to_tokens();
        }
        builder
    }
}

impl KnownServiceConfig {
    fn known(&self) -> KnownService {
        let mut known = self
            .roles
            .iter()
            .fold(KnownService::new(self.name.as_str()), |known, role| known.role(role.as_str()));
        if let Some(subject) = &self.subject {
            known = known.subject(subject.as_str());
        }
        if let Some(tenant) = &self.tenant {
            known = known.tenant(tenant.as_str());
        }
        known
    }
}
