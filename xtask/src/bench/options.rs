//! The words after `cargo xtask bench`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// Where the targets are when nobody says otherwise: beside the checkout.
const TARGETS: &str = "../shared/targets.json";

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Measure,
    Check,
    Gate,
    Bless,
}

/// What the user asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(super) task: Task,
    /// Only these crates; all when empty.
    pub(super) crates: Vec<String>,
    /// Relative to the root of the checkout.
    pub(super) targets: PathBuf,
}

impl Options {
    /// What CI runs.
    pub(crate) fn gate() -> Self {
        Self { task: Task::Gate, crates: Vec::new(), targets: TARGETS.into() }
    }

    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self { task: Task::Measure, crates: Vec::new(), targets: TARGETS.into() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--check" => options.task = Task::Check,
                "--gate" => options.task = Task::Gate,
                "--bless" => options.task = Task::Bless,
                "--targets" => options.targets = words.next().context("--targets wants a file")?.into(),
                flag if flag.starts_with('-') => bail!("bench knows no {flag}: cargo xtask help"),
                name => options.crates.push(name.to_owned()),
            }
        }
        if !options.crates.is_empty() && matches!(options.task, Task::Gate | Task::Bless) {
            bail!("the baseline is of all crates: leave out {}", options.crates.join(" "));
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_and_a_task_are_read() {
        let options = Options::parse(&["rbac", "--check", "--targets", "elsewhere.json"]).expect("options");
        assert_eq!(options.task, Task::Check);
        assert_eq!(options.crates, ["rbac"]);
        assert_eq!(options.targets, PathBuf::from("elsewhere.json"));
        assert_eq!(Options::parse(&[]).expect("options").targets, PathBuf::from(TARGETS));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(Options::parse(&["--fast"]).is_err());
        assert!(Options::parse(&["--targets"]).is_err());
        assert!(Options::parse(&["--gate", "rbac"]).is_err());
    }
}
