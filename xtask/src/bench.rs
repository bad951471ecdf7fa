//! `cargo xtask bench`: measures the layers beside a bare service and their peers, and holds what it found against the
//! targets and against the committed baseline.

mod baseline;
mod options;
mod program;
mod results;
mod table;
mod targets;

use std::fs;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use baseline::Baseline;
pub(crate) use options::Options;
use options::Task;
use program::{Build, Programs};
use results::Row;

/// Runs what the options ask for; false means that something is wrong and was told.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    match options.task {
        Task::Measure => measure(workspace, options).map(|_| true),
        Task::Check => check(workspace, options),
        Task::Gate => gate(workspace),
        Task::Bless => bless(workspace),
    }
}

/// Measures everything about these crates (or all), prints the table and writes the results. What an earlier run found
/// about other crates is kept.
fn measure(workspace: &Workspace, options: &Options) -> Result<Vec<Row>> {
    let crates = &options.crates;
    let programs = Programs::build(workspace, Build::WithPeers)?;
    let mut rows = programs.times(crates)?;
    rows.extend(programs.allocations(crates)?);
    rows.extend(programs.instructions(crates)?);
    rows.extend(programs.rotation(crates, options.longest_rotation)?);
    rows.extend(program::crate_counts(workspace, crates)?);
    let rows = results::with_differences(rows);
    println!("\n{}", table::of(&rows));
    let path = workspace.target.join(results::PATH);
    let merged = results::replace(results::read(&path)?.unwrap_or_default(), rows);
    results::write(&path, &merged)?;
    println!("results: {}", path.display());
    Ok(merged)
}

/// Holds results against the targets; measures first when crates are named or when there are no results yet.
fn check(workspace: &Workspace, options: &Options) -> Result<bool> {
    let path = workspace.root.join(&options.targets);
    let Some(text) = read_if_there(&path)? else {
        println!(
            "bench: there are no targets: {} does not exist.\n  cure: cargo xtask bench --check --targets <file>",
            path.display()
        );
        return Ok(false);
    };
    let targets = targets::parse(&text).with_context(|| format!("reading {}", path.display()))?;
    let earlier = results::read(&workspace.target.join(results::PATH))?;
    let rows = match earlier {
        Some(rows) if options.crates.is_empty() => rows,
        _ => measure(workspace, options)?,
    };
    let verdicts = targets::check(&targets, &rows, &options.crates);
    println!("{}", targets::told(&verdicts));
    Ok(verdicts.iter().all(|verdict| !verdict.falls_short()))
}

/// Counts instructions and allocations and compares them with the baseline.
fn gate(workspace: &Workspace) -> Result<bool> {
    let path = workspace.root.join(baseline::PATH);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let baseline = Baseline::parse(&text).with_context(|| format!("reading {}", path.display()))?;
    let (rustc, rows) = count(workspace)?;
    let report = baseline.compare(&rustc, &baseline::gated(&rows));
    println!("{report}");
    Ok(report.passed())
}

fn bless(workspace: &Workspace) -> Result<bool> {
    let (rustc, rows) = count(workspace)?;
    let path = workspace.root.join(baseline::PATH);
    let baseline = Baseline::new(rustc, baseline::gated(&rows));
    fs::write(&path, baseline.text()).with_context(|| format!("writing {}", path.display()))?;
    println!("bench: {} holds {} values now; commit it with the reason", path.display(), baseline.len());
    Ok(true)
}

fn count(workspace: &Workspace) -> Result<(String, Vec<Row>)> {
    let programs = Programs::build(workspace, Build::OursOnly)?;
    let mut rows = programs.allocations(&[])?;
    rows.extend(programs.instructions(&[])?);
    Ok((program::rustc(workspace)?, results::with_differences(rows)))
}

fn read_if_there(path: &std::path::Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}
