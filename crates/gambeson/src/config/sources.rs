//! What the file and the environment say, merged before anything is understood.

use std::collections::BTreeMap;
use std::fmt;

use gambeson_core::ConfigProblems;
use toml::{Table, Value};

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The configuration file.
    File,
    /// This environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("the file"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// The settings of all crates by name, and where each came from.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) table: Table,
    /// By dotted name, such as `oidc-auth.audience`.
    pub(super) origins: BTreeMap<String, Origin>,
    /// What variables said to the letter, by the same names.
    pub(super) texts: BTreeMap<String, String>,
}

/// Variables whose name begins so and has a double underscore are settings.
pub(super) const PREFIX: &str = "GAMBESON_";

impl Sources {
    /// The file's text, overridden by the variables.
    pub(super) fn merge(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
        problems: &mut ConfigProblems,
    ) -> Self {
        let mut sources = Self::default();
        match text.parse::<Table>() {
            Ok(table) => sources.table = table,
            Err(error) => {
                problems.add(super::FILE, "", format!("mend the TOML: {}", error.to_string().trim_end()));
            }
        }
        note_leaves(&sources.table, "", &mut sources.origins);
        // By name, so that a whole table comes before its parts, whatever the environment's order.
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        for (name, text) in variables.iter().filter(|(_, text)| !text.is_empty()) {
            match path_of(name) {
                Some(path) if path.iter().any(String::is_empty) => {
                    problems.add(
                        name,
                        "",
                        "write GAMBESON_<CRATE>__<FIELD>, with two underscores between names",
                    );
                }
                Some(path) => sources.set(&path, text, name, problems),
                None => {}
            }
        }
        sources
    }

    fn set(&mut self, path: &[String], text: &str, variable: &str, problems: &mut ConfigProblems) {
        let Some((leaf, parents)) = path.split_last() else { return };
        let mut table = &mut self.table;
        for key in parents {
            let entry = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            match entry {
                Value::Table(inner) => table = inner,
                _ => {
                    let cure = format!("{} is one value and has no part {leaf}: unset the variable", key);
                    return problems.add(variable, "", cure);
                }
            }
        }
        table.insert(leaf.clone(), literal(text));
        let dotted = path.join(".");
        self.texts.insert(dotted.clone(), text.to_owned());
        let below = format!("{dotted}.");
        self.origins.retain(|name, _| !name.starts_with(&below));
        self.origins.insert(dotted, Origin::Variable(variable.to_owned()));
    }
}

/// `GAMBESON_OIDC_AUTH__LOGIN__CLIENT_ID` is `oidc-auth.login.client-id`; a name without `__` is no setting.
fn path_of(variable: &str) -> Option<Vec<String>> {
    let name = variable.strip_prefix(PREFIX)?;
    if !name.contains("__") {
        return None;
    }
    Some(name.split("__").map(|part| part.to_ascii_lowercase().replace('_', "-")).collect())
}

/// A variable's text as the TOML value that it reads as, else as a string: `3`, `true`, `["a", "b"]`, `30s`.
fn literal(text: &str) -> Value {
    match format!("value = {text}").parse::<Table>() {
        Ok(mut table) if table.len() == 1 => {
            table.remove("value").unwrap_or_else(|| Value::String(text.to_owned()))
        }
        _ => Value::String(text.to_owned()),
    }
}

fn note_leaves(table: &Table, prefix: &str, origins: &mut BTreeMap<String, Origin>) {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => note_leaves(inner, &format!("{name}."), origins),
            _ => {
                origins.insert(name, Origin::File);
            }
        }
    }
}
