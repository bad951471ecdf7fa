//! The results as people read them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::results::Row;

const COLUMNS: [&str; 6] = [
    "cpu_ns",
    "cpu_ns_over_bare",
    "instructions",
    "instructions_over_bare",
    "allocations",
    "allocations_over_bare",
];
const HEADS: [&str; 6] = ["cpu ns", "over bare", "instr", "over bare", "allocs", "over bare"];

/// Ends the unit of a value that would have become more with more patience.
const OR_MORE: &str = " or more";

type Cells<'a> = BTreeMap<&'a str, f64>;

/// One line for each subject of each case, in the order in which they were measured; single figures below.
pub(super) fn of(rows: &[Row]) -> String {
    let mut lines: Vec<([&str; 3], Cells<'_>)> = Vec::new();
    let mut figures = String::new();
    for row in rows {
        if !COLUMNS.contains(&row.metric.as_str()) {
            let Row { krate, case, subject, metric, value, unit } = row;
            let or_more = if unit.ends_with(OR_MORE) { OR_MORE } else { "" };
            let _ = writeln!(figures, "{krate:<18} {case:<38} {subject:<28} {value:.1} {metric}{or_more}");
            continue;
        }
        let key = [row.krate.as_str(), &row.case, &row.subject];
        match lines.iter_mut().find(|(known, _)| *known == key) {
            Some((_, cells)) => drop(cells.insert(&row.metric, row.value)),
            None => lines.push((key, BTreeMap::from([(row.metric.as_str(), row.value)]))),
        }
    }
    let mut text = format!("{:<18} {:<38} {:<28}", "crate", "case", "subject");
    for head in HEADS {
        let _ = write!(text, " {head:>10}");
    }
    text.push('\n');
    for ([krate, case, subject], cells) in lines {
        let _ = write!(text, "{krate:<18} {case:<38} {subject:<28}");
        for column in COLUMNS {
            let cell = cells.get(column).map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
            let _ = write!(text, " {cell:>10}");
        }
        text.push('\n');
    }
    text + &figures
}

#[cfg(test)]
mod tests {
    use super::super::results::row;
    use super::*;

    #[test]
    fn a_subject_has_one_line_and_a_figure_its_own() {
        let text = of(&[
            row("rbac", "layer_pass", "gambeson", "cpu_ns", 61.25),
            row("rbac", "layer_pass", "gambeson", "allocations", 0.0),
            row("rbac", "reload", "gambeson", "ms", 4.0),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].contains("61.2") && lines[1].contains('–'), "{text}");
        assert!(lines[2].ends_with("4.0 ms"), "{text}");
    }

    #[test]
    fn who_was_given_up_is_told_from_who_was_measured() {
        let measured = row("oidc-auth", "rotation_delay", "peer", "ms", 9_000.0);
        let given_up = Row { unit: "ms or more".to_owned(), ..measured };
        assert!(of(&[given_up]).ends_with("9000.0 ms or more\n"));
    }
}
