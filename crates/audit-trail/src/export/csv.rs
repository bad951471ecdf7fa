//! Comma-separated values (RFC 4180), each cell in quotes.

use std::io::{self, Write};

use super::escape;

pub(super) fn row(out: &mut impl Write, cells: impl IntoIterator<Item = impl AsRef<str>>) -> io::Result<()> {
    for (at, text) in cells.into_iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        write!(out, "\"{}\"", escape::cell(text.as_ref()).replace('"', "\"\""))?;
    }
    out.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use gambeson_core::escape_controls;
    use proptest::prelude::*;

    use super::*;

    /// Reads what RFC 4180 allows and nothing else.
    fn strictly(text: &str) -> Option<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let mut row = Vec::new();
            loop {
                rest = rest.strip_prefix('"')?;
                let mut cell = String::new();
                loop {
                    let (before, after) = rest.split_once('"')?;
                    cell.push_str(before);
                    match after.strip_prefix('"') {
                        Some(after) => {
                            cell.push('"');
                            rest = after;
                        }
                        None => {
                            rest = after;
                            break;
                        }
                    }
                }
                row.push(cell);
                match rest.strip_prefix(',') {
                    Some(after) => rest = after,
                    None => break,
                }
            }
            rest = rest.strip_prefix("\r\n")?;
            rows.push(row);
        }
        Some(rows)
    }

    fn written(cells: &[String]) -> String {
        let mut out = Vec::new();
        row(&mut out, cells).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn is_formula(cell: &str) -> bool {
        let overlooked =
            |c: char| c.is_whitespace() || c.is_control() || "\u{ad}\u{200b}\u{feff}".contains(c);
        let first = cell.trim_start_matches(overlooked).chars().next();
        matches!(first, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'))
            || cell.starts_with(['\t', '\r', '\n'])
    }

    #[test]
    fn known_formulas_are_texts() {
        for cell in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            " =1",
            "\u{a0}=1",
            "\u{200b}\u{feff}=1",
            "＝1",
            "=\"a\",\"b\"",
            "-",
        ] {
            assert!(is_formula(cell), "{cell:?}");
            let rows = strictly(&written(&[cell.into()])).unwrap();
            assert!(!is_formula(&rows[0][0]), "{cell:?} became {:?}", rows[0][0]);
        }
    }

    proptest! {
        #[test]
        fn no_cell_begins_a_formula_and_all_read_back(
            cells in prop::collection::vec("[-=+@'＝\t\r\n \",;a\u{a0}\u{202e}é]{0,8}|\\PC{0,12}|.{0,12}", 1..6),
        ) {
            let rows = strictly(&written(&cells)).expect("a strict reader reads it");
            prop_assert_eq!(rows.len(), 1);
            prop_assert_eq!(rows[0].len(), cells.len());
            for (cell, text) in rows[0].iter().zip(&cells) {
                prop_assert!(!is_formula(cell), "{:?}", cell);
                prop_assert!(!cell.contains(char::is_control));
                let back = cell.strip_prefix('\'').unwrap_or(cell);
                let shown = escape_controls(text);
                prop_assert_eq!(back, &*shown);
            }
        }
    }
}
