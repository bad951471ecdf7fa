//! What fuzzing found worth keeping, on stable Rust: each file of `fuzz/corpus` goes through the probe that it was found for.

mod probes;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

/// Says whether the bytes came all the way in.
type Probe = fn(&[u8]) -> bool;

/// Every probe by the name of its target, of which `fuzz/corpus` has a folder each.
const PROBES: [(&str, Probe); 3] =
    [("csp", probes::csp), ("forwarded", probes::forwarded), ("hosts", probes::hosts)];

#[test]
fn what_was_kept_still_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (target, probe) in PROBES {
        let mut outcomes = Vec::new();
        for file in fs::read_dir(corpus.join(target)).unwrap() {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let outcome = catch_unwind(|| probe(&bytes));
            assert!(outcome.is_ok(), "{} fails its probe, see above", path.display());
            outcomes.extend(outcome);
        }
        assert!(
            outcomes.contains(&true),
            "nothing of {target} is let in: the probe knows half of the way only"
        );
        assert!(outcomes.contains(&false), "nothing of {target} is refused");
    }
}
