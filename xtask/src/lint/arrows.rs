//! Which crate may know which.

use std::fs;
use std::path::Path;

use super::finding::Finding;
use crate::workspace::{Dependency, Package, Workspace};

/// The graph of `ARCHITECTURE.md`: crate, what it needs, what it may have as an optional dependency.
const ARROWS: &[(&str, &[&str], &[&str])] = &[
    ("core", &[], &[]),
    ("client", &["core"], &[]),
    ("oidc-auth", &["core"], &["client"]),
    ("secrets", &["core"], &["client"]),
    ("rbac", &["core"], &[]),
    ("hardening-headers", &["core"], &[]),
    ("cost-guard", &["core"], &[]),
    ("otel-setup", &["core"], &["client"]),
    ("audit-trail", &["core"], &[]),
    ("testing", &["core"], &[]),
];

/// The crates that put the others together.
const TOPS: &[&str] = &["gambeson", "cli"];

/// Checks the members' manifests.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let manifest = relative(&package.manifest_path, &workspace.root);
        let text = fs::read_to_string(&package.manifest_path).unwrap_or_default();
        findings.extend(check_package(package, &manifest, &text));
    }
    findings
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn check_package(package: &Package, manifest: &str, text: &str) -> Vec<Finding> {
    let mut parts = manifest.split('/');
    match (parts.next(), parts.next()) {
        (Some("crates"), Some(folder)) => check_crate(package, folder, manifest, text),
        (Some("examples"), Some(_)) => check_example(manifest, text),
        (Some("xtask"), _) => check_xtask(package, manifest, text),
        _ => Vec::new(),
    }
}

fn check_crate(package: &Package, folder: &str, manifest: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let expected = if folder == "gambeson" { "gambeson".to_owned() } else { format!("gambeson-{folder}") };
    if package.name != expected {
        let what = format!("the package in crates/{folder} is named {}", package.name);
        findings.push(Finding::new(manifest, 1, "package-name", what, "name it gambeson-<folder>"));
    }
    for dependency in &package.dependencies {
        let line = line_of(text, &dependency.name);
        if let Some(what) = forbidden(folder, dependency) {
            let cure = "move the shared word to gambeson-core, or join the two in gambeson";
            findings.push(Finding::new(manifest, line, "arrows", what, cure));
        }
        if dependency.name.contains("opentelemetry") && dependency.kind.is_none() && folder != "otel-setup" {
            let what = format!("{folder} depends on {}", dependency.name);
            let cure = "log through tracing, or send a typed event through a sink of core";
            findings.push(Finding::new(manifest, line, "opentelemetry-only-in-otel-setup", what, cure));
        }
    }
    findings
}

/// What is wrong with a crate's dependency on one of ours, if anything.
fn forbidden(folder: &str, dependency: &Dependency) -> Option<String> {
    let target = sibling(&dependency.name)?;
    let kind = dependency.kind.as_deref();
    if kind == Some("dev") && (target == "testing" || target == folder) {
        return None;
    }
    if TOPS.contains(&folder) {
        return (folder == "gambeson" && target == "cli")
            .then(|| "the facade depends on the command line".to_owned());
    }
    let Some((_, needs, may)) = ARROWS.iter().find(|(name, _, _)| *name == folder) else {
        return Some(format!("crates/{folder} has no place in the graph of xtask/src/lint/arrows.rs"));
    };
    if needs.contains(&target) || (may.contains(&target) && (dependency.optional || kind == Some("dev"))) {
        return None;
    }
    if may.contains(&target) {
        return Some(format!("{folder} depends on {target}, which must be optional"));
    }
    Some(format!("{folder} depends on its sibling {target}"))
}

fn sibling(name: &str) -> Option<&str> {
    if name == "gambeson" { Some(name) } else { name.strip_prefix("gambeson-") }
}

fn check_example(manifest: &str, text: &str) -> Vec<Finding> {
    let inherits = |line: &str| line.replace(' ', "").contains("workspace=true");
    let lines = text.lines().enumerate().filter(|(_, line)| inherits(line));
    lines
        .map(|(index, _)| {
            let what = "an example inherits from the workspace, so it cannot be copied out";
            Finding::new(manifest, index + 1, "copyable-example", what, "write the version or the lint here")
        })
        .collect()
}

fn check_xtask(package: &Package, manifest: &str, text: &str) -> Vec<Finding> {
    let ours = package.dependencies.iter().filter(|dependency| sibling(&dependency.name).is_some());
    ours.map(|dependency| {
        let what = format!("xtask depends on {}", dependency.name);
        let cure = "read files or run commands instead, so that the chores build in seconds and when a crate is broken";
        Finding::new(manifest, line_of(text, &dependency.name), "arrows", what, cure)
    })
    .collect()
}

/// The first line that begins with the dependency's name.
fn line_of(manifest: &str, name: &str) -> usize {
    let found = manifest
        .lines()
        .position(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '='])));
    found.map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(name: &str, kind: Option<&str>, optional: bool) -> Dependency {
        Dependency { name: name.to_owned(), kind: kind.map(str::to_owned), optional }
    }

    #[test]
    fn the_arrows_of_the_house_are_allowed() {
        assert_eq!(forbidden("rbac", &dependency("gambeson-core", None, false)), None);
        assert_eq!(forbidden("oidc-auth", &dependency("gambeson-client", None, true)), None);
        assert_eq!(forbidden("oidc-auth", &dependency("gambeson-client", Some("dev"), false)), None);
        assert_eq!(forbidden("core", &dependency("gambeson-testing", Some("dev"), false)), None);
        assert_eq!(forbidden("gambeson", &dependency("gambeson-rbac", None, true)), None);
        assert_eq!(forbidden("cli", &dependency("gambeson", None, false)), None);
        assert_eq!(forbidden("rbac", &dependency("tower", None, false)), None);
    }

    #[test]
    fn all_other_arrows_are_not() {
        assert!(forbidden("rbac", &dependency("gambeson-oidc-auth", None, true)).is_some());
        assert!(forbidden("rbac", &dependency("gambeson-oidc-auth", Some("dev"), false)).is_some());
        assert!(forbidden("rbac", &dependency("gambeson-testing", None, false)).is_some());
        assert!(forbidden("oidc-auth", &dependency("gambeson-client", None, false)).is_some());
        assert!(forbidden("core", &dependency("gambeson", None, false)).is_some());
        assert!(forbidden("gambeson", &dependency("gambeson-cli", None, false)).is_some());
        assert!(forbidden("newcomer", &dependency("gambeson-core", None, false)).is_some());
    }

    #[test]
    fn a_crate_is_named_for_its_folder_and_leaves_opentelemetry_alone() {
        let needs = vec![dependency("opentelemetry_sdk", None, false)];
        let package = Package::at("rbac", "crates/rbac/Cargo.toml", needs);
        let text = "[dependencies]\nopentelemetry_sdk = \"1\"\n";
        let found = check_package(&package, "crates/rbac/Cargo.toml", text);
        let laws: Vec<_> = found.iter().map(|finding| (finding.law, finding.line)).collect();
        assert_eq!(laws, [("package-name", 1), ("opentelemetry-only-in-otel-setup", 2)]);
        assert!(
            check_crate(&package, "otel-setup", "x", "").iter().all(|finding| finding.law == "package-name")
        );
    }

    #[test]
    fn an_example_stands_alone() {
        let bad = "[dependencies]\naxum.workspace = true\n[lints]\nworkspace=true\n";
        assert_eq!(check_example("examples/a/Cargo.toml", bad).len(), 2);
        assert!(check_example("examples/a/Cargo.toml", "[dependencies]\naxum = \"0.8\"\n").is_empty());
    }

    #[test]
    fn the_chores_know_no_crate() {
        let needs = vec![dependency("gambeson-core", None, false), dependency("syn", None, false)];
        let package = Package::at("xtask", "xtask/Cargo.toml", needs);
        assert_eq!(check_package(&package, "xtask/Cargo.toml", "").len(), 1);
    }
}
