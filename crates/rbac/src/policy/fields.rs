//! Taking a TOML table apart without overlooking a key.
//!
//! Where something is, in words, is written only when there is something to say of it: a large policy has tens of thousands of places.

use std::fmt::{self, Display};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::At;
use crate::finding::Findings;
use crate::nearest::did_you_mean;

/// One table, whose keys are taken one by one; what is left over is unknown.
pub(super) struct Fields<'a, 'i> {
    table: &'a DeTable<'i>,
    /// The byte at which the table starts, for what is missing in it.
    at: usize,
    place: &'a dyn Display,
    known: &'static [&'static str],
}

impl<'a, 'i> Fields<'a, 'i> {
    /// The fields of `table`; reports each key that is not among `known`.
    pub(super) fn of(
        table: &'a DeTable<'i>,
        at: usize,
        place: &'a dyn Display,
        known: &'static [&'static str],
        findings: &mut Findings<'_>,
    ) -> Self {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let message = format!("unknown key `{name}` in {place}");
                findings.error(
                    "unknown-key",
                    key.span().start,
                    message,
                    did_you_mean(name, known.iter().copied()),
                );
            }
        }
        Self { table, at, place, known }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        debug_assert!(self.known.contains(&key), "`{key}` is read, so it must be known");
        self.table.get(key)
    }

    /// A field as findings call it.
    pub(super) fn name(&self, key: &'static str) -> impl Display + Copy + use<'a> {
        Name { key, place: self.place }
    }

    /// A text that must be there.
    pub(super) fn text(&self, key: &'static str, findings: &mut Findings<'_>) -> Option<At<String>> {
        match self.get(key) {
            Some(value) => text(value, self.name(key), findings),
            None => {
                self.miss(key, "\"…\"", findings);
                None
            }
        }
    }

    /// Says that a field is not there, and what could be.
    pub(super) fn miss(&self, key: &'static str, example: &str, findings: &mut Findings<'_>) {
        let message = format!("`{key}` is missing in {}", self.place);
        findings.error("missing-key", self.at, message, format!("write `{key} = {example}`"));
    }

    /// Whether a switch is on; off when it is not there.
    pub(super) fn switch(&self, key: &'static str, findings: &mut Findings<'_>) -> bool {
        let Some(value) = self.get(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            wrong_type(value, self.name(key), "true or false", findings);
            false
        })
    }

    /// A list of texts; empty when it is not there.
    pub(super) fn texts(&self, key: &'static str, findings: &mut Findings<'_>) -> Vec<At<String>> {
        match self.get(key) {
            Some(value) => texts(value, self.name(key), findings),
            None => Vec::new(),
        }
    }
}

/// The name of a key, and where it is.
#[derive(Clone, Copy)]
struct Name<'a> {
    key: &'static str,
    place: &'a dyn Display,
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in {}", self.key, self.place)
    }
}

pub(super) fn table<'a, 'i>(
    value: &'a Spanned<DeValue<'i>>,
    place: impl Display,
    findings: &mut Findings<'_>,
) -> Option<&'a DeTable<'i>> {
    let table = value.get_ref().as_table();
    if table.is_none() {
        wrong_type(value, place, "a table, such as {}", findings);
    }
    table
}

pub(super) fn text(
    value: &Spanned<DeValue<'_>>,
    place: impl Display,
    findings: &mut Findings<'_>,
) -> Option<At<String>> {
    match value.get_ref().as_str() {
        Some(text) => Some(At::new(text.to_owned(), value.span().start)),
        None => {
            wrong_type(value, place, "a text in quotes", findings);
            None
        }
    }
}

pub(super) fn texts(
    value: &Spanned<DeValue<'_>>,
    place: impl Display,
    findings: &mut Findings<'_>,
) -> Vec<At<String>> {
    match value.get_ref().as_array() {
        Some(list) => list.iter().filter_map(|entry| text(entry, &place, findings)).collect(),
        None => {
            wrong_type(value, place, "a list of texts, such as [\"a\", \"b\"]", findings);
            Vec::new()
        }
    }
}

pub(super) fn wrong_type(
    value: &Spanned<DeValue<'_>>,
    place: impl Display,
    expected: &str,
    findings: &mut Findings<'_>,
) {
    let message = format!("{place} is of type {}", value.get_ref().type_str());
    findings.error("wrong-type", value.span().start, message, format!("write {expected}"));
}
