//! From text to [`Document`]: shape and spelling, not yet meaning.

use std::borrow::Cow;

use gambeson_core::Access;
use http::Method;
use toml::Spanned;
use toml::de::DeValue;

use super::claims::claims;
use super::clause::{attributes, clauses};
use super::constraints::{break_glass, duty, rows};
use super::document::{At, BusinessRole, DeclaredPermission, DeclaredRole, DeclaredRoute, Document, Effect};
use super::fields::{Fields, table, text, texts, wrong_type};
use super::services::service;
use super::syntax;
use super::terms::{Terms, hidden, log_in};
use super::test_row::tests;
use crate::finding::Findings;
use crate::permission::is_permission_name;
use crate::scope::Scope;

const SECTIONS: &[&str] = &[
    "version",
    "permissions",
    "roles",
    "business_roles",
    "claims",
    "services",
    "separation_of_duties",
    "break_glass",
    "answers",
    "routes",
    "test",
];
const PUBLIC: &str = "public";
/// What the inventory says of a route that is public without a reason.
pub(crate) const NO_REASON: &str = "declared public in the policy";

/// Reads the document as far as it can be understood; what can't is among the findings.
pub(crate) fn read(source: &str, findings: &mut Findings<'_>) -> Document {
    let Some(policy) = syntax::table(source, findings) else { return Document::default() };
    let top = Fields::of(&policy, 0, &"the policy", SECTIONS, findings);
    version(&top, findings);
    let mut document = Document::default();
    for (name, value) in section(&top, "permissions", findings) {
        document.permissions.extend(permission(name, value, findings));
    }
    for (name, value) in section(&top, "roles", findings) {
        document.roles.extend(role(name, value, findings));
    }
    for (name, value) in section(&top, "business_roles", findings) {
        role_name(&name, findings);
        let roles = texts(value, format_args!("business role `{}`", name.value), findings);
        document.business_roles.push(BusinessRole { name, roles });
    }
    if top.get("claims").is_some() {
        let tables = section(&top, "claims", findings);
        let read = tables.into_iter().filter_map(|(name, value)| claims(&name, value, findings));
        document.claims = Some(read.collect());
    }
    if top.get("services").is_some() {
        let entries = section(&top, "services", findings);
        let read = entries.into_iter().filter_map(|(name, value)| service(name, value, findings));
        document.services = Some(read.collect());
    }
    document.hides = answers(&top, findings);
    for (key, value) in section(&top, "routes", findings) {
        route(&key, value, &mut document, findings);
    }
    document.tests = tests(&top, findings);
    for row in rows(&top, "separation_of_duties", findings) {
        document.duties.extend(duty(row, findings));
    }
    for row in rows(&top, "break_glass", findings) {
        document.break_glass.extend(break_glass(row, findings));
    }
    document
}

fn version(top: &Fields<'_, '_>, findings: &mut Findings<'_>) {
    let Some(value) = top.get("version") else {
        let message = "the policy has no version".to_owned();
        return findings.error("missing-version", top.at(), message, "write `version = 1` as the first line");
    };
    let message = match value.get_ref().as_integer() {
        Some(number) if number.as_str() == "1" => return,
        Some(number) => format!("version {} of the policy format is not known", number.as_str()),
        None => format!("`version` is of type {}", value.get_ref().type_str()),
    };
    findings.error("unknown-version", value.span().start, message, "write the number 1, without quotes");
}

/// The entries of a section, each with its key; none when the section is not there.
fn section<'a, 'i>(
    top: &Fields<'a, 'i>,
    name: &'static str,
    findings: &mut Findings<'_>,
) -> Vec<(At<String>, &'a Spanned<DeValue<'i>>)> {
    let Some(value) = top.get(name) else { return Vec::new() };
    let Some(table) = value.get_ref().as_table() else {
        wrong_type(value, format_args!("[{name}]"), "a table", findings);
        return Vec::new();
    };
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| (At::new(key.get_ref().to_string(), key.span().start), value))
        .collect();
    entries.sort_by_key(|(key, _)| key.at);
    entries
}

fn permission(
    name: At<String>,
    value: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
) -> Option<DeclaredPermission> {
    if !is_permission_name(&name.value) {
        let message = format!("`{}` is not a permission name", name.value);
        let cure = "use lower-case segments of a-z 0-9 - _ . between colons, such as `notes:read`";
        findings.error("permission-name", name.at, message, cure);
    }
    let place = format_args!("permission `{}`", name.value);
    let at = value.span().start;
    let known = &["privileged", "audit", "attributes", "acr", "max_age"];
    let fields = Fields::of(table(value, place, findings)?, at, &place, known, findings);
    let attributes = attributes(&fields, place, findings);
    let log_in = log_in(&fields, place, findings);
    let privileged = fields.switch("privileged", findings);
    let audit = fields.get("audit").and_then(|value| text(value, "`audit`", findings));
    let strict = match audit {
        None => false,
        Some(At { value, at }) => match value.as_str() {
            "strict" => true,
            "async" => false,
            other => {
                let message = format!("unknown audit class `{other}`");
                findings.error("unknown-audit-class", at, message, "write \"strict\" or \"async\"");
                false
            }
        },
    };
    Some(DeclaredPermission { name, privileged, strict, log_in, attributes })
}

fn role(name: At<String>, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<DeclaredRole> {
    role_name(&name, findings);
    let place = format_args!("role `{}`", name.value);
    let at = value.span().start;
    let fields =
        Fields::of(table(value, place, findings)?, at, &place, &["grants", "deny", "inherits"], findings);
    let (grants, mut clauses_of) = clauses(&fields, "grants", Effect::Allow, findings);
    let (deny, denials) = clauses(&fields, "deny", Effect::Deny, findings);
    clauses_of.extend(denials);
    let inherits = fields.texts("inherits", findings);
    Some(DeclaredRole { name, grants, deny, inherits, clauses: clauses_of })
}

fn role_name(name: &At<String>, findings: &mut Findings<'_>) {
    let text = name.value.as_str();
    if text.is_empty() || text.trim() != text || text.chars().any(char::is_control) {
        let message = format!("{text:?} is not a role name");
        findings.error("role-name", name.at, message, "write a name without blanks around it");
    }
}

fn route(
    key: &At<String>,
    value: &Spanned<DeValue<'_>>,
    document: &mut Document,
    findings: &mut Findings<'_>,
) {
    let Some((access, scope, terms)) = access(value, &key.value, findings) else { return };
    if key.value == "fallback" {
        if !scope.is_empty() {
            let message = "the fallback has no path parameters to be a scope".to_owned();
            findings.error("route-scope", key.at, message, "drop `scope`");
        }
        document.fallback = Some(At::new(access, key.at));
        document.fallback_terms = terms;
        return;
    }
    let parsed = key.value.split_once(' ').and_then(|(method, template)| {
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        let upper = method.as_str().bytes().all(|byte| byte.is_ascii_uppercase());
        let whole = !template.contains(|letter: char| letter.is_whitespace() || letter.is_control());
        (upper && template.starts_with('/') && whole).then_some((method, template))
    });
    match parsed {
        Some((method, _)) if method == Method::HEAD => {
            let message = format!("`{}`: HEAD follows the rule of GET", key.value);
            findings.error("route-name", key.at, message, "declare GET only");
        }
        Some((method, template)) => {
            let template = template.to_owned();
            document.routes.push(DeclaredRoute { at: key.at, method, template, access, terms, scope });
        }
        None => {
            let message = format!("`{}` is not a route", key.value);
            let cure = "write method, one blank and template, such as \"GET /notes/{id}\", or \"fallback\"";
            findings.error("route-name", key.at, message, cure);
        }
    }
}

/// What is forbidden is told as the policy says for all routes.
fn answers(top: &Fields<'_, '_>, findings: &mut Findings<'_>) -> bool {
    let Some(value) = top.get("answers") else { return false };
    let Some(answers) = table(value, "[answers]", findings) else { return false };
    let fields = Fields::of(answers, value.span().start, &"[answers]", &["forbidden"], findings);
    hidden(&fields, "[answers]", findings).unwrap_or_default()
}

fn access(
    value: &Spanned<DeValue<'_>>,
    route: &str,
    findings: &mut Findings<'_>,
) -> Option<(Access, Scope, Terms)> {
    const CURE: &str = "write \"public\", { public = \"why\" } or { perm = \"…\" }";
    if value.get_ref().as_str() == Some(PUBLIC) {
        let access = Access::Public(Cow::Borrowed(NO_REASON));
        return Some((access, Scope::default(), Terms::default()));
    }
    let place = format_args!("route `{route}`");
    let Some(fields) = value.get_ref().as_table() else {
        findings.error("route-rule", value.span().start, format!("{place} has no rule"), CURE);
        return None;
    };
    let known = &["perm", PUBLIC, "scope", "acr", "max_age", "forbidden"];
    let fields = Fields::of(fields, value.span().start, &place, known, findings);
    let scope = scope(&fields, findings);
    let terms = Terms { log_in: log_in(&fields, place, findings), hidden: hidden(&fields, place, findings) };
    let mut read = |key| fields.get(key).and_then(|value| text(value, place, findings));
    match (read("perm"), read(PUBLIC)) {
        (Some(permission), None) => Some((Access::Permission(Cow::Owned(permission.value)), scope, terms)),
        (None, Some(_)) if !terms.is_empty() || !scope.is_empty() => {
            let message = format!("{place} is public, and asks something of its callers");
            let cure = "drop `scope`, `acr`, `max_age` and `forbidden`, or ask for a permission";
            findings.error("public-with-terms", value.span().start, message, cure);
            None
        }
        (None, Some(reason)) => Some((Access::Public(Cow::Owned(reason.value)), scope, terms)),
        _ => {
            findings.error("route-rule", value.span().start, format!("{place} has no single rule"), CURE);
            None
        }
    }
}

/// Which path parameters must name what is the caller's own.
fn scope(fields: &Fields<'_, '_>, findings: &mut Findings<'_>) -> Scope {
    let Some(value) = fields.get("scope") else { return Scope::default() };
    let at = value.span().start;
    let Some(table) = table(value, "`scope`", findings) else { return Scope::default() };
    let fields = Fields::of(table, at, &"a scope", &["tenant", "subject"], findings);
    let mut parameter = |key| {
        let written = text(fields.get(key)?, format_args!("`{key}` of a scope"), findings)?;
        let name = written.value.strip_prefix("path:").filter(|name| !name.is_empty());
        if name.is_none() {
            let message = format!("`{}` is no place to read a scope from", written.value);
            findings.error(
                "route-scope",
                written.at,
                message,
                "write \"path:\" and the name of a path parameter",
            );
        }
        name.map(|name| Cow::Owned(name.to_owned()))
    };
    let scope = Scope { tenant: parameter("tenant"), subject: parameter("subject") };
    if table.is_empty() {
        let cure = "write { tenant = \"path:…\" }, or drop `scope`";
        findings.error("route-scope", at, "`scope` is empty".to_owned(), cure);
    }
    scope
}
