//! A Rust file as the laws see it: tokens, syntax tree, and which lines are tests.

use std::collections::HashSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::finding::Finding;

/// One Rust file of the workspace.
pub(crate) struct Source {
    /// Relative to the root.
    pub(crate) path: String,
    pub(crate) text: String,
    /// All tokens in order, groups opened up, without positions in macros lost.
    pub(crate) tokens: Vec<Token>,
    pub(crate) syntax: syn::File,
    /// The whole file is test code.
    pub(crate) is_test: bool,
    test_lines: Vec<RangeInclusive<usize>>,
    double_lines: Vec<RangeInclusive<usize>>,
    test_modules: Vec<String>,
}

/// A leaf of the token tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Source {
    /// Reads the text of a file.
    pub(crate) fn parse(path: &str, text: &str) -> syn::Result<Self> {
        let stream: TokenStream = text.parse()?;
        let mut tokens = Vec::new();
        flatten(stream.clone(), &mut tokens);
        let syntax: syn::File = syn::parse2(stream)?;
        let mut tests = Tests::default();
        tests.visit_file(&syntax);
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens,
            syntax,
            is_test: is_test_path(path),
            test_lines: tests.lines,
            double_lines: tests.doubles,
            test_modules: tests.modules,
        })
    }

    /// Whether the line (from 1) belongs to a test.
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Whether the line (from 1) belongs to a test double, which `feature = "test-util"` guards.
    pub(crate) fn is_test_double_line(&self, line: usize) -> bool {
        self.double_lines.iter().any(|lines| lines.contains(&line))
    }

    /// The crate's folder under `crates/`, if the file is the source of one.
    pub(crate) fn library(&self) -> Option<&str> {
        let (name, rest) = self.path.strip_prefix("crates/")?.split_once('/')?;
        rest.starts_with("src/").then_some(name)
    }

    /// Where the pattern, given as tokens separated by blanks, begins.
    pub(crate) fn places_of(&self, pattern: &str) -> Vec<usize> {
        let wanted: Vec<&str> = pattern.split(' ').collect();
        let matches =
            |window: &&[Token]| window.iter().zip(&wanted).all(|(token, wanted)| token.text == *wanted);
        self.tokens.windows(wanted.len()).filter(matches).map(|window| window[0].line).collect()
    }
}

/// Reads all Rust files; what does not parse is a finding.
pub(crate) fn load(root: &Path, files: &[String]) -> (Vec<Source>, Vec<Finding>) {
    let mut sources = Vec::new();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        match read(root, file) {
            Ok(source) => sources.push(source),
            Err(finding) => findings.push(finding),
        }
    }
    mark_test_modules(&mut sources);
    (sources, findings)
}

/// A file that is declared by `#[cfg(test)] mod name;` is a test, and so is all below its folder.
fn mark_test_modules(sources: &mut [Source]) {
    let places: HashSet<String> = sources
        .iter()
        .flat_map(|source| {
            source.test_modules.iter().map(|module| format!("{}/{module}", folder_of_children(&source.path)))
        })
        .collect();
    for source in sources {
        let path = source.path.trim_end_matches(".rs");
        source.is_test |= places.iter().any(|place| path == place || path.starts_with(&format!("{place}/")));
    }
}

fn read(root: &Path, file: &str) -> Result<Source, Finding> {
    let finding = |line, what: String, cure| Finding::new(file, line, "readable", what, cure);
    let text = fs::read_to_string(root.join(file))
        .map_err(|error| finding(1, error.to_string(), "make it a UTF-8 text file"))?;
    Source::parse(file, &text)
        .map_err(|error| finding(error.span().start().line, error.to_string(), "make it parse as Rust"))
}

fn folder_of_children(path: &str) -> &str {
    let path = path.trim_end_matches(".rs");
    match path.rsplit_once('/') {
        Some((folder, "lib" | "main" | "mod")) => folder,
        _ => path,
    }
}

fn is_test_path(path: &str) -> bool {
    path.split('/').any(|part| part == "tests") || path.ends_with("/tests.rs")
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => flatten_group(&group, tokens),
            other => tokens.push(Token { line: other.span().start().line, text: other.to_string() }),
        }
    }
}

fn flatten_group(group: &Group, tokens: &mut Vec<Token>) {
    let (open, close) = match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    };
    tokens.push(Token { text: open.to_owned(), line: group.span_open().start().line });
    flatten(group.stream(), tokens);
    tokens.push(Token { text: close.to_owned(), line: group.span_close().start().line });
}

/// Finds the items that exist in tests or for tests only.
#[derive(Default)]
struct Tests {
    lines: Vec<RangeInclusive<usize>>,
    doubles: Vec<RangeInclusive<usize>>,
    modules: Vec<String>,
}

impl<'a> Visit<'a> for Tests {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if is_test_item(&item.attrs) && item.content.is_none() {
            self.modules.push(item.ident.to_string());
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item(&mut self, item: &'a syn::Item) {
        let attributes = match item {
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Enum(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        let lines = item.span().start().line..=item.span().end().line;
        if is_test_item(attributes) {
            self.lines.push(lines);
        } else if attributes.iter().any(is_test_util) {
            self.doubles.push(lines);
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if is_test_item(&item.attrs) {
            self.lines.push(item.span().start().line..=item.span().end().line);
        }
        visit::visit_impl_item_fn(self, item);
    }
}

/// `#[cfg(test)]`, `#[test]`, `#[tokio::test]`.
fn is_test_item(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_test = attribute.path().segments.last().is_some_and(|segment| segment.ident == "test");
        is_test
            || condition_of(attribute)
                .is_some_and(|condition| condition == "test" || condition.starts_with("all(test,"))
    })
}

/// `#[cfg(feature = "test-util")]`.
fn is_test_util(attribute: &syn::Attribute) -> bool {
    condition_of(attribute).is_some_and(|condition| condition == r#"feature="test-util""#)
}

/// What stands in a `#[cfg(…)]`, without blanks.
fn condition_of(attribute: &syn::Attribute) -> Option<String> {
    let list = attribute.meta.require_list().ok().filter(|list| list.path.is_ident("cfg"))?;
    Some(list.tokens.to_string().replace(' ', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tests_are_known() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n#[cfg(any(test, feature = \"x\"))]\nfn c() {}\n";
        let source = Source::parse("crates/core/src/a.rs", text).expect("parses");
        let tests: Vec<usize> = (1..=7).filter(|line| source.is_test_line(*line)).collect();
        assert_eq!(tests, [2, 3, 4, 5]);
        assert_eq!(source.library(), Some("core"));
    }

    #[test]
    fn lines_of_test_doubles_are_known_and_are_no_tests() {
        let text = "#[cfg(feature = \"test-util\")]\nmod manual {\n    fn b() {}\n}\n#[cfg(feature = \"system\")]\nmod system {}\n";
        let source = Source::parse("crates/core/src/a.rs", text).expect("parses");
        let doubles: Vec<usize> = (1..=6).filter(|line| source.is_test_double_line(*line)).collect();
        assert_eq!(doubles, [1, 2, 3, 4]);
        assert!((1..=6).all(|line| !source.is_test_line(line)));
    }

    #[test]
    fn a_module_declared_for_tests_is_a_test_file() {
        let mut sources = [
            Source::parse("crates/x/src/lib.rs", "#[cfg(test)] mod samples;").expect("parses"),
            Source::parse("crates/x/src/samples.rs", "fn a() {}").expect("parses"),
            Source::parse("crates/x/src/samples_of_it.rs", "fn a() {}").expect("parses"),
            Source::parse("crates/x/src/samples/deep.rs", "fn a() {}").expect("parses"),
        ];
        mark_test_modules(&mut sources);
        assert_eq!(sources.map(|source| source.is_test), [false, true, false, true]);
    }

    #[test]
    fn tokens_inside_macros_are_seen() {
        let source = Source::parse("a.rs", "fn a() {\n    m! { x =>\n tokio::spawn(y) }\n}").expect("parses");
        assert_eq!(source.places_of("tokio : : spawn"), [3]);
        assert!(source.places_of("tokio : : sleep").is_empty());
        assert!(!is_test_path("crates/testing/src/lib.rs"));
        assert!(is_test_path("tests/it/main.rs"));
    }
}
