//! Reading `[[separation_of_duties]]` and `[[break_glass]]`.

use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::clause::number;
use super::document::At;
use super::fields::{Fields, wrong_type};
use super::span::span;
use crate::finding::Findings;

/// Roles of which nobody may have, or activate, more than `max`.
#[derive(Debug)]
pub(crate) struct DeclaredDuty {
    pub(crate) name: String,
    pub(crate) kind: DutyKind,
    pub(crate) roles: Vec<At<String>>,
    pub(crate) max: usize,
}

/// When duties are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DutyKind {
    /// Nobody has more.
    Static,
    /// Nobody has more active at a time.
    Dynamic,
}

/// A role that some may take for a short time.
#[derive(Debug)]
pub(crate) struct DeclaredBreakGlass {
    pub(crate) role: At<String>,
    pub(crate) who: Vec<Named>,
    pub(crate) max: Duration,
    pub(crate) reason: bool,
}

/// Who may take a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    Group(Box<str>),
    Role(Box<str>),
}

/// The longest that a role may be taken for.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// The tables of an array such as `[[break_glass]]`.
pub(super) fn rows<'a, 'i>(
    top: &Fields<'a, 'i>,
    name: &'static str,
    findings: &mut Findings<'_>,
) -> Vec<&'a Spanned<DeValue<'i>>> {
    let Some(value) = top.get(name) else { return Vec::new() };
    let Some(rows) = value.get_ref().as_array() else {
        wrong_type(value, format_args!("`{name}`"), &format!("each row under [[{name}]]"), findings);
        return Vec::new();
    };
    let is_table = |row: &&Spanned<DeValue<'_>>| {
        let table = row.get_ref().as_table().is_some();
        if !table {
            wrong_type(row, format_args!("[[{name}]]"), "a table", findings);
        }
        table
    };
    rows.iter().filter(is_table).collect()
}

pub(super) fn duty(row: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<DeclaredDuty> {
    let at = row.span().start;
    let known = &["name", "kind", "roles", "max"];
    let fields = Fields::of(row.get_ref().as_table()?, at, &"[[separation_of_duties]]", known, findings);
    let (name, kind) = (fields.text("name", findings), fields.text("kind", findings));
    let roles = fields.texts("roles", findings);
    let max = most(&fields, findings);
    let (name, kind) = (name?, kind?);
    let kind = match kind.value.as_str() {
        "static" => DutyKind::Static,
        "dynamic" => DutyKind::Dynamic,
        other => {
            let message = format!("unknown kind `{other}` of separation of duties");
            findings.error("separation-kind", kind.at, message, "write \"static\" or \"dynamic\"");
            return None;
        }
    };
    let distinct = roles.iter().map(|role| &role.value).collect::<std::collections::BTreeSet<_>>().len();
    match usize::try_from(max?) {
        Ok(max) if max >= 1 && max < distinct => Some(DeclaredDuty { name: name.value, kind, roles, max }),
        _ => {
            let message = format!("`max` of `{}` keeps nothing apart", name.value);
            let cure = "name different roles, and as `max` at least 1 and fewer than they are";
            findings.error("separation-max", at, message, cure);
            None
        }
    }
}

fn most(fields: &Fields<'_, '_>, findings: &mut Findings<'_>) -> Option<i64> {
    let Some(value) = fields.get("max") else {
        fields.miss("max", "1", findings);
        return None;
    };
    let Some(integer) = value.get_ref().as_integer() else {
        wrong_type(value, fields.name("max"), "a whole number, such as 1", findings);
        return None;
    };
    Some(number(integer).unwrap_or(i64::MAX))
}

pub(super) fn break_glass(
    row: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
) -> Option<DeclaredBreakGlass> {
    let at = row.span().start;
    let known = &["role", "who", "max", "reason"];
    let fields = Fields::of(row.get_ref().as_table()?, at, &"[[break_glass]]", known, findings);
    let (role, max) = (fields.text("role", findings), fields.text("max", findings));
    let written = fields.texts("who", findings);
    let who: Vec<Named> = written.iter().filter_map(|written| who(written, findings)).collect();
    if written.is_empty() {
        let cure = "write who may, such as `who = [\"group:oncall\"]`";
        findings.error("break-glass-who", at, "[[break_glass]] is for nobody".to_owned(), cure);
    }
    let reason = match fields.get("reason").map(|value| value.get_ref().as_str()) {
        None | Some(Some("required")) => true,
        Some(Some("optional")) => false,
        Some(_) => {
            let message = "`reason` of [[break_glass]] can't be understood".to_owned();
            findings.error("break-glass-reason", at, message, "write \"required\" or \"optional\"");
            true
        }
    };
    let max = max?;
    let Some(longest) = span(&max.value).filter(|max| *max <= LONGEST) else {
        let message = format!("`{}` is no time to have a role for", max.value);
        findings.error("break-glass-max", max.at, message, "write up to 24 hours, such as \"1h30m\"");
        return None;
    };
    Some(DeclaredBreakGlass { role: role?, who, max: longest, reason })
}

fn who(written: &At<String>, findings: &mut Findings<'_>) -> Option<Named> {
    match written.value.split_once(':') {
        Some(("group", name)) if !name.is_empty() => Some(Named::Group(name.into())),
        Some(("role", name)) if !name.is_empty() => Some(Named::Role(name.into())),
        _ => {
            let message = format!("`{}` names nobody", written.value);
            findings.error(
                "break-glass-who",
                written.at,
                message,
                "write \"group:\" or \"role:\" and a name",
            );
            None
        }
    }
}
