//! What the reports would have a policy say, for a person to review.

use std::fmt;

use gambeson_core::Timestamp;

use super::covers::{covers, hosts_ignored};
use super::proposal::{Proposal, propose};
use super::violation::{Blocked, Violation};
use crate::csp::{Csp, Directive, Source};

/// A difference that the reports propose for a policy; see [`Reports::suggest`](super::Reports::suggest).
///
/// It is text for a review, or values for a check in CI. Whoever reaches the collector can have made it up: an origin that the app
/// does not load from on purpose does not belong into its policy, however often it is reported.
///
/// ```text
/// add to img-src: https://cdn.example.com (12 reports, last 2026-12-01T08:00:00Z, on /notes)
/// for a person: script-src-elem, inline code (3 reports, last 2026-12-01T08:01:00Z, on /): if it is the app's own, give it …
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suggestion {
    additions: Vec<Addition>,
    advice: Vec<Advice>,
}

/// One source that a directive would allow too.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Addition {
    /// The directive.
    pub directive: Directive,
    /// The source: an origin, `'self'`, or `data:` and `blob:` for what is only shown.
    pub source: Source,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// One thing that was blocked and that no source should allow without a person's thought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Advice {
    /// The directive.
    pub directive: &'static str,
    /// What was blocked.
    pub blocked: Blocked,
    /// Why, and what to do in place of allowing it.
    pub why: &'static str,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// The reports behind a suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// How many.
    pub reports: u64,
    /// When the last one came.
    pub last: Timestamp,
    /// A page on which it was blocked.
    pub path: Box<str>,
}

impl Suggestion {
    /// What these violations would have the policy say that it does not say yet.
    pub(super) fn of(policy: &Csp, violations: &[Violation]) -> Self {
        let mut suggestion = Self::default();
        for violation in violations {
            match for_policy(policy, violation) {
                Some(Proposal::Add(directive, source)) => suggestion.add(directive, source, violation),
                Some(Proposal::Person(why)) => suggestion.advise(why, violation),
                None => {}
            }
        }
        suggestion.additions.sort_by_key(|addition| std::cmp::Reverse(addition.evidence.reports));
        suggestion.advice.sort_by_key(|advice| std::cmp::Reverse(advice.evidence.reports));
        suggestion
    }

    /// What would have to be added. [`Csp::add`] says how a directive begins that is not there yet.
    #[must_use]
    pub fn additions(&self) -> &[Addition] {
        &self.additions
    }

    /// What needs a person, and why.
    #[must_use]
    pub fn for_a_person(&self) -> &[Advice] {
        &self.advice
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.additions.is_empty() && self.advice.is_empty()
    }

    /// The additions as lines of `gambeson.toml`, to be read before they are copied; empty without any.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut lists: Vec<(Directive, Vec<String>)> = Vec::new();
        for Addition { directive, source, .. } in &self.additions {
            let source = format!("\"{source}\"");
            match lists.iter_mut().find(|(known, _)| known == directive) {
                Some((_, list)) => list.push(source),
                None => lists.push((*directive, vec![source])),
            }
        }
        let line = |(directive, list): &(Directive, Vec<String>)| {
            format!("{} = [{}]\n", directive.as_str(), list.join(", "))
        };
        match lists.is_empty() {
            true => String::new(),
            false => format!("[hardening-headers.csp-add]\n{}", lists.iter().map(line).collect::<String>()),
        }
    }

    fn add(&mut self, directive: Directive, source: Source, violation: &Violation) {
        let known = self.additions.iter_mut();
        match known.into_iter().find(|known| known.directive == directive && known.source == source) {
            Some(known) => known.evidence.join(violation),
            None => self.additions.push(Addition { directive, source, evidence: Evidence::of(violation) }),
        }
    }

    fn advise(&mut self, why: &'static str, violation: &Violation) {
        let is_like =
            |known: &Advice| known.directive == violation.directive && known.blocked == violation.blocked;
        match self.advice.iter_mut().find(|known| is_like(known)) {
            Some(known) => known.evidence.join(violation),
            None => self.advice.push(Advice {
                directive: violation.directive,
                blocked: violation.blocked.clone(),
                why,
                evidence: Evidence::of(violation),
            }),
        }
    }
}

/// What to do about it under this policy; `None` when that allows it already.
fn for_policy(policy: &Csp, violation: &Violation) -> Option<Proposal> {
    let proposal = propose(violation.directive, &violation.blocked);
    let Some(directive) = Directive::parse(violation.directive) else { return Some(proposal) };
    let list = policy.effective(directive)?;
    let ignored = hosts_ignored(policy, list, directive);
    if ignored.is_none() && covers(list, &violation.blocked) {
        return None;
    }
    match (proposal, ignored) {
        (Proposal::Add(..), Some(why)) => Some(Proposal::Person(why)),
        (proposal, _) => Some(proposal),
    }
}

impl Evidence {
    fn of(violation: &Violation) -> Self {
        Self { reports: violation.count, last: violation.last, path: violation.path.clone() }
    }

    fn join(&mut self, violation: &Violation) {
        self.reports = self.reports.saturating_add(violation.count);
        self.last = self.last.max(violation.last);
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.reports == 1 { "" } else { "s" };
        write!(f, "{} report{s}, last {}, on {}", self.reports, self.last, self.path)
    }
}

/// One line each.
impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Addition { directive, source, evidence } in &self.additions {
            writeln!(f, "add to {}: {source} ({evidence})", directive.as_str())?;
        }
        for Advice { directive, blocked, why, evidence } in &self.advice {
            writeln!(f, "for a person: {directive}, {blocked} ({evidence}): {why}")?;
        }
        Ok(())
    }
}
