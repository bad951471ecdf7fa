//! The ways to write a policy: one schema, told apart by how the text begins.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::finding::Findings;
use crate::json::{self, Placed, Value};

/// So many mistakes in TOML are told one by one: what has more is no policy.
const MOST_ERRORS: usize = 100;

/// The policy as a table with the place of each word; `None`: it can't be read, as the findings say.
///
/// No TOML begins with `{` or `---`, so there is no text that could be read in two ways.
pub(super) fn table<'t>(source: &'t str, findings: &mut Findings<'_>) -> Option<DeTable<'t>> {
    let says_something = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let begin =
        source.trim_start_matches('\u{feff}').lines().map(str::trim).find(says_something).unwrap_or_default();
    match begin {
        _ if begin.starts_with('{') => json(source, findings),
        _ if begin.starts_with("---") || begin.starts_with("%YAML") => yaml(source, findings),
        _ => toml(source, findings),
    }
}

fn toml<'t>(source: &'t str, findings: &mut Findings<'_>) -> Option<DeTable<'t>> {
    let (table, errors) = DeTable::parse_recoverable(source);
    let place = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    for error in errors.iter().take(MOST_ERRORS) {
        findings.error("syntax", place(error), error.message().to_owned(), "mend the TOML here");
    }
    if let Some(next) = errors.get(MOST_ERRORS) {
        let more = format!("{} more of these follow from here on", errors.len() - MOST_ERRORS);
        findings.error("syntax", place(next), more, "is it the right file?");
    }
    errors.is_empty().then(|| table.into_inner())
}

fn json<'t>(source: &'t str, findings: &mut Findings<'_>) -> Option<DeTable<'t>> {
    let read = match json::read(source) {
        Ok(read) => read,
        Err(error) => {
            findings.error("syntax", error.at, error.what.to_owned(), "mend the JSON here");
            return None;
        }
    };
    whole(read, findings)
}

#[cfg(feature = "yaml")]
fn yaml<'t>(source: &'t str, findings: &mut Findings<'_>) -> Option<DeTable<'t>> {
    let read = match super::yaml::read(source) {
        Ok(read) => read,
        Err(error) => {
            findings.error("syntax", error.at, error.what, "mend the YAML here");
            return None;
        }
    };
    whole(read, findings)
}

#[cfg(not(feature = "yaml"))]
fn yaml<'t>(_: &'t str, findings: &mut Findings<'_>) -> Option<DeTable<'t>> {
    let cure = "write it as TOML or JSON, or build gambeson-rbac with the feature `yaml`";
    findings.error("syntax", 0, "this begins as YAML does".to_owned(), cure);
    None
}

fn whole<'t>(read: Placed<'t>, findings: &mut Findings<'_>) -> Option<DeTable<'t>> {
    match tree(read, findings)?.into_inner() {
        DeValue::Table(table) => Some(table),
        other => {
            let message = format!("the policy is of type {}", other.type_str());
            findings.error("wrong-type", 0, message, "write a table, which begins with the version");
            None
        }
    }
}

/// The same value in the words of TOML, which has no null.
fn tree<'t>(placed: Placed<'t>, findings: &mut Findings<'_>) -> Option<Spanned<DeValue<'t>>> {
    let Placed { value, at, end } = placed;
    let value = match value {
        Value::Null => {
            findings.error("null", at, "null says nothing in a policy".to_owned(), "leave the key out");
            return None;
        }
        Value::Bool(flag) => DeValue::Boolean(flag),
        Value::Text(text) => DeValue::String(text),
        Value::Number(number) => match DeValue::parse(number) {
            Ok(read) => read.into_inner(),
            Err(error) => {
                findings.error("syntax", at, error.message().to_owned(), "write another number");
                return None;
            }
        },
        Value::List(items) => {
            let mut list = DeArray::new();
            // Each is looked at, so that all findings are told at once.
            items.into_iter().filter_map(|item| tree(item, findings)).for_each(|item| list.push(item));
            DeValue::Array(list)
        }
        Value::Object(members) => {
            let mut table = DeTable::new();
            for member in members {
                let name = Spanned::new(member.at..member.value.at, member.name);
                if let Some(value) = tree(member.value, findings) {
                    table.insert(name, value);
                }
            }
            DeValue::Table(table)
        }
    };
    Some(Spanned::new(at..end, value))
}
