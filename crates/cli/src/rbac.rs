//! `gambeson rbac …`

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use gambeson_core::escape_controls;
use gambeson_rbac::{Matrix, Policy, Severity, lint};

use crate::outcome::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell what is wrong or doubtful in a policy, with its place and its cure.
    Lint {
        /// The policy, for example `policy.toml`.
        policy: PathBuf,
    },
    /// Run the policy's own `[[test]]` rows.
    Test {
        /// The policy, for example `policy.toml`.
        policy: PathBuf,
    },
    /// Print who may call which of the policy's routes.
    Matrix {
        /// The policy, for example `policy.toml`.
        policy: PathBuf,
        /// As an HTML page; else as Markdown.
        #[arg(long)]
        html: bool,
    },
}

pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Lint { policy } => with_text(&policy, |text| lint_outcome(&policy, text)),
        Command::Test { policy } => with_policy(&policy, test_outcome),
        Command::Matrix { policy, html } => with_policy(&policy, |policy| {
            let matrix = Matrix::of_policy(policy);
            Outcome::said(if html { matrix.html() } else { matrix.markdown() })
        }),
    }
}

fn with_text(path: &Path, then: impl FnOnce(&str) -> Outcome) -> Outcome {
    match fs::read_to_string(path) {
        Ok(text) => then(&text),
        Err(error) => Outcome::failed(3, format!("can't read {}: {error}", shown(path))),
    }
}

fn with_policy(path: &Path, then: impl FnOnce(&Policy) -> Outcome) -> Outcome {
    with_text(path, |text| match Policy::parse(text) {
        Ok(policy) => then(&policy),
        // Its findings are escaped already, each on a line of its own.
        Err(error) => Outcome::failed(1, format!("{}: {error}", shown(path))),
    })
}

fn lint_outcome(path: &Path, text: &str) -> Outcome {
    let findings = lint(text);
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let mut out = String::new();
    for finding in &findings {
        let word = if finding.severity == Severity::Error { "error" } else { "warning" };
        let _ = writeln!(out, "{word}: {}:{finding}", shown(path));
    }
    let _ = writeln!(out, "{errors} errors, {} warnings", findings.len() - errors);
    Outcome { code: u8::from(errors > 0), ..Outcome::said(out) }
}

fn test_outcome(policy: &Policy) -> Outcome {
    let report = policy.run_tests();
    let mut out = String::new();
    for failure in &report.failures {
        let _ = writeln!(out, "failed: {}", escape_controls(failure));
    }
    let _ = writeln!(out, "{} rows hold, {} failed", report.passed, report.failures.len());
    Outcome { code: u8::from(!report.is_ok()), ..Outcome::said(out) }
}

fn shown(path: &Path) -> String {
    escape_controls(&path.display().to_string()).into_owned()
}
