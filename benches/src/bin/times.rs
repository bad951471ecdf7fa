//! Prints the time of every case of the crates named, or of all.

#![forbid(unsafe_code)]

use std::env;

use gambeson_benches::{Row, cases, timing};

fn main() {
    let wanted: Vec<String> = env::args().skip(1).collect();
    for krate in
        cases::CRATES.into_iter().filter(|krate| wanted.is_empty() || wanted.iter().any(|name| name == krate))
    {
        for case in cases::of(krate) {
            timing::measure(&case).iter().for_each(Row::print);
        }
        cases::figures(krate).iter().map(Row::of).for_each(|row| row.print());
    }
}
