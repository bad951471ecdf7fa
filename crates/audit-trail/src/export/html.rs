//! One page with a table: no script, no style from elsewhere.

use std::io::{self, Write};

use super::escape;

pub(super) fn begin(out: &mut impl Write, columns: impl IntoIterator<Item = &'static str>) -> io::Result<()> {
    out.write_all(b"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Audit trail</title></head>\n")?;
    out.write_all(b"<body><table border=\"1\">\n<thead><tr>")?;
    for column in columns {
        write!(out, "<th scope=\"col\">{column}</th>")?;
    }
    out.write_all(b"</tr></thead>\n<tbody>\n")
}

pub(super) fn row(out: &mut impl Write, cells: impl IntoIterator<Item = impl AsRef<str>>) -> io::Result<()> {
    out.write_all(b"<tr>")?;
    for text in cells {
        // Tables are pasted into spreadsheets, so formulas are no less dangerous here.
        write!(out, "<td>{}</td>", text_of(&escape::cell(text.as_ref())))?;
    }
    out.write_all(b"</tr>\n")
}

pub(super) fn end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"</tbody></table></body></html>\n")
}

fn text_of(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_in_a_cell_is_markup(text in ".{0,20}|[<>&\"'=/a]{0,20}") {
            let mut out = Vec::new();
            row(&mut out, [&text]).unwrap();
            let out = String::from_utf8(out).unwrap();
            let inside = out.strip_prefix("<tr><td>").unwrap().strip_suffix("</td></tr>\n").unwrap();
            prop_assert!(!inside.contains(['<', '>', '"', '\'']), "{}", inside);
            let read = inside.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            let read = read.replace("&#39;", "'").replace("&amp;", "&");
            let shown = escape::cell(&text);
            prop_assert_eq!(read, &*shown);
        }
    }
}
