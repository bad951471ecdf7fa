//! The results: one row for each value.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Below the target folder.
pub(super) const PATH: &str = "bench/results.json";

/// The service without a layer.
pub(super) const BARE: &str = "bare";

/// One measured value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(rename = "crate")]
    pub(super) krate: String,
    pub(super) case: String,
    pub(super) subject: String,
    pub(super) metric: String,
    pub(super) value: f64,
    pub(super) unit: String,
}

/// Rows as the programs print them: one JSON object a line.
pub(super) fn parse_lines(text: &str) -> Result<Vec<Row>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).with_context(|| format!("a row of results: {line}")))
        .collect()
}

/// Adds to each value what it is over the bare service of its case, where there is one.
pub(super) fn with_differences(mut rows: Vec<Row>) -> Vec<Row> {
    let over_bare = |row: &Row| {
        let bare = rows.iter().find(|other| {
            other.subject == BARE
                && (&other.krate, &other.case, &other.metric) == (&row.krate, &row.case, &row.metric)
        })?;
        let metric = format!("{}_over_bare", row.metric);
        (row.subject != BARE).then(|| Row { metric, value: row.value - bare.value, ..row.clone() })
    };
    let differences: Vec<Row> = rows.iter().filter_map(over_bare).collect();
    rows.extend(differences);
    rows
}

/// The new rows, and of the old ones those of other crates.
pub(super) fn replace(mut old: Vec<Row>, new: Vec<Row>) -> Vec<Row> {
    old.retain(|row| new.iter().all(|other| other.krate != row.krate));
    old.extend(new);
    old
}

/// What an earlier run found, if there was one.
pub(super) fn read(path: &Path) -> Result<Option<Vec<Row>>> {
    let Some(text) = super::read_if_there(path)? else { return Ok(None) };
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display())).map(Some)
}

pub(super) fn write(path: &Path, rows: &[Row]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(rows)? + "\n";
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
pub(super) fn row(krate: &str, case: &str, subject: &str, metric: &str, value: f64) -> Row {
    let [krate, case, subject, metric] = [krate, case, subject, metric].map(str::to_owned);
    Row { krate, case, subject, metric, value, unit: "ns".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let line = r#"{"crate":"rbac","case":"layer_pass","subject":"bare","metric":"cpu_ns","value":2.5,"unit":"ns"}"#;
        assert_eq!(
            parse_lines(&format!("{line}\n\n")).expect("a row"),
            [row("rbac", "layer_pass", BARE, "cpu_ns", 2.5)]
        );
        assert!(parse_lines("no row").is_err());
    }

    #[test]
    fn what_is_over_bare_is_added_where_there_is_a_bare_one() {
        let rows = with_differences(vec![
            row("rbac", "layer_pass", BARE, "cpu_ns", 100.0),
            row("rbac", "layer_pass", "gambeson", "cpu_ns", 130.0),
            row("rbac", "layer_pass", "gambeson", "instructions", 900.0),
            row("rbac", "decide_warm", "gambeson", "cpu_ns", 3.0),
        ]);
        assert_eq!(rows.len(), 5);
        assert_eq!(rows.last(), Some(&row("rbac", "layer_pass", "gambeson", "cpu_ns_over_bare", 30.0)));
    }

    #[test]
    fn other_crates_keep_their_rows() {
        let old = vec![row("rbac", "a", BARE, "cpu_ns", 1.0), row("secrets", "b", BARE, "cpu_ns", 2.0)];
        let merged = replace(old, vec![row("rbac", "c", BARE, "cpu_ns", 3.0)]);
        let cases: Vec<_> = merged.iter().map(|row| row.case.as_str()).collect();
        assert_eq!(cases, ["b", "c"]);
    }

    #[test]
    fn results_survive_the_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(PATH);
        assert_eq!(read(&path).expect("no file is no error"), None);
        let rows = vec![row("rbac", "a", BARE, "cpu_ns", 1.5)];
        write(&path, &rows).expect("written");
        assert_eq!(read(&path).expect("read"), Some(rows));
    }
}
