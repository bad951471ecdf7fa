//! The targets: what the results are held against.

use std::fmt;

use anyhow::Result;
use serde::Deserialize;

use super::results::Row;

/// One bound, in the words of the results.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Target {
    #[serde(rename = "crate")]
    krate: String,
    case: String,
    metric: String,
    /// The bound is of the ratio to this subject of the same case.
    relative_to: Option<String>,
    max: Option<f64>,
    min: Option<f64>,
}

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Holds(f64),
    FallsShort(f64),
    NotMeasured,
}

/// One target and how it stands.
#[derive(Debug)]
pub(super) struct Verdict<'a> {
    target: &'a Target,
    state: State,
}

pub(super) fn parse(text: &str) -> Result<Vec<Target>> {
    Ok(serde_json::from_str(text)?)
}

/// Holds the rows against the targets; of these crates only, unless none is named.
pub(super) fn check<'a>(targets: &'a [Target], rows: &[Row], crates: &[String]) -> Vec<Verdict<'a>> {
    let wanted = targets.iter().filter(|target| crates.is_empty() || crates.contains(&target.krate));
    wanted.map(|target| Verdict { target, state: target.state(rows) }).collect()
}

impl Target {
    fn state(&self, rows: &[Row]) -> State {
        let value = self.value_of("gambeson", rows).and_then(|ours| match &self.relative_to {
            None => Some(ours),
            Some(other) => self.value_of(other, rows).map(|theirs| ours / theirs),
        });
        // A ratio to nothing is no measurement.
        match value.filter(|value| value.is_finite()) {
            None => State::NotMeasured,
            Some(value) if self.allows(value) => State::Holds(value),
            Some(value) => State::FallsShort(value),
        }
    }

    fn value_of(&self, subject: &str, rows: &[Row]) -> Option<f64> {
        let is_it = |row: &&Row| {
            row.krate == self.krate
                && row.case == self.case
                && row.metric == self.metric
                && row.subject == subject
        };
        rows.iter().find(is_it).map(|row| row.value)
    }

    fn allows(&self, value: f64) -> bool {
        self.max.is_none_or(|max| value <= max) && self.min.is_none_or(|min| value >= min)
    }
}

impl Verdict<'_> {
    pub(super) fn falls_short(&self) -> bool {
        matches!(self.state, State::FallsShort(_))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.krate, self.case, self.metric)?;
        if let Some(other) = &self.relative_to {
            write!(f, " / {other}")?;
        }
        if let Some(max) = self.max {
            write!(f, " ≤ {max}")?;
        }
        if let Some(min) = self.min {
            write!(f, " ≥ {min}")?;
        }
        Ok(())
    }
}

/// What holds, what falls short, what is not measured, and how many of each.
pub(super) fn told(verdicts: &[Verdict<'_>]) -> String {
    let mut text = String::new();
    let mut counts = [0_usize; 3];
    for verdict in verdicts {
        let (place, line) = match verdict.state {
            State::Holds(value) => (0, format!("holds         {}: {value:.3}", verdict.target)),
            State::FallsShort(value) => (1, format!("FALLS SHORT   {}: {value:.3}", verdict.target)),
            State::NotMeasured => (2, format!("not measured  {}", verdict.target)),
        };
        counts[place] += 1;
        text += &line;
        text.push('\n');
    }
    let [hold, short, unmeasured] = counts;
    format!("{text}targets: {hold} hold, {short} fall short, {unmeasured} not measured yet")
}

#[cfg(test)]
mod tests {
    use super::super::results::row;
    use super::*;

    const TARGETS: &str = r#"[
        {"crate": "rbac", "case": "decide_warm", "metric": "cpu_ns", "max": 5, "note": "words"},
        {"crate": "oidc-auth", "case": "verify", "metric": "cpu_ns", "relative_to": "aws-lc-rs", "max": 1.2},
        {"crate": "audit-trail", "case": "verify", "metric": "per_second", "min": 1000},
        {"crate": "secrets", "case": "read", "metric": "allocations", "max": 0}
    ]"#;

    fn states(rows: &[Row]) -> Vec<State> {
        let targets = parse(TARGETS).expect("targets");
        check(&targets, rows, &[]).into_iter().map(|verdict| verdict.state).collect()
    }

    #[test]
    fn bounds_include_their_ends() {
        let rows = [
            row("rbac", "decide_warm", "gambeson", "cpu_ns", 5.0),
            row("oidc-auth", "verify", "gambeson", "cpu_ns", 130.0),
            row("oidc-auth", "verify", "aws-lc-rs", "cpu_ns", 100.0),
            row("audit-trail", "verify", "gambeson", "per_second", 999.0),
            row("secrets", "read", "gambeson", "allocations", 0.0),
        ];
        let expected =
            [State::Holds(5.0), State::FallsShort(1.3), State::FallsShort(999.0), State::Holds(0.0)];
        assert_eq!(states(&rows), expected);
    }

    #[test]
    fn what_is_missing_is_not_measured_and_never_holds() {
        assert_eq!(states(&[]), [State::NotMeasured; 4]);
        let without_the_other = [row("oidc-auth", "verify", "gambeson", "cpu_ns", 1.0)];
        assert_eq!(states(&without_the_other)[1], State::NotMeasured);
        let only_the_peer = [row("rbac", "decide_warm", "casbin", "cpu_ns", 1.0)];
        assert_eq!(states(&only_the_peer)[0], State::NotMeasured);
        let to_nothing = [
            row("oidc-auth", "verify", "gambeson", "cpu_ns", 1.0),
            row("oidc-auth", "verify", "aws-lc-rs", "cpu_ns", 0.0),
        ];
        assert_eq!(states(&to_nothing)[1], State::NotMeasured);
    }

    #[test]
    fn the_summary_counts_each_kind() {
        let targets = parse(TARGETS).expect("targets");
        let rows = [
            row("rbac", "decide_warm", "gambeson", "cpu_ns", 7.0),
            row("secrets", "read", "gambeson", "allocations", 0.0),
        ];
        let text = told(&check(&targets, &rows, &[]));
        assert!(text.contains("FALLS SHORT   rbac decide_warm cpu_ns ≤ 5: 7.000"), "{text}");
        assert!(text.ends_with("targets: 1 hold, 1 fall short, 2 not measured yet"), "{text}");
        assert_eq!(check(&targets, &rows, &["rbac".to_owned()]).len(), 1);
    }
}
