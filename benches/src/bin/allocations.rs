//! Prints how often every case of the crates named, or of all, allocates. Linking the counter replaces the allocator,
//! which is why this is a program of its own. With `--list` it tells which pairs of case and subject are counted.

#![forbid(unsafe_code)]

use std::env;

use gambeson_benches::{CALLS, Row, cases};

fn main() {
    let wanted: Vec<String> = env::args().skip(1).collect();
    if wanted.iter().any(|word| word == "--list") {
        return list();
    }
    for krate in
        cases::CRATES.into_iter().filter(|krate| wanted.is_empty() || wanted.iter().any(|name| name == krate))
    {
        for case in cases::of(krate).iter().filter(|case| case.counted) {
            for subject in &case.subjects {
                let mut run = (subject.prepare)();
                let mut calls = || (0..CALLS).for_each(|_| run());
                calls();
                let counted = allocation_counter::measure(calls).count_total;
                Row::new(case, subject, "allocations", counted as f64 / f64::from(CALLS), "count").print();
            }
        }
        for holder in cases::holders(krate) {
            let bytes = allocation_counter::measure(|| std::mem::forget((holder.make)())).bytes_current;
            let (metric, value) = (holder.metric, bytes as f64);
            let row = Row { krate, case: holder.case, subject: holder.subject, metric, value, unit: "bytes" };
            row.print();
        }
    }
}

/// In the order in which gungraun numbers them.
fn list() {
    for krate in cases::CRATES {
        for pair in cases::counted(krate) {
            let (case, subject) = (pair.case, pair.subject());
            println!(
                "{}",
                serde_json::json!({"crate": krate, "case": case, "subject": subject, "calls": CALLS})
            );
        }
    }
}
