//! Text that strangers wrote, made harmless for JSON and for terminals.

use std::borrow::Cow;
use std::fmt::Write;

/// Appends `text` as a JSON string with its quotes (RFC 8259 §7).
pub fn json_string(out: &mut String, text: &str) {
    out.push('"');
    // Most texts have nothing to escape, and all that is escaped is ASCII.
    let plain = text.bytes().position(is_escaped).unwrap_or(text.len());
    let (plain, rest) = text.split_at_checked(plain).unwrap_or(("", text));
    out.push_str(plain);
    for c in rest.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u8::try_from(c).is_ok_and(is_escaped) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn is_escaped(byte: u8) -> bool {
    byte < b' ' || matches!(byte, b'"' | b'\\' | 0x7f)
}

/// The text without control characters and bidirectional overrides, which become `\u{…}`: safe for a terminal.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_hold_nothing_raw() {
        let mut out = String::new();
        json_string(&mut out, "a\"b\\c\n\u{1}é");
        assert_eq!(out, r#""a\"b\\c\n\u0001é""#);
    }

    #[test]
    fn every_character_is_written_as_it_is_or_escaped() {
        for c in (0..0x300).filter_map(char::from_u32).chain(['\u{2028}', '\u{fffd}', '\u{1f600}']) {
            let mut out = String::from("[");
            json_string(&mut out, &format!("é{c}é{c}{c}"));
            let one = match c {
                '"' => r#"\""#.to_owned(),
                '\\' => r"\\".to_owned(),
                '\n' => r"\n".to_owned(),
                '\r' => r"\r".to_owned(),
                '\t' => r"\t".to_owned(),
                '\0'..='\x1f' | '\x7f' => format!("\\u{:04x}", u32::from(c)),
                c => c.to_string(),
            };
            assert_eq!(out, format!("[\"é{one}é{one}{one}\""), "{c:?}");
        }
    }

    #[test]
    fn terminals_get_no_escape_sequences() {
        assert_eq!(escape_controls("plain é"), "plain é");
        assert_eq!(escape_controls("\u{1b}[2J\u{202e}x"), r"\u{1b}[2J\u{202e}x");
    }
}
