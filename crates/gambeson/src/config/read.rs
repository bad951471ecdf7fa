//! One table of the configuration, understood by the crate that it belongs to.

use gambeson_core::ConfigProblems;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::sources::Sources;

/// Takes the table `name` out of the sources and reads it; what is wrong is noted, and the default stands in for it so
/// that the rest is looked at too.
pub(super) fn take<T: DeserializeOwned + Default>(
    sources: &mut Sources,
    name: &str,
    problems: &mut ConfigProblems,
) -> T {
    let mut table = match sources.table.remove(name) {
        None => return T::default(),
        Some(Value::Table(table)) => table,
        Some(_) => {
            problems.add(name, "", format!("write a table: [{name}]"));
            return T::default();
        }
    };
    loop {
        let error = match serde_path_to_error::deserialize(Value::Table(table.clone())) {
            Ok(read) => return read,
            Err(error) => error,
        };
        let path = error.path().to_string();
        let field = if path == "." { name.to_owned() } else { format!("{name}.{path}") };
        let message = error.inner().message().to_owned();
        if !mend(&mut table, &path, &field, &message, sources, problems) {
            return T::default();
        }
    }
}

/// Deals with one thing that could not be read. `true` when reading may be tried again.
fn mend(
    table: &mut Table,
    path: &str,
    field: &str,
    message: &str,
    sources: &Sources,
    problems: &mut ConfigProblems,
) -> bool {
    if let Some(known) = unknown_field(message) {
        problems.add(field, "", nearest(path, &known));
        return remove(table, path);
    }
    let origin = sources.origins.get(field);
    if sources.texts.get(field).is_some_and(|text| restore_text(table, path, text)) {
        return true;
    }
    let said = origin.map_or_else(String::new, |origin| format!(" (from {origin})"));
    problems.add(field, "", format!("{message}{said}"));
    // What is left may hold further problems; a required part that is missing ends the search.
    remove(table, path)
}

/// The names that serde knows at this place, when its message is about a name that it does not know.
fn unknown_field(message: &str) -> Option<Vec<&str>> {
    let rest = message.strip_prefix("unknown field ")?;
    Some(rest.split('`').skip(3).step_by(2).collect())
}

fn nearest(path: &str, known: &[&str]) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    let closest = known.iter().min_by_key(|name| strsim::damerau_levenshtein(key, name));
    match closest {
        None => "there is no such setting: take it out".to_owned(),
        Some(name) if strsim::damerau_levenshtein(key, name) <= 1 + key.len() / 3 => {
            format!("there is no such setting: write {name}")
        }
        Some(_) => format!("there is no such setting; there are {}", known.join(", ")),
    }
}

fn remove(table: &mut Table, path: &str) -> bool {
    let (parents, leaf) = path.rsplit_once('.').unwrap_or(("", path));
    // Of a list the whole goes: without one of its parts the others would have other numbers.
    let (leaf, _) = leaf.split_once('[').unwrap_or((leaf, ""));
    parent(table, parents).is_some_and(|table| table.remove(leaf).is_some())
}

/// A variable's number or truth value, where something else was wanted, is the text that was written.
fn restore_text(table: &mut Table, path: &str, text: &str) -> bool {
    let (parents, leaf) = path.rsplit_once('.').unwrap_or(("", path));
    let Some(value) = parent(table, parents).and_then(|table| table.get_mut(leaf)) else { return false };
    if value.is_str() || value.is_array() || value.is_table() {
        return false;
    }
    *value = Value::String(text.to_owned());
    true
}

/// The table at a path such as `limits` or `quotas[0]`.
fn parent<'a>(table: &'a mut Table, path: &str) -> Option<&'a mut Table> {
    path.split('.').filter(|key| !key.is_empty()).try_fold(table, |table, key| {
        let (key, index) = match key.split_once('[') {
            Some((key, index)) => (key, Some(index.strip_suffix(']')?.parse::<usize>().ok()?)),
            None => (key, None),
        };
        let value = table.get_mut(key)?;
        match index {
            Some(index) => value.as_array_mut()?.get_mut(index)?.as_table_mut(),
            None => value.as_table_mut(),
        }
    })
}

/// Notes the tables that no crate took.
pub(super) fn nothing_left(sources: &Sources, problems: &mut ConfigProblems) {
    for name in sources.table.keys() {
        problems.add(name, "", nearest(name, &TABLES));
    }
}

const TABLES: [&str; 8] =
    ["audit-trail", "cost-guard", "hardening-headers", "oidc-auth", "otel-setup", "rbac", "secrets", "stack"];
