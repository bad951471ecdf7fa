//! What is wrong, or doubtful, in a policy: where, and what to do about it.

use std::fmt;

use gambeson_core::escape_controls;

/// One thing that is wrong or doubtful in a policy.
///
/// The `id` is a public promise: it never changes its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The stable name of this kind of finding, for example `unknown-permission`.
    pub id: &'static str,
    /// Whether the policy can be used in spite of it.
    pub severity: Severity,
    /// Where in the text.
    pub position: Position,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub cure: String,
}

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// The policy works, but probably not as meant.
    Warning,
    /// The policy is refused.
    Error,
}

/// A place in a text; both numbers count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The place of the byte `offset` in `text`; the end when it lies behind it.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// `line:column: what [id]: cure`, safe for a terminal.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = escape_controls(&self.message);
        write!(f, "{}: {message} [{}]: {}", self.position, self.id, escape_controls(&self.cure))
    }
}

/// Gathers findings about one text.
#[derive(Debug)]
pub(crate) struct Findings<'t> {
    text: &'t str,
    found: Vec<Finding>,
}

impl<'t> Findings<'t> {
    pub(crate) fn about(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(crate) fn error(&mut self, id: &'static str, at: usize, message: String, cure: impl Into<String>) {
        self.add(Severity::Error, id, at, message, cure.into());
    }

    pub(crate) fn warning(&mut self, id: &'static str, at: usize, message: String, cure: impl Into<String>) {
        self.add(Severity::Warning, id, at, message, cure.into());
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    fn add(&mut self, severity: Severity, id: &'static str, at: usize, message: String, cure: String) {
        let position = Position::of(self.text, at);
        self.found.push(Finding { id, severity, position, message, cure });
    }

    /// All of them, in the order of the text.
    pub(crate) fn into_sorted(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| finding.position);
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one() {
        let text = "a\nbé = 1";
        for (offset, line, column) in [(0, 1, 1), (1, 1, 2), (2, 2, 1), (5, 2, 3), (99, 2, 7)] {
            assert_eq!(Position::of(text, offset), Position { line, column }, "{offset}");
        }
    }
}
