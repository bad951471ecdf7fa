//! What no committed text may say.

use super::finding::Finding;

/// Beginnings of paths of the machine that somebody worked on. Split, lest this file breaks its own law.
const MACHINE: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("registry.npmjs", ".org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("proxy.golang", ".org"),
];

const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

const COMMANDS: &[&str] = &["cargo run -p hardened-notes", "cargo xtask test"];

/// Checks one text file.
pub(crate) fn check(file: &str, text: &str) -> Vec<Finding> {
    if file.ends_with(".lock") || file.ends_with("package-lock.json") {
        return Vec::new();
    }
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            check_line(line).map(move |(law, what, cure)| Finding::new(file, index + 1, law, what, cure))
        })
        .collect()
}

fn check_line(line: &str) -> impl Iterator<Item = (&'static str, String, &'static str)> {
    let machine = MACHINE.iter().filter(|start| names_folder(line, start));
    let machine =
        machine.map(|start| ("machine-path", format!("`{start}…`"), "name it relative to the repository"));
    let registry = REGISTRIES.iter().filter(|host| line.contains(**host));
    let registry =
        registry.map(|host| ("registry-host", format!("`{host}`"), "name the package, not the host"));
    let mark = MARKS.iter().filter(|mark| has_word(line, mark));
    let mark = mark.map(|mark| ("unfinished-mark", format!("`{mark}`"), "finish it, or open an issue"));
    machine.chain(registry).chain(mark)
}

fn names_folder(line: &str, start: &str) -> bool {
    line.match_indices(start)
        .any(|(at, _)| line[at + start.len()..].starts_with(|next: char| next.is_ascii_alphanumeric()))
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |side: Option<char>| side.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next())
    })
}

/// The README promises two commands.
pub(crate) fn check_readme(readme: &str) -> Vec<Finding> {
    let lacking = COMMANDS.iter().filter(|command| !readme.contains(**command));
    lacking
        .map(|command| {
            let what = format!("the command `{command}` is missing");
            Finding::new("README.md", 1, "readme-commands", what, "show it on the first screen")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laws(file: &str, text: &str) -> Vec<&'static str> {
        check(file, text).into_iter().map(|finding| finding.law).collect()
    }

    #[test]
    fn paths_hosts_and_marks_are_found() {
        assert_eq!(laws("a.md", &format!("see {}main", MACHINE[0])), ["machine-path"]);
        assert_eq!(laws("a.toml", &format!("x = \"https://{}/x\"", REGISTRIES[1])), ["registry-host"]);
        assert_eq!(laws("a.rs", &format!("// {}: later", MARKS[0])), ["unfinished-mark"]);
    }

    #[test]
    fn likenesses_and_lock_files_are_left_alone() {
        assert!(laws("a.md", &format!("a home{}", MACHINE[0])).is_empty());
        assert!(laws("a.rs", &format!("const {}S: u8 = 1;", MARKS[0])).is_empty());
        assert!(laws("Cargo.lock", REGISTRIES[0]).is_empty());
        assert!(laws("x/package-lock.json", REGISTRIES[1]).is_empty());
    }

    #[test]
    fn the_readme_shows_both_commands() {
        assert_eq!(check_readme("`cargo xtask test`").len(), 1);
        assert!(check_readme(&COMMANDS.join("\n")).is_empty());
    }
}
