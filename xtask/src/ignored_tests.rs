//! Tests that are ignored because they need an outside program.

use anyhow::Result;
use syn::visit::{self, Visit};

use crate::lint::Source;
use crate::workspace::Workspace;

/// How the reason of such a test ends.
const ENDING: &str = ": cargo xtask test";

/// One ignored test.
#[derive(Debug)]
pub(crate) struct IgnoredTest {
    /// As the test binary names it.
    pub(crate) path: String,
    pub(crate) file: String,
    pub(crate) reason: String,
}

impl IgnoredTest {
    /// Whether the test needs the outside program of that name.
    pub(crate) fn needs(&self, peer: &str) -> bool {
        needed(&self.reason).any(|name| name == peer)
    }
}

/// The programs that a reason names: `needs a and b: cargo xtask test`.
pub(crate) fn needed(reason: &str) -> impl Iterator<Item = &str> {
    let names = reason.strip_prefix("needs ").and_then(|rest| rest.strip_suffix(ENDING));
    names.into_iter().flat_map(|names| names.split(" and ")).filter(|name| !name.is_empty())
}

/// Every ignored test of the workspace that gives a reason.
pub(crate) fn find(workspace: &Workspace) -> Result<Vec<IgnoredTest>> {
    let files = workspace.files()?;
    let (sources, _) = crate::lint::load(&workspace.root, &files);
    Ok(sources.iter().flat_map(in_source).collect())
}

/// The reasons in one file, each with its line.
pub(crate) fn reasons(source: &Source) -> Vec<(usize, String)> {
    let mut found = Ignored::new(String::new());
    found.visit_file(&source.syntax);
    found.tests.into_iter().map(|(line, _, reason)| (line, reason)).collect()
}

fn in_source(source: &Source) -> Vec<IgnoredTest> {
    let mut found = Ignored::new(module_of(&source.path));
    found.visit_file(&source.syntax);
    let test = |(_, path, reason)| IgnoredTest { path, file: source.path.clone(), reason };
    found.tests.into_iter().map(test).collect()
}

/// The module path of a file inside its test binary or crate, with `::` at its end unless it is the root.
fn module_of(path: &str) -> String {
    let inside =
        path.rsplit_once("tests/it/").or_else(|| path.rsplit_once("/src/")).map_or("", |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs");
    let inside = inside.strip_suffix("mod").map_or(inside, |folder| folder.trim_end_matches('/'));
    match inside {
        "" | "main" | "lib" => String::new(),
        inside => format!("{}::", inside.replace('/', "::")),
    }
}

struct Ignored {
    module: String,
    tests: Vec<(usize, String, String)>,
}

impl Ignored {
    const fn new(module: String) -> Self {
        Self { module, tests: Vec::new() }
    }
}

impl<'a> Visit<'a> for Ignored {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        let outer = self.module.clone();
        self.module = format!("{outer}{}::", item.ident);
        visit::visit_item_mod(self, item);
        self.module = outer;
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("ignore")) {
            if let syn::Meta::NameValue(meta) = &attribute.meta
                && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(reason), .. }) = &meta.value
            {
                let path = format!("{}{}", self.module, item.sig.ident);
                self.tests.push((reason.span().start().line, path, reason.value()));
            }
        }
        visit::visit_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_as_its_binary_names_it() {
        let text = "mod inner {\n#[test]\n#[ignore = \"needs a and b: cargo xtask test\"]\nfn walks() {}\n}";
        let source = Source::parse("tests/it/walk/real.rs", text).expect("parses");
        let tests = in_source(&source);
        assert_eq!(tests.len(), 1);
        assert_eq!(tests[0].path, "walk::real::inner::walks");
        assert!(tests[0].needs("a") && tests[0].needs("b") && !tests[0].needs("a and b"));
        assert_eq!(reasons(&source)[0].0, 3);
    }

    #[test]
    fn module_paths_follow_the_files() {
        assert_eq!(module_of("tests/it/main.rs"), "");
        assert_eq!(module_of("crates/x/tests/it/a/mod.rs"), "a::");
        assert_eq!(module_of("crates/x/src/lib.rs"), "");
        assert_eq!(module_of("crates/x/src/a/tests.rs"), "a::tests::");
    }

    #[test]
    fn another_reason_needs_nothing() {
        assert_eq!(needed("slow").count(), 0);
        assert_eq!(needed("needs : cargo xtask test").count(), 0);
    }
}
