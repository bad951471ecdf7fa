//! Prints what becomes of valid tokens when keys rotate. The argument says after how many seconds a subject that has not
//! accepted the new key is given up.

#![forbid(unsafe_code)]

use std::env;
use std::time::Duration;

use gambeson_benches::{Row, rotation};

fn main() {
    let longest = env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(90);
    rotation::measure(Duration::from_secs(longest)).iter().for_each(Row::print);
}
