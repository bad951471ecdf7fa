//! `[services]`: which roles services and devices have.

use toml::Spanned;
use toml::de::DeValue;

use super::compile::{Roles, known_roles};
use super::document::{At, Document};
use super::fields::{Fields, text, texts, wrong_type};
use crate::finding::Findings;
use crate::who::{SPIFFE, Services, trust_domain};

#[derive(Debug)]
pub(crate) struct DeclaredService {
    /// The client id or SPIFFE id.
    pub(crate) name: At<String>,
    pub(crate) issuer: String,
    pub(crate) roles: Vec<At<String>>,
}

/// Reads one entry: a SPIFFE id with its roles, or a client id with its issuer and roles.
pub(super) fn service(
    key: At<String>,
    value: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
) -> Option<DeclaredService> {
    let place = format!("service `{}`", key.value);
    let domain = trust_domain(&key.value);
    if domain.is_none() && key.value.starts_with(SPIFFE) {
        let message = format!("`{}` is not a SPIFFE id", key.value);
        let cure = "write a whole id, such as \"spiffe://example.org/ns/shop/sa/orders\" (SPIFFE-ID §2)";
        findings.error("spiffe-id", key.at, message, cure);
        return None;
    }
    if let (Some(domain), true) = (domain, value.get_ref().is_array()) {
        let roles = texts(value, &place, findings);
        return Some(DeclaredService { issuer: domain.to_owned(), name: key, roles });
    }
    let Some(fields) = value.get_ref().as_table() else {
        wrong_type(
            value,
            &place,
            "a table, such as { issuer = \"https://…\", roles = [\"role\"] }",
            findings,
        );
        return None;
    };
    let fields = Fields::of(fields, value.span().start, &place, &["issuer", "client", "roles"], findings);
    let mut read = |key| fields.get(key).and_then(|value| text(value, &place, findings));
    let (client, issuer) = (read("client"), read("issuer"));
    let roles = fields.texts("roles", findings);
    let Some(issuer) = issuer.map(|issuer| issuer.value).or_else(|| domain.map(str::to_owned)) else {
        let message = format!("{place} has no issuer: a client id alone names nobody");
        findings.error(
            "service-issuer",
            key.at,
            message,
            "write `issuer = \"https://…\"`, the `iss` of its tokens",
        );
        return None;
    };
    Some(DeclaredService { name: client.unwrap_or(key), issuer, roles })
}

/// Services by issuer and name; `None`: the policy has no `[services]`.
pub(super) fn compile(document: &Document, roles: &Roles, findings: &mut Findings<'_>) -> Option<Services> {
    let declared = document.services.as_ref()?;
    let mut services = Services::default();
    for service in declared {
        let names = known_roles(&service.roles, roles, document, findings);
        if !services.add(&service.issuer, &service.name.value, names) {
            let message = format!("service `{}` of `{}` is there twice", service.name.value, service.issuer);
            findings.error("duplicate-service", service.name.at, message, "put both into one");
        }
    }
    Some(services)
}
