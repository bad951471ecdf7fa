//! How much code core may hold.

use super::Source;
use super::figures::Lines;
use super::finding::Finding;

const CODE_LINES: usize = 1_500;

/// Counts core's lines of code: no docs, comments, tests or blanks.
pub(crate) fn check(sources: &[Source]) -> Option<Finding> {
    let code: usize = sources
        .iter()
        .filter(|source| source.library() == Some("core"))
        .map(|source| Lines::of(source).code)
        .sum();
    let what = format!("core has {code} lines of code, the cap is {CODE_LINES}");
    let cure = "move a word that fewer than two crates use to the crate that uses it";
    (code > CODE_LINES).then(|| Finding::new("crates/core/src/lib.rs", 1, "core-size", what, cure))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core_of(lines: usize) -> Source {
        let text = format!("//! Docs.\n\n{}// why\n", "use a as _;\n".repeat(lines));
        Source::parse("crates/core/src/lib.rs", &text).expect("parses")
    }

    #[test]
    fn only_code_counts_and_only_cores() {
        assert!(check(&[core_of(1_500)]).is_none());
        assert_eq!(check(&[core_of(1_501)]).map(|finding| finding.law), Some("core-size"));
        let mut other = core_of(1_501);
        other.path = "crates/rbac/src/lib.rs".to_owned();
        assert!(check(&[other]).is_none());
    }
}
