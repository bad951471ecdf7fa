//! One line of results.

use serde::Serialize;

use crate::{Case, Figure, Subject};

/// One measured value, in the words of the targets.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The crate's directory name.
    #[serde(rename = "crate")]
    pub krate: &'static str,
    /// The case's name.
    pub case: &'static str,
    /// `bare`, `gambeson`, or a peer's name.
    pub subject: &'static str,
    /// What was measured.
    pub metric: &'static str,
    /// The value.
    pub value: f64,
    /// The value's unit.
    pub unit: &'static str,
}

impl Row {
    /// A value of one subject in one case.
    #[must_use]
    pub fn new(case: &Case, subject: &Subject, metric: &'static str, value: f64, unit: &'static str) -> Self {
        Self { krate: case.krate, case: case.name, subject: subject.name, metric, value, unit }
    }

    /// The value of a figure.
    #[must_use]
    pub fn of(figure: &Figure) -> Self {
        let Figure { krate, case, subject, metric, measure } = *figure;
        Self { krate, case, subject, metric, value: measure(), unit: metric }
    }

    /// Prints it as one JSON line.
    pub fn print(&self) {
        println!("{}", serde_json::json!(self));
    }
}
