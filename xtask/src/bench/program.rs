//! Building and running the programs of `benches/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::results::{Row, parse_lines};
use crate::peer::VALGRIND;
use crate::workspace::Workspace;
use crate::{peers, process};

const RUNNER: &str = "gungraun-runner";

/// So many cases under valgrind at once: instructions don't depend on what else runs.
const PARALLEL: &str = "2";

/// Whose keys rotate.
const ROTATES: &str = "oidc-auth";

/// What is measured beside ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Build {
    /// The named peers: they take minutes to compile.
    WithPeers,
    /// The bare service only.
    OursOnly,
}

/// The built programs.
#[derive(Debug)]
pub(super) struct Programs {
    benches: PathBuf,
    target: PathBuf,
    build: Build,
    valgrind: PathBuf,
    runner: PathBuf,
}

/// A pair of case and subject whose instructions are counted, in gungraun's order.
#[derive(Debug, Deserialize)]
struct Counted {
    #[serde(rename = "crate")]
    krate: String,
    case: String,
    subject: String,
    calls: f64,
}

impl Programs {
    /// Installs what counts instructions, and builds all.
    pub(super) fn build(workspace: &Workspace, build: Build) -> Result<Self> {
        let benches = workspace.root.join("benches");
        let valgrind = peers::program(workspace, VALGRIND)?;
        let runner = runner(workspace, &benches)?;
        let programs =
            Self { benches, target: workspace.target.join("bench/build"), build, valgrind, runner };
        let mut cargo = programs.cargo("build");
        cargo.args(["--release", "--bins"]);
        if !process::visible(&mut cargo)? {
            bail!("the benches do not build, see above");
        }
        Ok(programs)
    }

    pub(super) fn times(&self, crates: &[String]) -> Result<Vec<Row>> {
        println!("measuring thread CPU time …");
        parse_lines(&self.printed("times", crates)?)
    }

    pub(super) fn allocations(&self, crates: &[String]) -> Result<Vec<Row>> {
        println!("counting allocations …");
        parse_lines(&self.printed("allocations", crates)?)
    }

    /// What becomes of valid tokens when the keys of an issuer rotate; peers that take longer are given up.
    pub(super) fn rotation(&self, crates: &[String], longest: u64) -> Result<Vec<Row>> {
        if !crates.is_empty() && !crates.iter().any(|name| name == ROTATES) {
            return Ok(Vec::new());
        }
        println!("rotating keys, for {} seconds at most …", longest + 20);
        parse_lines(&self.printed("rotation", &[longest.to_string()])?)
    }

    pub(super) fn instructions(&self, crates: &[String]) -> Result<Vec<Row>> {
        println!("counting instructions …");
        let listed = self.printed("allocations", &["--list".to_owned()])?;
        let listed: Vec<Counted> = listed
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .context("the list of cases")?;
        let mut filters: Vec<String> =
            crates.iter().map(|name| format!("*::{}::*", name.replace('-', "_"))).collect();
        if filters.is_empty() {
            filters.push("*".to_owned());
        }
        let mut rows = Vec::new();
        for filter in filters {
            let mut cargo = self.cargo("bench");
            cargo.args(["--quiet", "--bench", "instructions", "--", "--output-format=json"]).arg(filter);
            cargo
                .env("GUNGRAUN_PARALLEL", PARALLEL)
                .env("GUNGRAUN_RUNNER", &self.runner)
                .env("GUNGRAUN_VALGRIND_BIN", &self.valgrind);
            rows.extend(instructions(&process::output(&mut cargo)?, &listed)?);
        }
        Ok(rows)
    }

    fn cargo(&self, command: &str) -> Command {
        // Not `--locked`: a dependency that a crate gained since is added to the lock, what is there stays.
        let mut cargo = process::cargo(&self.benches);
        cargo.arg(command).arg("--target-dir").arg(&self.target);
        if self.build == Build::WithPeers {
            cargo.args(["--features", "peers"]);
        }
        cargo
    }

    fn printed(&self, program: &str, arguments: &[String]) -> Result<String> {
        let path = self.target.join("release").join(program);
        process::output(process::program(&path.to_string_lossy(), &self.benches).args(arguments))
    }
}

/// gungraun's program at the version that the lock file of `benches/` has, installed below the target folder.
fn runner(workspace: &Workspace, benches: &Path) -> Result<PathBuf> {
    let lock = benches.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).with_context(|| format!("reading {}", lock.display()))?;
    let version = locked(&lock, RUNNER).context("the lock file of benches/ has no gungraun-runner")?;
    let root = workspace.tools().join(format!("{RUNNER}-{version}"));
    let program = root.join("bin").join(RUNNER);
    if !program.is_file() {
        println!("{RUNNER} {version} (about 9 MB of source), to be compiled into {}:", root.display());
        let mut cargo = process::cargo(&workspace.root);
        cargo.args(["install", RUNNER, "--version", version, "--locked", "--quiet", "--root"]).arg(&root);
        cargo.arg("--target-dir").arg(workspace.tools().join("build"));
        if !process::visible(&mut cargo)? {
            bail!("{RUNNER} could not be installed: check that cargo reaches its registry");
        }
    }
    Ok(program)
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

/// The instructions of one call, from what gungraun prints: a JSON object for each `case_<n>` of a crate's function.
fn instructions(printed: &str, listed: &[Counted]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for line in printed.lines().filter(|line| line.starts_with('{')) {
        let summary: serde_json::Value = serde_json::from_str(line).context("a summary of gungraun")?;
        let function = summary["function_name"].as_str().unwrap_or_default().replace('_', "-");
        let id =
            summary["id"].as_str().and_then(|id| id.strip_prefix("case_")).and_then(|id| id.parse().ok());
        let pair = id.and_then(|id: usize| listed.iter().filter(|pair| pair.krate == function).nth(id));
        let total = &summary["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"];
        // A run beside an older one shows both.
        let total = [&total["new"], &total["both"][0]].into_iter().find_map(serde_json::Value::as_f64);
        let (Some(pair), Some(total)) = (pair, total) else {
            bail!("gungraun printed what bench does not understand: {line:.200}");
        };
        rows.push(Row {
            krate: pair.krate.clone(),
            case: pair.case.clone(),
            subject: pair.subject.clone(),
            metric: "instructions".to_owned(),
            value: total / pair.calls,
            unit: "count".to_owned(),
        });
    }
    Ok(rows)
}

/// How many crates come with a crate, itself not counted.
pub(super) fn crate_counts(workspace: &Workspace, crates: &[String]) -> Result<Vec<Row>> {
    let [krate, case] = ["otel-setup", "default_otlp_crates"].map(str::to_owned);
    if !crates.is_empty() && !crates.contains(&krate) {
        return Ok(Vec::new());
    }
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["tree", "--package", "gambeson-otel-setup", "--features", "client", "--edges", "normal"]);
    let tree = process::output(cargo.args(["--prefix", "none", "--format", "{p}"]))?;
    let (subject, [metric, unit]) = ("gambeson".to_owned(), ["count", "count"].map(str::to_owned));
    Ok(vec![Row { krate, case, subject, metric, value: distinct(&tree) as f64 - 1.0, unit }])
}

/// How many lines of a tree name another package; repeated ones have a mark behind them.
fn distinct(tree: &str) -> usize {
    let names = tree.lines().map(|line| line.trim_end_matches(" (*)").trim()).filter(|line| !line.is_empty());
    names.collect::<std::collections::BTreeSet<_>>().len()
}

/// The compiler's version.
pub(super) fn rustc(workspace: &Workspace) -> Result<String> {
    let printed = process::output(process::program("rustc", &workspace.root).arg("--version"))?;
    printed.split_whitespace().nth(1).map(str::to_owned).context("rustc tells no version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_version_is_found() {
        let lock = "[[package]]\nname = \"gungraun\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"gungraun-runner\"\nversion = \"0.20.0\"\n";
        assert_eq!(locked(lock, RUNNER), Some("0.20.0"));
        assert_eq!(locked(lock, "other"), None);
    }

    #[test]
    fn a_package_counts_once() {
        assert_eq!(distinct("a v1\nb v2\nb v3\n\nb v2 (*)\n"), 3);
    }

    #[test]
    fn gungrauns_numbers_become_names() {
        let pair = |krate: &str, case: &str| Counted {
            krate: krate.into(),
            case: case.into(),
            subject: "gambeson".into(),
            calls: 100.0,
        };
        let listed = [pair("rbac", "a"), pair("audit-trail", "b"), pair("audit-trail", "c")];
        let printed = r#"{"function_name":"audit_trail","id":"case_1","profiles":[{"data":{"total":{"metrics":{"Ir":{"values":{"both":[1250,9]}}}}}}]}"#;
        let rows = instructions(printed, &listed).expect("rows");
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].case.as_str(), rows[0].value), ("c", 12.5));
        assert!(instructions(r#"{"function_name":"rbac","id":"case_9"}"#, &listed).is_err());
    }
}
