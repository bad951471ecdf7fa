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
        Walk::over(text).to(offset)
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

/// Goes through a text once, however many places in it are asked for, in their order.
struct Walk<'t> {
    text: &'t str,
    at: usize,
    position: Position,
}

impl<'t> Walk<'t> {
    fn over(text: &'t str) -> Self {
        Self { text, at: 0, position: Position { line: 1, column: 1 } }
    }

    /// The place of the byte `offset`, which is not before the one asked for last.
    fn to(&mut self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        for passed in self.text.get(self.at..).unwrap_or_default().chars() {
            if self.at + passed.len_utf8() > offset {
                break;
            }
            self.at += passed.len_utf8();
            match passed {
                '\n' => self.position = Position { line: self.position.line + 1, column: 1 },
                _ => self.position.column += 1,
            }
        }
        self.position
    }
}

/// Gathers findings about one text.
#[derive(Debug)]
pub(crate) struct Findings<'t> {
    text: &'t str,
    found: Vec<Found>,
}

/// A finding whose place is not yet counted: each count goes through the text.
#[derive(Debug)]
struct Found {
    at: usize,
    id: &'static str,
    severity: Severity,
    message: String,
    cure: String,
}

impl<'t> Findings<'t> {
    pub(crate) fn about(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(crate) fn error(&mut self, id: &'static str, at: usize, message: String, cure: impl Into<String>) {
        self.found.push(Found { at, id, severity: Severity::Error, message, cure: cure.into() });
    }

    pub(crate) fn warning(&mut self, id: &'static str, at: usize, message: String, cure: impl Into<String>) {
        self.found.push(Found { at, id, severity: Severity::Warning, message, cure: cure.into() });
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// All of them, in the order of the text.
    pub(crate) fn into_sorted(self) -> Vec<Finding> {
        let Self { text, mut found } = self;
        found.sort_by_key(|finding| finding.at);
        let mut walk = Walk::over(text);
        let placed = |Found { at, id, severity, message, cure }| Finding {
            id,
            severity,
            position: walk.to(at),
            message,
            cure,
        };
        found.into_iter().map(placed).collect()
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
    #[test]
    fn each_finding_has_its_own_place_however_they_were_found() {
        let text = "é = 1, a\nb = 2\n\nc";
        let mut findings = Findings::about(text);
        for at in [17, 2, 0, 10, 2, 1, 99] {
            findings.error("syntax", at, at.to_string(), "");
        }
        let found: Vec<_> = findings
            .into_sorted()
            .into_iter()
            .map(|f| (f.message, f.position.line, f.position.column))
            .collect();
        let expected = [
            ("0", 1, 1),
            // In the middle of a character: there it begins.
            ("1", 1, 1),
            ("2", 1, 2),
            ("2", 1, 2),
            ("10", 2, 1),
            ("17", 4, 1),
            ("99", 4, 2),
        ];
        assert_eq!(found, expected.map(|(at, line, column)| (at.to_owned(), line, column)));
    }
}
