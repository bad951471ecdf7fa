//! `cargo xtask test`: the outside programs, then every test.

use anyhow::{Result, bail};

use crate::ignored_tests::{self, IgnoredTest};
use crate::install::Missing;
use crate::node::Node;
use crate::peer::{NODE, PEERS};
use crate::workspace::Workspace;
use crate::{peers, process};

/// What the user asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Passing without the tests whose outside programs could not be had.
    allow_missing_peers: bool,
    /// Handed to the test binaries.
    arguments: Vec<String>,
}

impl Options {
    /// Reads the words after the command.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--allow-missing-peers" => options.allow_missing_peers = true,
                "--" => options.arguments = words.by_ref().map(|word| (*word).to_owned()).collect(),
                other => bail!("unknown option `{other}`; test arguments come after `--`"),
            }
        }
        Ok(options)
    }
}

/// Installs, tests, and names what could not run.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let missing = peers::install(workspace, &peers::for_tests());
    let not_run = if missing.is_empty() { Vec::new() } else { tests_without(workspace, &missing)? };
    let passed = build_programs(workspace)? && run_tests(workspace, &not_run, options)?;
    report(&missing, &not_run);
    Ok(passed && (missing.is_empty() || options.allow_missing_peers))
}

/// Tests start the workspace's own programs, which they find beside the test binary.
fn build_programs(workspace: &Workspace) -> Result<bool> {
    let mut cargo = process::cargo(&workspace.root);
    process::visible(cargo.args(["build", "--workspace", "--all-features", "--bins"]))
}

fn run_tests(workspace: &Workspace, not_run: &[IgnoredTest], options: &Options) -> Result<bool> {
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["test", "--workspace", "--all-features", "--no-fail-fast", "--", "--include-ignored"]);
    cargo.args(skipping(not_run, options));
    cargo.args(&options.arguments);
    cargo.env("GAMBESON_PEERS", workspace.peers());
    if let Some(node) = Node::find(&workspace.peers().join(NODE)) {
        cargo.env("GAMBESON_NODE", node.program);
    }
    for peer in PEERS {
        if let Some(program) = peer.program(&workspace.peers()) {
            cargo.env(peer.variable(), program);
        }
    }
    process::visible(&mut cargo)
}

fn tests_without(workspace: &Workspace, missing: &[Missing]) -> Result<Vec<IgnoredTest>> {
    let ignored = ignored_tests::find(workspace)?;
    let needs_missing = |test: &IgnoredTest| missing.iter().any(|peer| test.needs(peer.name));
    Ok(ignored.into_iter().filter(needs_missing).collect())
}

/// The test binaries' own words for leaving tests out. Exact names, lest a longer name is left out with a shorter
/// one; with a filter of the user's that would read the filter as an exact name too.
fn skipping(not_run: &[IgnoredTest], options: &Options) -> Vec<String> {
    let mut words: Vec<String> =
        not_run.iter().flat_map(|test| ["--skip".to_owned(), test.path.clone()]).collect();
    if !words.is_empty() && options.arguments.is_empty() {
        words.push("--exact".to_owned());
    }
    words
}

fn report(missing: &[Missing], not_run: &[IgnoredTest]) {
    for peer in missing {
        println!("\nNOT RUN, because an outside program is missing: {peer}");
        for test in not_run.iter().filter(|test| test.needs(peer.name)) {
            println!("  {} ({})", test.path, test.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let options =
            Options::parse(&["--allow-missing-peers", "--", "oidc", "--nocapture"]).expect("options");
        assert!(options.allow_missing_peers);
        assert_eq!(options.arguments, ["oidc", "--nocapture"]);
        assert!(Options::parse(&["--quick"]).is_err());
    }

    #[test]
    fn tests_that_cannot_run_are_left_out_by_exact_name() {
        let test = IgnoredTest {
            path: "walk::real".into(),
            file: "tests/it/walk.rs".into(),
            reason: "needs p: cargo xtask test".into(),
        };
        let all = Options::default();
        assert_eq!(skipping(std::slice::from_ref(&test), &all), ["--skip", "walk::real", "--exact"]);
        let some = Options { arguments: vec!["walk".into()], ..Options::default() };
        assert_eq!(skipping(&[test], &some), ["--skip", "walk::real"]);
        assert!(skipping(&[], &all).is_empty());
    }
}
