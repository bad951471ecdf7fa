//! What the tables of clauses and advisories say is tested, is.

use std::collections::{HashMap, HashSet};

use super::Source;
use super::finding::Finding;

const MISSING: &str = "name it as it is now, or say in the table that nothing tests it";
const UNPROVEN: &str = "name a test, or write `no` or `not built`";

/// The names of the tests of each file.
pub(crate) type Names<'a> = HashMap<&'a str, HashSet<&'a str>>;

/// The tests that there are.
pub(crate) fn names(sources: &[Source]) -> Names<'_> {
    sources.iter().map(|source| (source.path.as_str(), tests_of(source))).collect()
}

/// The functions that are tests, those inside of macros too.
fn tests_of(source: &Source) -> HashSet<&str> {
    let mut marked = false;
    let mut tests = HashSet::new();
    for window in source.tokens.windows(3) {
        let [first, second, third] = window else { continue };
        match (first.text.as_str(), second.text.as_str(), third.text.as_str()) {
            ("[" | ":", "test", "]" | "(") => marked = true,
            ("fn", name, _) if std::mem::take(&mut marked) => {
                tests.insert(name);
            }
            _ => {}
        }
    }
    tests
}

/// Checks one text of a crate's tests: a page, or the docs of a module. Paths in it are relative to the crate.
pub(crate) fn check(file: &str, text: &str, names: &Names<'_>) -> Vec<Finding> {
    let Some((home, _)) = file.split_once("/tests/").filter(|(home, _)| home.starts_with("crates/")) else {
        return Vec::new();
    };
    let lines: Vec<(usize, &str)> =
        text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, prose(file, line)?))).collect();
    // Of tables without tests, such as those of standards, nothing is asked.
    if !lines.iter().any(|(_, line)| named(line).next().is_some()) {
        return Vec::new();
    }
    lines.iter().flat_map(|(number, line)| check_line(file, *number, line, home, names)).collect()
}

fn prose<'a>(file: &str, line: &'a str) -> Option<&'a str> {
    if file.ends_with(".md") {
        Some(line)
    } else {
        line.strip_prefix("//! ").filter(|_| file.ends_with(".rs"))
    }
}

fn check_line(file: &str, number: usize, line: &str, home: &str, names: &Names<'_>) -> Vec<Finding> {
    let missing = named(line).filter(|(path, name)| {
        !names.get(from_root(home, path).as_str()).is_some_and(|tests| tests.contains(name))
    });
    let mut findings: Vec<Finding> = missing
        .map(|(path, name)| {
            Finding::new(file, number, "named-test", format!("there is no test `{path}::{name}`"), MISSING)
        })
        .collect();
    let is_heading = ["| clause |", "| what went wrong |"].iter().any(|heading| line.starts_with(heading));
    let is_row = line.starts_with("| ") && !is_heading;
    let says_so = line.contains("| no |") || line.contains("not built");
    if is_row && !says_so && named(line).next().is_none() {
        findings.push(Finding::new(file, number, "named-test", "a line names no test", UNPROVEN));
    }
    findings
}

/// The tests that a text names, as `path/of/file.rs::name` in backticks.
fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('`').skip(1).step_by(2).filter_map(|quoted| {
        let (path, name) = quoted.split_once("::")?;
        path.ends_with(".rs").then_some((path, name))
    })
}

/// The path as the repository has it.
fn from_root(home: &str, path: &str) -> String {
    let mut parts: Vec<&str> = home.split('/').collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        let code = "#[test] fn there() {} fn helper() {} #[tokio::test(flavor = \"x\")] #[ignore] async fn later() {}
                    proptest! { #[test] fn holds(x in 0..1) {} }";
        let sources =
            ["crates/a/src/x.rs", "tests/it/y.rs"].map(|path| Source::parse(path, code).expect("parses"));
        check(file, text, &names(&sources)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_name_that_is_no_test_is_found() {
        for name in ["src/x.rs::there", "src/x.rs::later", "src/x.rs::holds", "../../tests/it/y.rs::there"] {
            assert!(found("crates/a/tests/PAGE.md", &format!("`{name}`")).is_empty(), "{name}");
            assert!(found("crates/a/tests/it/z.rs", &format!("//! `{name}`")).is_empty(), "{name}");
        }
        for name in ["src/x.rs::helper", "src/x.rs::the", "src/y.rs::there", "../b/src/x.rs::there"] {
            let expected = [format!("there is no test `{name}`")];
            assert_eq!(found("crates/a/tests/PAGE.md", &format!("- `{name}`")), expected, "{name}");
            assert_eq!(found("crates/a/tests/it/z.rs", &format!("//! `{name}`")), expected, "{name}");
        }
    }

    #[test]
    fn a_line_of_a_table_names_a_test_or_says_that_there_is_none() {
        let table = |row: &str| format!("| clause | tests |\n|---|---|\n| a | `src/x.rs::there` |\n{row}\n");
        assert_eq!(found("crates/a/tests/PAGE.md", &table("| b | `src/x.rs` |")), ["a line names no test"]);
        for row in ["| b | no | |", "| b | not built |", "", "| b | `src/x.rs::later` |"] {
            assert!(found("crates/a/tests/PAGE.md", &table(row)).is_empty(), "{row}");
        }
    }

    #[test]
    fn other_texts_are_left_alone() {
        for file in ["crates/a/README.md", "tests/it/z.rs", "docs/page.md"] {
            assert!(found(file, "`src/x.rs::gone`").is_empty(), "{file}");
        }
        assert!(found("crates/a/tests/it/z.rs", "let name = \"`src/x.rs::gone`\";").is_empty());
        assert!(found("crates/a/tests/vendored/README.md", "| file | of |\n|---|---|\n| a | b |").is_empty());
    }
}
