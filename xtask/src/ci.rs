//! `cargo xtask ci`: everything a change must pass.

use anyhow::Result;

use crate::step::Steps;
use crate::test;
use crate::workspace::Workspace;
use crate::{bench, copy_out, deny, lint, process};

/// Runs every step, the cheap ones first, and ends with a table of them.
pub(crate) fn run(workspace: &Workspace, options: &test::Options) -> Result<bool> {
    let mut steps = Steps::default();
    steps.run("fmt", || cargo(workspace, &["fmt", "--all", "--check"]));
    steps.run("lint", || lint::run(workspace));
    steps.run("clippy", || {
        cargo(
            workspace,
            &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
        )
    });
    steps.run("doc", || doc(workspace));
    steps.run("deny", || deny::run(workspace));
    steps.run("test", || test::run(workspace, options));
    steps.run("copy-out", || copy_out::run(workspace));
    steps.run("bench", || bench::run(workspace, &bench::Options::gate()));
    println!("\n{}", steps.table());
    Ok(steps.passed())
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<bool> {
    process::visible(process::cargo(&workspace.root).args(arguments))
}

fn doc(workspace: &Workspace) -> Result<bool> {
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["doc", "--workspace", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings");
    process::visible(&mut cargo)
}
