//! What `tests/BEHAVIOUR.md` and the table of `advisories.rs` say is tested, is.

use std::collections::HashMap;
use std::path::Path;

/// The tests that a text names, as `path/of/file.rs::name` in backticks.
fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('`').skip(1).step_by(2).filter_map(|quoted| {
        let (file, name) = quoted.split_once(".rs::")?;
        Some((quoted.get(..file.len() + 3)?, name))
    })
}

/// Whether the source has a function of this name that is a test.
fn is_test(source: &str, name: &str) -> bool {
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some((before, rest)) = line.split_once("fn ").filter(|_| marked) {
            if matches!(before, "" | "async ")
                && rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('('))
            {
                return true;
            }
            marked = false;
        }
    }
    false
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources: HashMap<&str, String> = HashMap::new();
    let mut missing = Vec::new();
    let texts = [include_str!("../BEHAVIOUR.md"), include_str!("advisories.rs")];
    for (file, name) in texts.into_iter().flat_map(named) {
        // A copy of this crate alone has no siblings.
        if file.starts_with("../") && !root.join("../../deny.toml").exists() {
            continue;
        }
        let source = sources
            .entry(file)
            .or_insert_with(|| std::fs::read_to_string(root.join(file)).unwrap_or_default());
        if !is_test(source, name) {
            missing.push(format!("{file}::{name}"));
        }
    }
    assert!(missing.is_empty(), "named, but not there: {missing:#?}");
}

#[test]
fn every_line_of_the_tables_names_a_test_or_says_what_is_missing() {
    for text in [include_str!("../BEHAVIOUR.md"), include_str!("advisories.rs")] {
        let rows =
            text.lines().map(|line| line.trim_start_matches("//! ")).filter(|line| line.starts_with("| "));
        let rows: Vec<&str> = rows
            .filter(|row| !row.starts_with("| clause ") && !row.starts_with("| what went wrong "))
            .collect();
        assert!(rows.len() > 20, "the table is found");
        for row in rows {
            assert!(named(row).next().is_some() || row.contains("not built"), "{row}");
        }
    }
}

#[test]
fn a_name_that_is_no_test_is_noticed() {
    let source =
        "#[test]\nfn there() {}\nfn helper() {}\n#[tokio::test]\n#[ignore = \"x\"]\nasync fn later() {}\n";
    for (name, is) in [("there", true), ("later", true), ("helper", false), ("the", false), ("absent", false)]
    {
        assert_eq!(is_test(source, name), is, "{name}");
    }
    let found: Vec<_> = named("a `src/a.rs::b` c `d` e `../x/y.rs::z`").collect();
    assert_eq!(found, [("src/a.rs", "b"), ("../x/y.rs", "z")]);
}
