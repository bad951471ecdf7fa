//! How much code core may hold.

use std::fmt;

use super::Source;
use super::figures::Lines;
use super::finding::Finding;

const CAP: usize = 1_500;

/// Core's lines by both measures; neither counts docs, comments, blanks and tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CoreSize {
    /// Lines that hold more than closing brackets and separators, without test doubles: what the cap is for.
    counted: usize,
    /// All lines of code.
    code: usize,
}

impl CoreSize {
    /// Counts the lines of core among these sources.
    pub(crate) fn of(sources: &[Source]) -> Self {
        let mut size = Self::default();
        for source in sources.iter().filter(|source| source.library() == Some("core")) {
            size.code += Lines::of(source).code;
            size.counted += counted(source);
        }
        size
    }

    /// Whether the cap holds.
    pub(crate) fn check(&self) -> Option<Finding> {
        let what = format!("core has {} counted lines of code, the cap is {CAP}", self.counted);
        let cure = "move a word that fewer than two crates use to the crate that uses it";
        (self.counted > CAP).then(|| Finding::new("crates/core/src/lib.rs", 1, "core-size", what, cure))
    }
}

impl fmt::Display for CoreSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counted, code } = self;
        write!(
            f,
            "core: {counted} lines that hold more than closing brackets, without test doubles (cap {CAP}); \
             {code} lines of code with both"
        )
    }
}

fn counted(source: &Source) -> usize {
    let lines = source.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let counted = |(number, line): &(usize, &str)| {
        !source.is_test_line(*number) && !source.is_test_double_line(*number) && says_something(line)
    };
    lines.filter(counted).count()
}

/// More than blanks, a comment, or brackets that close what stands above.
fn says_something(line: &str) -> bool {
    !line.starts_with("//") && line.contains(|c: char| !")]};,".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core_of(text: &str) -> Source {
        Source::parse("crates/core/src/lib.rs", text).expect("parses")
    }

    #[test]
    fn only_core_counts_and_more_than_the_cap_is_found() {
        let lines = |count| "use a as _;\n".repeat(count);
        assert!(CoreSize::of(&[core_of(&lines(1_500))]).check().is_none());
        let over = CoreSize::of(&[core_of(&lines(1_501))]).check();
        assert_eq!(over.map(|finding| finding.law), Some("core-size"));
        let mut other = core_of(&lines(1_501));
        other.path = "crates/rbac/src/lib.rs".to_owned();
        assert_eq!(CoreSize::of(&[other]), CoreSize::default());
    }

    #[test]
    fn docs_comments_blanks_tests_doubles_and_closing_brackets_do_not_count() {
        let text = "//! Docs.\n\n// why\nfn a() {\n    b(|| {\n        c(d);\n    });\n}\n\
                    #[cfg(feature = \"test-util\")]\nmod manual {\n    fn e() {}\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn f() {}\n}\n";
        assert_eq!(CoreSize::of(&[core_of(text)]), CoreSize { counted: 3, code: 9 });
    }
}
