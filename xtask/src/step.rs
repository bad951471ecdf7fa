//! The steps of a long command, and the table at its end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

/// The steps that ran so far.
#[derive(Debug, Default)]
pub(crate) struct Steps(Vec<Step>);

#[derive(Debug)]
struct Step {
    name: &'static str,
    passed: bool,
    took: Duration,
}

impl Steps {
    /// Runs one step; an error is told and counts as a failure, the next steps run all the same.
    pub(crate) fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<bool>) {
        println!("\n=== {name}");
        let started = now();
        let passed = work().unwrap_or_else(|error| {
            println!("{name}: {error:#}");
            false
        });
        self.0.push(Step { name, passed, took: started.elapsed() });
    }

    /// Whether every step passed.
    pub(crate) fn passed(&self) -> bool {
        self.0.iter().all(|step| step.passed)
    }

    /// One line a step, and the sum.
    pub(crate) fn table(&self) -> String {
        let mut table = String::from("step      result  seconds\n");
        let total: Duration = self.0.iter().map(|step| step.took).sum();
        for step in &self.0 {
            let result = if step.passed { "ok" } else { "FAILED" };
            let _ = writeln!(table, "{:<9} {result:<7} {:>7.1}", step.name, step.took.as_secs_f64());
        }
        let result = if self.passed() { "ok" } else { "FAILED" };
        let _ = writeln!(table, "{:<9} {result:<7} {:>7.1}", "all", total.as_secs_f64());
        table
    }
}

#[expect(clippy::disallowed_methods, reason = "the chores measure real seconds")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_whole_and_stops_nothing() {
        let mut steps = Steps::default();
        steps.run("fmt", || Ok(true));
        steps.run("lint", || anyhow::bail!("broken"));
        steps.run("test", || Ok(true));
        assert!(!steps.passed());
        let table = steps.table();
        assert_eq!(table.lines().count(), 5);
        assert!(table.contains("lint      FAILED"), "{table}");
        assert!(table.contains("test      ok"), "{table}");
    }
}
