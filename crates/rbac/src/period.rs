//! From when to when.

use std::fmt;

use gambeson_core::escape_controls;

/// The time that some events cover, by the texts that they have: RFC 3339 in UTC, which sort as they follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Period {
    /// When the first of them was.
    pub first: Option<Box<str>>,
    /// When the last of them was.
    pub last: Option<Box<str>>,
    /// How many there are.
    pub events: u64,
}

impl Period {
    pub(crate) fn include(&mut self, at: &str) {
        self.events += 1;
        if self.first.as_deref().is_none_or(|first| at < first) {
            self.first = Some(at.into());
        }
        if self.last.as_deref().is_none_or(|last| at > last) {
            self.last = Some(at.into());
        }
    }
}

/// `100 decisions from … to …`, safe for a terminal.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} decisions", self.events)?;
        match (&self.first, &self.last) {
            (Some(first), Some(last)) => {
                write!(f, " from {} to {}", escape_controls(first), escape_controls(last))
            }
            _ => Ok(()),
        }
    }
}
