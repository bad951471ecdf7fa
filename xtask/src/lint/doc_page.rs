//! The doc page of every layer module.

use std::collections::HashMap;

use super::Source;
use super::finding::Finding;

/// The headings of a doc page, in this order; `CONTRIBUTING.md` says what each holds.
pub(crate) const HEADINGS: &[&str] = &[
    "# What it stops",
    "# Place in the stack",
    "# Example",
    "# Customised",
    "# Defaults",
    "# Rejections",
    "# Telemetry",
    "# Cancel safety",
    "# Errors",
    "# Standards",
];

/// The crate whose layers are probes of the contract suite; they protect nothing and have no place in the stack.
const PROBES: &str = "testing";

/// Checks that each file with a `pub struct …Layer` has a page: in its own docs, or in those of the modules above it.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let by_path: HashMap<&str, &Source> =
        sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let layers: Vec<(&Source, &syn::ItemStruct)> = sources
        .iter()
        .filter(|source| source.library().is_some_and(|name| name != PROBES) && !source.is_test)
        .filter_map(|source| layer(source).map(|item| (source, item)))
        .collect();
    let mut findings = Vec::new();
    for (source, item) in &layers {
        let alone = layers.iter().filter(|(other, _)| other.library() == source.library()).count() == 1;
        let pages = places(&source.path, alone).into_iter().filter_map(|path| by_path.get(path.as_str()));
        let lacks = pages.map(|page| missing(&module_docs(page))).min_by_key(Vec::len).unwrap_or_default();
        if !lacks.is_empty() {
            let what =
                format!("the module docs of {} lack, or have out of order: {}", item.ident, lacks.join(", "));
            let cure = "write the doc page as CONTRIBUTING.md lists it";
            findings.push(Finding::new(&source.path, item.ident.span().start().line, "doc-page", what, cure));
        }
    }
    findings
}

fn layer(source: &Source) -> Option<&syn::ItemStruct> {
    source.syntax.items.iter().find_map(|item| match item {
        syn::Item::Struct(item) if matches!(item.vis, syn::Visibility::Public(_)) => {
            item.ident.to_string().ends_with("Layer").then_some(item)
        }
        _ => None,
    })
}

/// Where the page may stand. A crate's front page is the page of its only layer, never of several.
fn places(path: &str, alone: bool) -> Vec<String> {
    let mut places = vec![path.to_owned()];
    let Some((folder, _)) = path.rsplit_once('/') else { return places };
    if folder.ends_with("/src") {
        places.extend(alone.then(|| format!("{folder}/lib.rs")));
    } else {
        places.push(format!("{folder}/mod.rs"));
        places.push(format!("{folder}.rs"));
    }
    places
}

fn module_docs(source: &Source) -> String {
    let mut docs = String::new();
    for attribute in &source.syntax.attrs {
        if let syn::Meta::NameValue(meta) = &attribute.meta
            && meta.path.is_ident("doc")
            && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) = &meta.value
        {
            docs.push_str(&line.value());
            docs.push('\n');
        }
    }
    docs
}

/// The headings that are not there, or come before one that should precede them.
fn missing(docs: &str) -> Vec<&'static str> {
    let mut in_example = false;
    let headings: Vec<&str> = docs
        .lines()
        .map(str::trim)
        .filter(|line| {
            in_example ^= line.starts_with("```");
            !in_example && line.starts_with("# ")
        })
        .collect();
    let mut rest = headings.as_slice();
    let mut lacks = Vec::new();
    for heading in HEADINGS {
        match rest.iter().position(|found| found == heading) {
            Some(at) => rest = &rest[at + 1..],
            None => lacks.push(*heading),
        }
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYER: &str = "pub struct FooLayer;\n";

    fn page(headings: &[&str]) -> String {
        headings.iter().map(|heading| format!("//! {heading}\n//! text\n")).collect()
    }

    fn found(files: &[(&str, String)]) -> usize {
        let parse = |(path, text): &(&str, String)| Source::parse(path, text).expect("parses");
        let sources: Vec<Source> = files.iter().map(parse).collect();
        check(&sources).len()
    }

    #[test]
    fn a_page_stands_in_the_file_or_above_it() {
        let page = page(HEADINGS);
        let bare = LAYER.to_owned();
        assert_eq!(found(&[("crates/x/src/foo.rs", page.clone() + LAYER)]), 0);
        assert_eq!(
            found(&[("crates/x/src/foo/layer.rs", bare.clone()), ("crates/x/src/foo.rs", page.clone())]),
            0
        );
        assert_eq!(
            found(&[("crates/x/src/foo/layer.rs", bare.clone()), ("crates/x/src/foo/mod.rs", page.clone())]),
            0
        );
        assert_eq!(found(&[("crates/x/src/foo.rs", bare.clone()), ("crates/x/src/lib.rs", page.clone())]), 0);
        let two = [
            ("crates/x/src/foo.rs", bare.clone()),
            ("crates/x/src/bar.rs", bare),
            ("crates/x/src/lib.rs", page),
        ];
        assert_eq!(found(&two), 2);
    }

    #[test]
    fn a_missing_or_misplaced_heading_is_found() {
        assert_eq!(found(&[("crates/x/src/foo.rs", LAYER.to_owned())]), 1);
        assert_eq!(found(&[("crates/x/src/foo.rs", page(&HEADINGS[1..]) + LAYER)]), 1);
        let mut swapped = HEADINGS.to_vec();
        swapped.swap(0, 1);
        assert_eq!(missing(&swapped.join("\n")), ["# Place in the stack"]);
        assert_eq!(missing("```\n# Example\n```\n").len(), HEADINGS.len());
    }

    #[test]
    fn what_is_no_public_layer_needs_no_page() {
        assert_eq!(found(&[("crates/x/src/foo.rs", "pub(crate) struct FooLayer;".to_owned())]), 0);
        assert_eq!(found(&[("crates/x/src/foo.rs", "pub struct Layered;".to_owned())]), 0);
        assert_eq!(found(&[("crates/testing/src/foo.rs", LAYER.to_owned())]), 0);
        assert_eq!(found(&[("examples/x/src/foo.rs", LAYER.to_owned())]), 0);
    }

    #[test]
    fn contributors_read_the_same_headings() {
        let text = include_str!("../../../CONTRIBUTING.md");
        let mut rest = text;
        for heading in HEADINGS {
            let (_, after) = rest.split_once(&format!("`{heading}`")).expect("the heading, in its order");
            rest = after;
        }
    }
}
