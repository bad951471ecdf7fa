//! Texts that strangers wrote, as cells that no spreadsheet runs, and as JSON that moves no cursor.

use std::borrow::Cow;
use std::fmt::Write;

use gambeson_core::escape_controls;

/// The text of a cell: without control characters, and no spreadsheet takes it for a formula.
pub(super) fn cell(text: &str) -> Cow<'_, str> {
    let shown = escape_controls(text);
    // Escaped, a tab or a carriage return no longer begins the cell; what follows it then is no formula either.
    match shown.trim_start_matches(is_overlooked).chars().next() {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\'') => format!("'{shown}").into(),
        _ => shown,
    }
}

/// Blanks, and what has no width: a program may drop them before it looks for a formula.
fn is_overlooked(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// JSON stays JSON: outside of strings it is plain ASCII, so what is escaped here stands within one.
pub(super) fn json(json: &str) -> Cow<'_, str> {
    if matches!(escape_controls(json), Cow::Borrowed(_)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match escape_controls(c.encode_utf8(&mut [0; 4])) {
            Cow::Borrowed(_) => out.push(c),
            Cow::Owned(_) => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04x}");
            }),
        }
    }
    Cow::Owned(out)
}
