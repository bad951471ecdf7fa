//! How long files and functions may be.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::Source;
use super::finding::Finding;

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 60;

/// The example that promises to show the whole stack on one screen, and the promise.
const HELLO: &str = "examples/hello-hardened/src/main.rs";
const HELLO_LINES: usize = 79;

/// One function: its name and its lines, from `fn` to the closing brace.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// Checks the caps.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sources.iter().filter_map(hello).collect();
    for source in sources {
        let lines = file_lines(source);
        if lines > FILE_LINES {
            let what = format!("{lines} lines without tests, the cap is {FILE_LINES}");
            findings.push(Finding::new(
                &source.path,
                1,
                "file-size",
                what,
                "a concept in it wants a file and a name",
            ));
        }
        for function in functions(source).into_iter().filter(|function| function.lines > FUNCTION_LINES) {
            let what =
                format!("fn {} has {} lines, the cap is {FUNCTION_LINES}", function.name, function.lines);
            let cure = "name a step of it and make that a function";
            findings.push(Finding::new(&source.path, function.line, "function-size", what, cure));
        }
    }
    findings
}

fn hello(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    let what = format!("{lines} lines, and it promises to be under {}", HELLO_LINES + 1);
    let cure = "make the stack shorter to write; the example shows how short it is";
    (source.path == HELLO && lines > HELLO_LINES).then(|| Finding::new(HELLO, 1, "hello-size", what, cure))
}

/// The lines of a file without the tests at its end; all lines of a file that is only tests.
pub(crate) fn file_lines(source: &Source) -> usize {
    let all = source.text.lines().count();
    if source.is_test { all } else { (1..=all).filter(|line| !source.is_test_line(*line)).count() }
}

/// Every function with a body.
pub(crate) fn functions(source: &Source) -> Vec<Function> {
    let mut found = Functions(Vec::new());
    found.visit_file(&source.syntax);
    found.0
}

struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, body: Span) {
        let first = signature.span().start().line;
        let lines = body.end().line + 1 - first;
        self.0.push(Function { name: signature.ident.to_string(), line: first, lines });
    }
}

impl<'a> Visit<'a> for Functions {
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.add(&item.sig, item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.add(&item.sig, item.block.span());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.add(&item.sig, body.span());
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laws(path: &str, text: &str) -> Vec<&'static str> {
        let source = Source::parse(path, text).expect("parses");
        check(&[source]).into_iter().map(|finding| finding.law).collect()
    }

    #[test]
    fn a_file_over_the_cap_is_found_and_its_tests_do_not_count() {
        let long = "const A: u8 = 1;\n".repeat(2).replace('A', "_") + &"// x\n".repeat(599);
        assert_eq!(laws("crates/x/src/a.rs", &long), ["file-size"]);
        let tests =
            format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "// x\n".repeat(600), "// y\n".repeat(300));
        assert!(laws("crates/x/src/a.rs", &tests).is_empty());
        assert_eq!(laws("crates/x/tests/it/a.rs", &tests), ["file-size"]);
    }

    #[test]
    fn the_smallest_example_keeps_its_promise() {
        assert!(laws(HELLO, &"// x\n".repeat(79)).is_empty());
        assert_eq!(laws(HELLO, &"// x\n".repeat(80)), ["hello-size"]);
        assert!(laws("examples/other/src/main.rs", &"// x\n".repeat(80)).is_empty());
    }

    #[test]
    fn a_function_over_the_cap_is_found_wherever_it_is() {
        let body = "    let _ = 1;\n";
        let good = format!("/// Docs.\nfn a() {{\n{}}}\n", body.repeat(58));
        assert!(laws("a.rs", &good).is_empty());
        let bad = format!("fn a() {{\n{}}}\n", body.repeat(59));
        assert_eq!(laws("a.rs", &bad), ["function-size"]);
        assert_eq!(laws("a.rs", &format!("struct S;\nimpl S {{\n{bad}}}\n")), ["function-size"]);
        assert_eq!(laws("a.rs", &format!("trait T {{\n{bad}}}\n")), ["function-size"]);
    }
}
