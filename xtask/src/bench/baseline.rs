//! The committed baseline of instructions and allocations, which CI holds changes against.

use std::fmt;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::results::Row;

/// Relative to the root of the checkout.
pub(super) const PATH: &str = "benches/baseline.json";

const GAMBESON: &str = "gambeson";

/// More instructions than these two together fail: a share of the baseline, and a few that alignment costs.
const SHARE: f64 = 0.03;
const FEW: f64 = 50.0;

/// Another compiler makes other code: then only what is far off fails.
const OTHER_COMPILER_SHARE: f64 = 0.15;

/// One allocation more a call fails; a queue that grows now and then, or a writer that is awake or not, does not.
const GROWTH: f64 = 0.5;

/// Instructions and allocations of ours, and the compiler that they were counted with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Baseline {
    rustc: String,
    values: Vec<Value>,
}

/// One value of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Value {
    #[serde(rename = "crate")]
    krate: String,
    case: String,
    metric: String,
    value: f64,
}

impl Value {
    fn is_about(&self, other: &Self) -> bool {
        (&self.krate, &self.case, &self.metric) == (&other.krate, &other.case, &other.metric)
    }
}

/// Ours, over bare where there is a bare service, so that what only the request costs moves nothing.
pub(super) fn gated(rows: &[Row]) -> Vec<Value> {
    let ours: Vec<&Row> = rows.iter().filter(|row| row.subject == GAMBESON).collect();
    let has_difference = |row: &Row| {
        let difference = format!("{}_over_bare", row.metric);
        ours.iter()
            .any(|other| (&other.krate, &other.case, &other.metric) == (&row.krate, &row.case, &difference))
    };
    let counted =
        |row: &&&Row| row.metric.starts_with("instructions") || row.metric.starts_with("allocations");
    let kept = ours.iter().filter(counted).filter(|row| !has_difference(row));
    kept.map(|row| Value {
        krate: row.krate.clone(),
        case: row.case.clone(),
        metric: row.metric.clone(),
        value: (row.value * 100.0).round() / 100.0,
    })
    .collect()
}

impl Baseline {
    pub(super) fn new(rustc: String, values: Vec<Value>) -> Self {
        Self { rustc, values }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// One line a value, so that a review sees what moved.
    pub(super) fn text(&self) -> String {
        let lines: Vec<String> =
            self.values.iter().map(|value| format!("    {}", serde_json::json!(value))).collect();
        format!("{{\n  \"rustc\": \"{}\",\n  \"values\": [\n{}\n  ]\n}}\n", self.rustc, lines.join(",\n"))
    }

    pub(super) fn compare(&self, rustc: &str, now: &[Value]) -> Report {
        let same_compiler = self.rustc == rustc;
        let share = if same_compiler { SHARE } else { OTHER_COMPILER_SHARE };
        let mut report = Report { held: self.values.len(), ..Report::default() };
        if !same_compiler {
            report.remarks.push(format!(
                "the baseline is of rustc {}, this is {rustc}: instructions may differ by {} %. \
                 cure: cargo xtask bench --bless with the compiler that CI uses",
                self.rustc,
                share * 100.0
            ));
        }
        for before in &self.values {
            match now.iter().find(|value| value.is_about(before)) {
                Some(after) => report.hold(before, after.value, share),
                None => report
                    .failures
                    .push(format!("{before} was {} and is not measured any more", before.value)),
            }
        }
        for new in now.iter().filter(|new| !self.values.iter().any(|value| value.is_about(new))) {
            report.failures.push(format!("{new} is {} and not in the baseline", new.value));
        }
        report
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.krate, self.case, self.metric)
    }
}

/// What the comparison found.
#[derive(Debug, Default)]
pub(super) struct Report {
    held: usize,
    failures: Vec<String>,
    remarks: Vec<String>,
}

impl Report {
    pub(super) fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    fn hold(&mut self, before: &Value, after: f64, share: f64) {
        let tolerance = match before.metric.starts_with("instructions") {
            true => before.value.abs() * share + FEW,
            false => GROWTH,
        };
        let change = after - before.value;
        if change > tolerance {
            self.failures
                .push(format!("{before} was {}, is {after}: {tolerance:.1} more are allowed", before.value));
        } else if change < -tolerance {
            self.remarks.push(format!("{before} was {}, is {after}: better, bless it", before.value));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for remark in &self.remarks {
            writeln!(f, "bench: {remark}")?;
        }
        for failure in &self.failures {
            writeln!(f, "bench: REGRESSION {failure}")?;
        }
        if !self.passed() {
            writeln!(
                f,
                "  cure: make it cheap again (valgrind's callgrind_annotate shows where; CONTRIBUTING.md, Benches), or, \
                 where the cost is worth it, `cargo xtask bench --bless` and say why in the commit"
            )?;
        }
        let (share, few) = (SHARE * 100.0, FEW);
        write!(
            f,
            "bench: {} values held against the baseline ({share} % + {few} instructions, no allocation more), {} failed",
            self.held,
            self.failures.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::{row, with_differences};
    use super::*;

    fn value(metric: &str, value: f64) -> Value {
        Value { krate: "rbac".into(), case: "layer_pass".into(), metric: metric.into(), value }
    }

    fn baseline() -> Baseline {
        Baseline::new("1.95.0".into(), vec![value("instructions", 1_000.0), value("allocations", 2.0)])
    }

    fn compared(instructions: f64, allocations: f64, rustc: &str) -> Report {
        baseline().compare(rustc, &[value("instructions", instructions), value("allocations", allocations)])
    }

    #[test]
    fn what_is_within_the_tolerance_passes() {
        assert!(compared(1_080.0, 2.0, "1.95.0").passed());
        assert!(compared(1_000.0, 2.0, "1.95.0").remarks.is_empty());
    }

    #[test]
    fn one_allocation_or_too_many_instructions_fail() {
        assert!(!compared(1_000.0, 3.0, "1.95.0").passed());
        assert!(compared(1_000.0, 2.13, "1.95.0").passed());
        let report = compared(1_081.0, 2.0, "1.95.0");
        assert!(!report.passed());
        let text = report.to_string();
        assert!(
            text.contains("rbac layer_pass instructions was 1000, is 1081: 80.0 more are allowed"),
            "{text}"
        );
        assert!(text.contains("--bless"), "{text}");
    }

    #[test]
    fn another_compiler_is_told_and_has_more_room() {
        let report = compared(1_190.0, 2.0, "1.99.0");
        assert!(report.passed());
        assert!(report.to_string().contains("the baseline is of rustc 1.95.0, this is 1.99.0"));
        assert!(!compared(1_201.0, 2.0, "1.99.0").passed());
        assert!(!compared(1_000.0, 3.0, "1.99.0").passed());
    }

    #[test]
    fn a_case_that_comes_or_goes_must_be_blessed() {
        assert!(!baseline().compare("1.95.0", &[value("instructions", 1_000.0)]).passed());
        let mut now = baseline().values;
        now.push(value("allocations_over_bare", 0.0));
        assert!(!baseline().compare("1.95.0", &now).passed());
    }

    #[test]
    fn what_became_better_is_told() {
        let report = compared(800.0, 1.0, "1.95.0");
        assert!(report.passed());
        assert_eq!(report.remarks.len(), 2);
    }

    #[test]
    fn ours_is_gated_over_bare_where_there_is_one() {
        let rows = with_differences(vec![
            row("rbac", "layer_pass", "bare", "instructions", 100.0),
            row("rbac", "layer_pass", "gambeson", "instructions", 130.004),
            row("rbac", "layer_pass", "gambeson", "cpu_ns", 9.0),
            row("rbac", "decide_warm", "gambeson", "allocations", 0.0),
        ]);
        let gated: Vec<_> = gated(&rows).iter().map(|value| (value.to_string(), value.value)).collect();
        let expected =
            [("rbac decide_warm allocations", 0.0), ("rbac layer_pass instructions_over_bare", 30.0)];
        assert_eq!(gated, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn the_file_is_read_as_it_is_written() {
        let read = Baseline::parse(&baseline().text()).expect("a baseline");
        assert_eq!((read.rustc, read.values), (baseline().rustc, baseline().values));
    }
}
