//! An example as its user has it: its own files, and plain versions where the workspace has paths.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;

/// How a path to another crate begins.
const PATH: &str = "path = \"";

/// Copies the committed files below `prefix`; returns the manifest's lines that still name a path outside.
pub(crate) fn copy(workspace: &Workspace, prefix: &str, folder: &Path) -> Result<Vec<String>> {
    for file in workspace.files()? {
        let Some(inner) = file.strip_prefix(prefix) else { continue };
        let to = folder.join(inner);
        fs::create_dir_all(to.parent().unwrap_or(folder))?;
        fs::copy(workspace.root.join(&file), &to).with_context(|| format!("copying {file}"))?;
    }
    let manifest = folder.join("Cargo.toml");
    let text = without_paths(&fs::read_to_string(&manifest)?);
    fs::write(&manifest, &text)?;
    Ok(text.lines().filter(|line| line.contains("\"../")).map(str::to_owned).collect())
}

/// Takes `path = "../../crates/…"` out of each dependency that has a version too.
fn without_paths(manifest: &str) -> String {
    manifest.lines().map(|line| without_path(line) + "\n").collect()
}

fn without_path(line: &str) -> String {
    let crates = format!("{PATH}../../crates/");
    let Some((before, rest)) = line.split_once(&crates).filter(|_| line.contains("version = ")) else {
        return line.to_owned();
    };
    let after = rest.split_once('"').map_or("", |(_, after)| after);
    match after.strip_prefix(", ") {
        Some(after) => format!("{before}{after}"),
        None => format!("{}{after}", before.trim_end().trim_end_matches(',')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_beside_a_version_goes() {
        for (line, plain) in [
            (r#"a = { version = "1", path = "../../crates/a" }"#, r#"a = { version = "1" }"#),
            (r#"a = { path = "../../crates/a", version = "1" }"#, r#"a = { version = "1" }"#),
            (
                r#"a = { version = "1", path = "../../crates/a", features = ["x"] }"#,
                r#"a = { version = "1", features = ["x"] }"#,
            ),
            (r#"a = { path = "../../crates/a" }"#, r#"a = { path = "../../crates/a" }"#),
            (r#"a = { version = "1", path = "../b" }"#, r#"a = { version = "1", path = "../b" }"#),
        ] {
            assert_eq!(without_path(line), plain);
        }
    }
}
