//! The words after `cargo xtask bench`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// Where the targets are when nobody says otherwise: beside the checkout.
const TARGETS: &str = "../shared/targets.json";

/// After how many seconds a peer that has not accepted a rotated key is given up, when nobody says otherwise: three of
/// four take a minute.
const LONGEST_ROTATION: u64 = 90;

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
    /// In seconds.
    pub(super) longest_rotation: u64,
}

impl Default for Options {
    fn default() -> Self {
        let (task, targets) = (Task::Measure, TARGETS.into());
        Self { task, crates: Vec::new(), targets, longest_rotation: LONGEST_ROTATION }
    }
}

impl Options {
    /// What CI runs.
    pub(crate) fn gate() -> Self {
        Self { task: Task::Gate, ..Self::default() }
    }

    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--check" => options.task = Task::Check,
                "--gate" => options.task = Task::Gate,
                "--bless" => options.task = Task::Bless,
                "--targets" => options.targets = words.next().context("--targets wants a file")?.into(),
                "--longest-rotation" => {
                    let word = words.next().context("--longest-rotation wants a number of seconds")?;
                    options.longest_rotation =
                        word.parse().with_context(|| format!("{word} is no number of seconds"))?;
                }
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
        assert_eq!(options.longest_rotation, LONGEST_ROTATION);
        assert_eq!(Options::parse(&[]).expect("options").targets, PathBuf::from(TARGETS));
        let short = Options::parse(&["oidc-auth", "--longest-rotation", "5"]).expect("options");
        assert_eq!((short.longest_rotation, short.task), (5, Task::Measure));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(Options::parse(&["--fast"]).is_err());
        assert!(Options::parse(&["--targets"]).is_err());
        assert!(Options::parse(&["--longest-rotation", "soon"]).is_err());
        assert!(Options::parse(&["--gate", "rbac"]).is_err());
    }
}
