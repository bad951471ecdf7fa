//! `cargo xtask lint`: the laws of the house, told all at once.

mod allowed;
mod arrows;
mod core_size;
mod doc_page;
mod figures;
mod finding;
mod laws_of_code;
mod named_tests;
mod sizes;
mod source;
mod test_habits;
mod text;

use std::fs;

use anyhow::Result;

use crate::workspace::Workspace;
use allowed::ALLOWED;
use core_size::CoreSize;
pub(crate) use source::{Source, load};

/// Checks every law; false when one is broken.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let files = workspace.files()?;
    let (sources, mut findings) = load(&workspace.root, &files);
    findings.extend(arrows::check(workspace));
    findings.extend(sizes::check(&sources));
    let core = CoreSize::of(&sources);
    findings.extend(core.check());
    findings.extend(allowed::apply(ALLOWED, laws_of_code::check(&sources)));
    findings.extend(test_habits::check(&sources));
    findings.extend(doc_page::check(&sources));
    let names = named_tests::names(&sources);
    for file in &files {
        // What is not UTF-8 is no text.
        if let Ok(content) = fs::read_to_string(workspace.root.join(file)) {
            findings.extend(text::check(file, &content));
            findings.extend(named_tests::check(file, &content, &names));
        }
    }
    findings.extend(text::check_readme(
        &fs::read_to_string(workspace.root.join("README.md")).unwrap_or_default(),
    ));
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    println!("{}", figures::of(&sources));
    println!("{core}");
    println!("lint: {} findings in {} files", findings.len(), files.len());
    Ok(findings.is_empty())
}
