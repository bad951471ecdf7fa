//! Time of this thread's processor: what others do on the machine counts as little as it can.
//!
//! Each subject gets a number of calls that takes about two milliseconds. In a sweep the subjects take turns, so that a
//! machine that becomes slower does so for all; of each sweep the fastest batch counts, and of the sweeps the median.
//!
//! A batch begins with half as many calls that are not timed: else the first calls would find in the processor's caches
//! what the subject before left there, and who comes after a large one would pay for it.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};

use crate::{Case, Row, Run};

const SWEEPS: usize = 5;
const BATCHES: usize = 9;
const BATCH_NS: f64 = 2_000_000.0;

/// The time that this thread has used, in nanoseconds.
#[must_use]
pub fn thread_cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

struct Timed {
    run: Run,
    calls: u32,
    minima: Vec<f64>,
}

impl Timed {
    fn new(mut run: Run) -> Self {
        let mut calls = 1;
        while batch(&mut run, calls) < BATCH_NS && calls < 1 << 22 {
            calls *= 2;
        }
        Self { run, calls, minima: Vec::new() }
    }

    fn call_ns(&mut self) -> f64 {
        batch(&mut self.run, self.calls / 2);
        batch(&mut self.run, self.calls) / f64::from(self.calls)
    }
}

fn batch(run: &mut Run, calls: u32) -> f64 {
    let before = thread_cpu_ns();
    for _ in 0..calls {
        black_box(&mut *run)();
    }
    thread_cpu_ns() - before
}

/// The time of one call of each subject of the case, in nanoseconds.
#[must_use]
pub fn measure(case: &Case) -> Vec<Row> {
    let mut subjects: Vec<_> = case.subjects.iter().map(|subject| Timed::new((subject.prepare)())).collect();
    for _ in 0..SWEEPS {
        let mut fastest = vec![f64::INFINITY; subjects.len()];
        for _ in 0..BATCHES {
            for (subject, fastest) in subjects.iter_mut().zip(&mut fastest) {
                *fastest = fastest.min(subject.call_ns());
            }
        }
        for (subject, fastest) in subjects.iter_mut().zip(fastest) {
            subject.minima.push(fastest);
        }
    }
    let values = subjects.into_iter().map(|subject| median(subject.minima));
    case.subjects
        .iter()
        .zip(values)
        .map(|(subject, value)| Row::new(case, subject, "cpu_ns", value, "ns"))
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
    }
}
