//! `cargo xtask fuzz`: the targets of `fuzz/`, each for a while.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// The cargo-fuzz that is installed where there is none.
const VERSION: &str = "0.13.2";

/// How long each target runs when nobody says.
const SECONDS: u64 = 60;

/// What one run may take of memory.
const RSS: &str = "-rss_limit_mb=2048";

/// Which target, if not all, and how long each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    target: Option<String>,
    seconds: u64,
}

impl Options {
    /// Reads `[target] [seconds]`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let number = |word: &str| word.parse::<u64>().ok();
        let (target, seconds) = match words {
            [] => (None, SECONDS),
            [one] => number(one).map_or((Some(*one), SECONDS), |seconds| (None, seconds)),
            [target, seconds] => {
                let seconds =
                    number(seconds).with_context(|| format!("`{seconds}` is no number of seconds"))?;
                (Some(*target), seconds)
            }
            _ => bail!("fuzz takes a target and a number of seconds: cargo xtask fuzz claims 600"),
        };
        Ok(Self { target: target.map(str::to_owned), seconds })
    }
}

/// Runs each target; false when one found something.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let folder = workspace.root.join("fuzz");
    let all = targets(&folder)?;
    let wanted: Vec<&String> =
        all.iter().filter(|name| options.target.as_ref().is_none_or(|wanted| wanted == *name)).collect();
    if wanted.is_empty() {
        bail!("there is no such target: choose of {}", all.join(", "));
    }
    let fuzzer = Fuzzer { program: cargo_fuzz(workspace)?, folder, target: workspace.target.join("fuzz") };
    for name in wanted {
        if !fuzzer.run(name, options.seconds)? {
            println!(
                "fuzz: {name} found bytes for which its probe does not hold; they are in fuzz/artifacts/{name}.\n  \
                 cure: mend it, and keep the bytes as fuzz/corpus/{name}/<what it was>, which the tests replay"
            );
            return Ok(false);
        }
    }
    Ok(true)
}

/// The names of the targets, in their order.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("fuzz_targets")).context("reading fuzz/fuzz_targets")? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

struct Fuzzer {
    program: PathBuf,
    folder: PathBuf,
    target: PathBuf,
}

impl Fuzzer {
    /// What is new goes to `fuzz/found`, which nobody commits; the corpus in the checkout is only read.
    fn run(&self, name: &str, seconds: u64) -> Result<bool> {
        let found = self.folder.join("found").join(name);
        fs::create_dir_all(&found)?;
        let corpus = self.folder.join("corpus").join(name);
        let mut command = Command::new("rustup");
        // Set by the stable cargo that runs this program; cargo-fuzz would take it.
        command.current_dir(&self.folder).env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
        command.args(["run", "nightly"]).arg(&self.program).args(["fuzz", "run", "--sanitizer", "none"]);
        command.arg("--target-dir").arg(&self.target).arg(name).args([&found, &corpus]);
        command.arg("--").arg(format!("-max_total_time={seconds}"));
        command.args([RSS, "-timeout=5", "-max_len=4096", "-print_final_stats=1"]);
        command.arg(format!("-dict={}", self.dictionary(name).display()));
        process::visible(&mut command)
    }

    /// Words of requests for the targets that read requests, of policies for theirs, else those of JSON.
    fn dictionary(&self, name: &str) -> PathBuf {
        let words = match name {
            "authorization" | "forwarded" | "hosts" | "login" => "request",
            "csp" => "csp",
            _ => "json",
        };
        self.folder.join("dictionaries").join(format!("{words}.dict"))
    }
}

/// Our own cargo-fuzz below the target folder, installed when it is not there.
fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    if !process::succeeds(process::program("rustup", &workspace.root).args(["run", "nightly", "rustc", "-V"]))
    {
        bail!(
            "libFuzzer needs a nightly compiler\n  cure: rustup toolchain install nightly --profile minimal"
        );
    }
    let root = workspace.tools().join(format!("cargo-fuzz-{VERSION}"));
    let program = root.join("bin").join(format!("cargo-fuzz{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        println!("cargo-fuzz {VERSION} will be installed into {} (about a minute)", root.display());
        let mut cargo = process::cargo(&workspace.root);
        cargo
            .args(["install", "cargo-fuzz", "--version", VERSION, "--locked", "--quiet", "--root"])
            .arg(&root);
        cargo.arg("--target-dir").arg(workspace.tools().join("build"));
        if !process::visible(&mut cargo)? {
            bail!("cargo-fuzz could not be installed\n  cure: check that cargo reaches its registry");
        }
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_a_time_both_or_neither() {
        let options = |target: Option<&str>, seconds| Options { target: target.map(str::to_owned), seconds };
        for (words, wanted) in [
            (&[][..], options(None, 60)),
            (&["600"], options(None, 600)),
            (&["claims"], options(Some("claims"), 60)),
            (&["claims", "600"], options(Some("claims"), 600)),
        ] {
            assert_eq!(Options::parse(words).expect("options"), wanted);
        }
        assert!(Options::parse(&["claims", "long"]).is_err() && Options::parse(&["a", "1", "b"]).is_err());
    }

    #[test]
    fn every_target_has_a_corpus_and_every_corpus_a_target() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz"));
        let mut corpora: Vec<String> = fs::read_dir(folder.join("corpus"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        corpora.sort();
        assert_eq!(targets(folder).expect("targets"), corpora);
    }
}
