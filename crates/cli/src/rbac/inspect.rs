//! What a policy says by itself: lint, test, why and matrix.

use std::fmt::Write;
use std::path::Path;

use gambeson_core::{Clock, SystemClock, escape_controls};
use gambeson_rbac::{Decision, Finding, LINTS, Linter, Matrix, RouteEntry, Severity, read_inventory};

use super::policy_file::{policy, shown, text};
use super::{Lint, MatrixForm, Why, past};
use crate::outcome::Outcome;

pub(super) fn lint(arguments: &Lint) -> Result<Outcome, Outcome> {
    let known = |id: &str| LINTS.iter().any(|lint| lint.id == id && lint.severity == Severity::Warning);
    if let Some(unknown) = arguments.allow.iter().find(|id| !known(id)) {
        let ids: Vec<&str> =
            LINTS.iter().filter(|lint| lint.severity == Severity::Warning).map(|lint| lint.id).collect();
        let message =
            format!("no warning is called {}; there are {}", escape_controls(unknown), ids.join(", "));
        return Err(Outcome::failed(2, message));
    }
    let text = text(&arguments.policy)?;
    let previous = arguments.previous.as_deref().map(policy).transpose()?;
    let routes = arguments.routes.as_deref().map(inventory).transpose()?;
    let mut linter = Linter::new(&text).now(SystemClock::new().now());
    if let Some(previous) = &previous {
        linter = linter.previous(previous);
    }
    if let Some(routes) = &routes {
        linter = linter.routes(routes);
    }
    let mut findings = linter.findings();
    findings.retain(|finding| {
        finding.severity == Severity::Error || !arguments.allow.iter().any(|id| id == finding.id)
    });
    Ok(findings_outcome(&arguments.policy, &findings, arguments.strict))
}

fn findings_outcome(path: &Path, findings: &[Finding], strict: bool) -> Outcome {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let mut out = String::new();
    for finding in findings {
        let word = if finding.severity == Severity::Error { "error" } else { "warning" };
        let _ = writeln!(out, "{word}: {}:{finding}", shown(path));
    }
    let _ = writeln!(out, "{errors} errors, {} warnings", findings.len() - errors);
    let fails = errors > 0 || (strict && !findings.is_empty());
    Outcome { code: u8::from(fails), ..Outcome::said(out) }
}

/// The routes of an app, as `Routes::inventory_text` writes them.
fn inventory(path: &Path) -> Result<Vec<RouteEntry>, Outcome> {
    read_inventory(&text(path)?).map_err(|error| Outcome::failed(3, format!("{}:{error}", shown(path))))
}

pub(super) fn test(path: &Path) -> Result<Outcome, Outcome> {
    let report = policy(path)?.run_tests();
    if report.passed == 0 && report.failures.is_empty() {
        let cure = "write what must come out, such as `as = [\"viewer\"]`, `do = \"notes:write\"`, `expect = \"deny\"`";
        return Ok(Outcome::failed(1, format!("{} has no [[test]] row: {cure}", shown(path))));
    }
    let mut out = String::new();
    for failure in &report.failures {
        let _ = writeln!(out, "failed: {}", escape_controls(failure));
    }
    let _ = writeln!(out, "{} rows hold, {} failed", report.passed, report.failures.len());
    Ok(Outcome { code: u8::from(!report.is_ok()), ..Outcome::said(out) })
}

pub(super) fn why(arguments: &Why) -> Result<Outcome, Outcome> {
    let policy = policy(&arguments.policy)?;
    let asked = arguments.asked.join(" ");
    let (mut out, mut told) = (String::new(), Outcome::default());
    let roles = match &arguments.from {
        None => split(&arguments.who),
        Some(from) => {
            let keys = arguments.keys.open()?;
            let newest = past::newest_roles(from, keys.as_ref(), &arguments.who)?;
            let (at, roles) = (newest.at, newest.roles);
            told = newest.told;
            let names = if roles.is_empty() { "no role".into() } else { roles.join(", ") };
            let _ = writeln!(
                out,
                "{} had at {}: {}",
                escape_controls(&arguments.who),
                escape_controls(&at),
                escape_controls(&names)
            );
            roles
        }
    };
    let why = policy.why_roles(roles.iter().map(|role| &**role), &asked);
    let _ = writeln!(out, "{why}");
    // By outdated roles "allow" and "deny" are guesses: that comes first.
    Ok(told.and(Outcome { code: u8::from(why.decision != Decision::Allow), ..Outcome::said(out) }))
}

fn split(roles: &str) -> Vec<Box<str>> {
    roles.split(',').map(str::trim).filter(|role| !role.is_empty()).map(Box::from).collect()
}

pub(super) fn matrix(path: &Path, form: &MatrixForm) -> Result<Outcome, Outcome> {
    let matrix = Matrix::of_policy(&policy(path)?);
    Ok(Outcome::said(match form {
        MatrixForm { html: true, .. } => matrix.html(),
        MatrixForm { csv: true, .. } => matrix.csv(),
        MatrixForm { .. } => matrix.markdown(),
    }))
}
