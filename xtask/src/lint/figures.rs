//! What is reported and not gated: medians and shares.

use super::Source;
use super::sizes;

/// A file's lines by kind, tests left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) code: usize,
    pub(crate) docs: usize,
    pub(crate) comments: usize,
    pub(crate) blank: usize,
}

impl Lines {
    /// Counts the lines of one file.
    pub(crate) fn of(source: &Source) -> Self {
        let mut lines = Self::default();
        for (index, line) in source.text.lines().enumerate() {
            if !source.is_test_line(index + 1) {
                *lines.kind(line.trim_start()) += 1;
            }
        }
        lines
    }

    fn kind(&mut self, line: &str) -> &mut usize {
        if line.is_empty() {
            &mut self.blank
        } else if line.starts_with("///") || line.starts_with("//!") {
            &mut self.docs
        } else if line.starts_with("//") {
            &mut self.comments
        } else {
            &mut self.code
        }
    }

    const fn all(&self) -> usize {
        self.code + self.docs + self.comments + self.blank
    }
}

/// One paragraph about the crates' sources.
pub(crate) fn of(sources: &[Source]) -> String {
    let library: Vec<&Source> =
        sources.iter().filter(|source| source.library().is_some() && !source.is_test).collect();
    let lines: Vec<Lines> = library.iter().map(|source| Lines::of(source)).collect();
    let files = lines.iter().map(Lines::all).collect();
    let functions: Vec<usize> = library.iter().flat_map(|source| library_functions(source)).collect();
    let all: usize = lines.iter().map(Lines::all).sum();
    let share = |part: usize| part * 100 / all.max(1);
    let docs = share(lines.iter().map(|lines| lines.docs).sum());
    let comments = share(lines.iter().map(|lines| lines.comments).sum());
    format!(
        "figures of crates/*/src without tests: {} files, median {} lines (aim 150 to 250); {} functions, median {} lines \
         (aim under 10); docs {docs} % (aim 25 to 40), comments {comments} % (aim 2 to 6)",
        library.len(),
        median(files),
        functions.len(),
        median(functions.clone()),
    )
}

fn library_functions(source: &Source) -> Vec<usize> {
    let outside_tests =
        sizes::functions(source).into_iter().filter(|function| !source.is_test_line(function.line));
    outside_tests.map(|function| function.lines).collect()
}

fn median(mut values: Vec<usize>) -> usize {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let text =
            "//! Docs.\n\n// why\nuse a as _; // b\n/// Docs.\nfn f() {}\n#[cfg(test)]\nmod tests {}\n";
        let source = Source::parse("crates/x/src/lib.rs", text).expect("parses");
        assert_eq!(Lines::of(&source), Lines { code: 2, docs: 2, comments: 1, blank: 1 });
        assert!(of(&[source]).contains("1 functions, median 1 lines"));
    }

    #[test]
    fn the_median_of_nothing_is_nothing() {
        assert_eq!(median(vec![]), 0);
        assert_eq!(median(vec![9, 1, 5]), 5);
    }
}
