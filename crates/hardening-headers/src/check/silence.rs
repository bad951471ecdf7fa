//! Findings that somebody has looked at and left, each for a reason.

use gambeson_core::ConfigProblems;

use super::finding::Finding;
use super::rule::{Part, Rule, Severity};
use super::rules::{HH110, HH111};

const FIELD: &str = "hardening-headers.silence";

/// Ids and the reasons why their findings may stay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Silences(Vec<(String, String)>);

impl Silences {
    /// Adds one.
    pub(crate) fn add(&mut self, id: impl Into<String>, reason: impl Into<String>) {
        self.0.push((id.into(), reason.into()));
    }

    /// Notes what can't be silenced, or not so.
    pub(crate) fn look_through(&self, problems: &mut ConfigProblems) {
        for (id, reason) in &self.0 {
            let wrong = match super::rule(id) {
                None => "no finding has this id",
                Some(rule) if rule.severity == Severity::Error => "an error is mended, not silenced",
                Some(_) if reason.trim().is_empty() => "write the reason why it may stay",
                Some(_) => continue,
            };
            problems.add(format!("{FIELD}.{id}"), reason, HH110.says(wrong));
        }
    }

    /// Whether findings of this rule are left.
    pub(crate) fn holds(&self, rule: &Rule) -> bool {
        self.0.iter().any(|(id, _)| id == rule.id)
    }

    /// What is left of these findings; what is silenced without need is one too. `whole` says that the layers beside this one were
    /// looked at as well.
    pub(crate) fn apply(&self, found: Vec<Finding>, whole: bool) -> Vec<Finding> {
        let needless = self.0.iter().filter(|(id, _)| {
            let seen = found.iter().any(|finding| finding.id() == id);
            let looked_for = super::rule(id).is_some_and(|rule| match rule.part {
                Part::Edge => rule != HH111,
                Part::Proxies | Part::Limits | Part::Rate => whole,
                Part::Traffic | Part::Answers => false,
            });
            looked_for && !seen
        });
        let needless: Vec<Finding> =
            needless.map(|(id, reason)| Finding::new(HH111, format!("{FIELD}.{id}"), reason)).collect();
        let mut left: Vec<Finding> =
            found.into_iter().chain(needless).filter(|finding| !self.holds(finding.rule())).collect();
        left.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        left
    }

    /// The rules whose findings are left.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (&'static Rule, &str)> {
        self.0.iter().filter_map(|(id, reason)| Some((super::rule(id)?, reason.as_str())))
    }
}

/// Says each finding once, when the edge is built.
pub(crate) fn log(found: &[Finding], silences: &Silences) {
    for finding in found {
        let (id, field, value) = (finding.id(), finding.field(), finding.value());
        match finding.severity() {
            Severity::Info => tracing::info!(id, field, value, "{finding}"),
            Severity::Warning | Severity::Error => tracing::warn!(id, field, value, "{finding}"),
        }
    }
    for (rule, reason) in silences.rules() {
        tracing::debug!(id = rule.id, reason, "silenced");
    }
}
