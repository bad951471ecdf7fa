//! Whether a process's memory stays flat.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// What is left out at the start, in seconds: tables and buffers fill.
const WARM_UP: f64 = 60.0;

/// Growth that is none: a tenth and 4 MiB.
const TOLERATED_KIB: f64 = 4.0 * 1_024.0;
const TOLERATED_SHARE: f64 = 0.10;

const GONE: &str = "the app is gone: target/load/app.log says why";

/// How much of the process is in memory, second by second.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<(f64, f64)>);

/// What the samples say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Memory {
    pub(super) samples: usize,
    pub(super) first_kib: f64,
    pub(super) highest_kib: f64,
    /// What was left out at the start; the two medians below are over as long.
    pub(super) warm_up_seconds: f64,
    /// The median right after the warm-up: of minute two, in a run of four minutes and more.
    pub(super) early_kib: f64,
    /// The median at the end: of the last minute.
    pub(super) late_kib: f64,
    /// The most that `late` may be over `early`, and that the fitted line may rise from the warm-up to the end.
    pub(super) tolerated_kib: f64,
    /// Of the line that fits all samples after the warm-up best.
    pub(super) slope_kib_per_minute: f64,
    /// How much that line rises from the warm-up to the end.
    pub(super) risen_kib: f64,
}

impl Samples {
    pub(super) fn add(&mut self, seconds: f64, kib: u64) {
        self.0.push((seconds, kib as f64));
    }

    /// All of them, for a file.
    pub(super) fn lines(&self) -> String {
        self.0.iter().map(|(seconds, kib)| format!("{seconds:.1} {kib:.0}\n")).collect()
    }

    /// Judges a run of so many seconds; `None` when there are too few samples.
    pub(super) fn judge(&self, seconds: f64) -> Option<Memory> {
        let warm_up = WARM_UP.min(seconds / 4.0);
        let between = |from: f64, to: f64| -> Vec<f64> {
            let inside = self.0.iter().filter(|(at, _)| (from..to).contains(at));
            inside.map(|(_, kib)| *kib).collect()
        };
        let early = median(between(warm_up, 2.0 * warm_up))?;
        let late = median(between(seconds - warm_up, f64::INFINITY))?;
        let warm: Vec<(f64, f64)> = self.0.iter().copied().filter(|(at, _)| *at >= warm_up).collect();
        let slope = slope(&warm)?;
        Some(Memory {
            samples: self.0.len(),
            first_kib: self.0.first()?.1,
            highest_kib: self.0.iter().map(|(_, kib)| *kib).fold(0.0, f64::max),
            warm_up_seconds: warm_up,
            early_kib: early,
            late_kib: late,
            tolerated_kib: early * TOLERATED_SHARE + TOLERATED_KIB,
            slope_kib_per_minute: slope * 60.0,
            risen_kib: slope * (seconds - warm_up),
        })
    }
}

impl Memory {
    pub(super) fn is_flat(&self) -> bool {
        self.late_kib - self.early_kib <= self.tolerated_kib && self.risen_kib <= self.tolerated_kib
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// By least squares; `None` without two different moments.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), point| {
        (over + (point.0 - x) * (point.1 - y), under + (point.0 - x).powi(2))
    });
    (under > 0.0).then(|| over / under)
}

/// How many KiB of a process are in memory now.
pub(super) fn resident_kib(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context(GONE)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context(GONE)?;
    let kib = line.split_whitespace().next().context("VmRSS has a value")?;
    Ok(kib.parse()?)
}

/// How many files and connections a process holds.
pub(super) fn open_files(process: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd")).context(GONE)?.count())
}

/// How many bytes all files below a folder have.
pub(super) fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { bytes_below(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(kib: impl Fn(u32) -> u64) -> Memory {
        let mut samples = Samples::default();
        (0..600).for_each(|second| samples.add(f64::from(second), kib(second)));
        samples.judge(600.0).expect("enough samples")
    }

    #[test]
    fn a_warm_up_is_no_growth() {
        let memory = run(|second| 20_000 + 500 * u64::from(second.min(50)) + u64::from(second % 7));
        assert!(memory.is_flat(), "{memory:?}");
        assert_eq!(memory.warm_up_seconds, 60.0);
        assert!(memory.slope_kib_per_minute.abs() < 1.0);
    }

    #[test]
    fn a_leak_is_seen() {
        let memory = run(|second| 20_000 + 20 * u64::from(second));
        assert!(!memory.is_flat(), "{memory:?}");
        assert!((memory.slope_kib_per_minute - 1_200.0).abs() < 1.0);
        assert!((memory.risen_kib - 10_800.0).abs() < 1.0);
    }

    #[test]
    fn too_few_samples_say_nothing() {
        assert_eq!(Samples::default().judge(60.0), None);
    }
}
