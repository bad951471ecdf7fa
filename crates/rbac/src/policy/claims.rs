//! `[claims.<name>]`: what the claims of one issuer's tokens mean.

use std::collections::HashMap;

use toml::Spanned;
use toml::de::DeValue;

use super::compile::{Roles, known_roles};
use super::document::{At, Document};
use super::fields::{Fields, table, text, texts, wrong_type};
use crate::finding::Findings;
use crate::nearest::did_you_mean;
use crate::who::{ClaimMap, ClaimPath, Preset, Tenants};

const KEYS: &[&str] = &["issuer", "preset", "groups", "groups_at", "roles_at", "on_overage", "tenants"];

#[derive(Debug)]
pub(crate) struct DeclaredClaims {
    pub(crate) issuer: At<String>,
    pub(crate) groups: Vec<(At<String>, Vec<At<String>>)>,
    groups_at: ClaimPath,
    pub(crate) roles_at: Option<ClaimPath>,
    overage_is_none: bool,
    /// Whether it is about persons, and not only says which tenants an issuer of services may name.
    pub(crate) of_persons: bool,
    /// Which tenants it may name; `None`: the table does not say it.
    pub(crate) tenants: Option<Tenants>,
}

/// Reads one table. The preset is the one of the table's own name, unless it says another.
pub(super) fn claims(
    name: &At<String>,
    value: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
) -> Option<DeclaredClaims> {
    let place = format!("claims `{}`", name.value);
    let at = value.span().start;
    let fields = Fields::of(table(value, &place, findings)?, at, &place, KEYS, findings);
    let issuer = fields.text("issuer", findings);
    let preset = preset(name, &fields, findings);
    let groups = groups(&fields, &place, findings);
    let path = |key, default: Option<&str>, findings: &mut Findings<'_>| match fields.get(key) {
        Some(value) => text(value, &place, findings).and_then(|path| claim_path(&path, findings)),
        None => default.and_then(ClaimPath::read),
    };
    let groups_at = path("groups_at", Some(preset.groups_at), findings);
    let roles_at = path("roles_at", preset.roles_at, findings);
    let overage_is_none = overage(&fields, findings);
    let tenants = tenants(&fields, &place, findings);
    let of_persons = !groups.is_empty() || roles_at.is_some() || fields.get("groups_at").is_some();
    // Who only says which tenants a service's issuer may name has no roles to give.
    let gives = ["roles_at", "tenants"].iter().any(|key| fields.get(key).is_some());
    if groups.is_empty() && roles_at.is_none() && !gives {
        let message = format!("{place} give nobody a role");
        let cure =
            "write `groups = { \"id\" = \"role\" }`, or `roles_at` with the claim that holds names of roles";
        findings.error("claims-without-roles", name.at, message, cure);
    }
    let issuer = issuer?;
    if issuer.value.is_empty() {
        findings.error("empty-issuer", issuer.at, format!("{place} name no issuer"), "write its `iss`");
    }
    Some(DeclaredClaims {
        issuer,
        groups,
        groups_at: groups_at?,
        roles_at,
        overage_is_none,
        of_persons,
        tenants,
    })
}

fn preset(name: &At<String>, fields: &Fields<'_, '_>, findings: &mut Findings<'_>) -> &'static Preset {
    let Some(value) = fields.get("preset") else {
        return Preset::named(&name.value).unwrap_or(&Preset::GENERIC);
    };
    let Some(said) = text(value, "`preset`", findings) else { return &Preset::GENERIC };
    Preset::named(&said.value).unwrap_or_else(|| {
        let message = format!("unknown preset `{}`", said.value);
        findings.error("unknown-preset", said.at, message, did_you_mean(&said.value, Preset::names()));
        &Preset::GENERIC
    })
}

/// Groups by their ids, each with one role or several.
fn groups(
    fields: &Fields<'_, '_>,
    place: &str,
    findings: &mut Findings<'_>,
) -> Vec<(At<String>, Vec<At<String>>)> {
    let Some(value) = fields.get("groups") else { return Vec::new() };
    let Some(groups) = value.get_ref().as_table() else {
        wrong_type(
            value,
            format_args!("`groups` in {place}"),
            "a table, such as { \"id\" = \"role\" }",
            findings,
        );
        return Vec::new();
    };
    let mut read = Vec::with_capacity(groups.len());
    for (id, value) in groups {
        let roles = match value.get_ref().as_str() {
            Some(role) => vec![At::new(role.to_owned(), value.span().start)],
            None => texts(value, format_args!("group `{}` in {place}", id.get_ref()), findings),
        };
        read.push((At::new(id.get_ref().to_string(), id.span().start), roles));
    }
    read
}

/// The tenants that the issuer may name. What can't be read names none.
fn tenants(fields: &Fields<'_, '_>, place: &str, findings: &mut Findings<'_>) -> Option<Tenants> {
    let value = fields.get("tenants")?;
    let names = texts(value, format_args!("`tenants` in {place}"), findings);
    let names: Vec<String> = names.into_iter().map(|name| name.value).collect();
    let read = Tenants::read(&names).map_err(|bad| {
        let message = format!("`{bad}` in `tenants` of {place} names no tenant");
        let cure = "write whole names, or a beginning and `*`, such as \"eu-*\"";
        findings.error("tenants", value.span().start, message, cure);
    });
    read.ok()
}

fn claim_path(path: &At<String>, findings: &mut Findings<'_>) -> Option<ClaimPath> {
    let read = ClaimPath::read(&path.value);
    if read.is_none() {
        let message = format!("`{}` names no claim", path.value);
        let cure = "write the name of a claim, or a JSON pointer such as \"/realm_access/roles\" (RFC 6901)";
        findings.error("claim-path", path.at, message, cure);
    }
    read
}

/// Whether a token that leaves groups out counts as one without: only by an explicit word.
fn overage(fields: &Fields<'_, '_>, findings: &mut Findings<'_>) -> bool {
    let said = fields.get("on_overage").and_then(|value| text(value, "`on_overage`", findings));
    match said.as_ref().map(|said| said.value.as_str()) {
        None | Some("indeterminate") => false,
        Some("dangerously_no_groups") => true,
        Some(other) => {
            let message = format!("unknown answer `{other}` to groups that are left out");
            let at = said.as_ref().map_or(0, |said| said.at);
            let cure = "write \"indeterminate\" (503), or \"dangerously_no_groups\": denials by group then don't hold";
            findings.error("unknown-overage", at, message, cure);
            false
        }
    }
}

/// The tables by issuer; `None`: the policy has no `[claims]`.
pub(super) fn compile(
    document: &Document,
    roles: &Roles,
    findings: &mut Findings<'_>,
) -> Option<HashMap<Box<str>, ClaimMap>> {
    let declared = document.claims.as_ref()?;
    let mut by_issuer = HashMap::with_capacity(declared.len());
    for claims in declared {
        let mut groups = HashMap::with_capacity(claims.groups.len());
        for (id, names) in &claims.groups {
            groups.insert(Box::from(&*id.value), known_roles(names, roles, document, findings));
        }
        let map = ClaimMap {
            groups,
            groups_at: claims.groups_at.clone(),
            roles_at: claims.roles_at.clone(),
            overage_is_none: claims.overage_is_none,
            of_persons: claims.of_persons,
            tenants: claims.tenants.clone(),
        };
        if by_issuer.insert(claims.issuer.value.as_str().into(), map).is_some() {
            let message = format!("issuer `{}` has two [claims] tables", claims.issuer.value);
            findings.error("duplicate-issuer", claims.issuer.at, message, "put them into one");
        }
    }
    Some(by_issuer)
}
