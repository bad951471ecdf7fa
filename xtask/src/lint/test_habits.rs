//! How tests wait, and how they are left out.

use super::Source;
use super::finding::Finding;
use crate::ignored_tests::{self, needed};
use crate::peer::PEERS;

const WAIT: &str = "inject ManualClock, or wait with gambeson_testing::eventually";
const IGNORE: &str =
    "write #[ignore = \"needs <program>: cargo xtask test\"] with a program of xtask/src/peer.rs";
const DOC_TEST: &str = "mark it `no_run` or `text`: `cargo xtask test` runs ignored tests too";

/// Checks every test of the workspace.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    sources
        .iter()
        .flat_map(|source| sleeps(source).into_iter().chain(ignores(source)).chain(ignored_doc_tests(source)))
        .collect()
}

/// A call of a free function `sleep…`; a method of that name may be a timer that the test drives.
fn sleeps(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for window in source.tokens.windows(3) {
        let [before, name, after] = window else { continue };
        let is_sleep = matches!(name.text.as_str(), "sleep" | "sleep_until" | "sleep_ms");
        let is_free_call = after.text == "(" && before.text != "." && before.text != "fn";
        if is_sleep && is_free_call && source.is_test_line(name.line) {
            findings.push(Finding::new(&source.path, name.line, "test-sleeps", "a test sleeps", WAIT));
        }
    }
    findings
}

fn ignores(source: &Source) -> Vec<Finding> {
    let bare = source.places_of("# [ ignore ]").into_iter();
    let bare = bare.map(|line| {
        Finding::new(&source.path, line, "ignore-reason", "a test is ignored without a reason", IGNORE)
    });
    let reasons = ignored_tests::reasons(source).into_iter().filter(|(_, reason)| !is_known(reason));
    let wrong = reasons.map(|(line, reason)| {
        let what = format!("`{reason}` names no program that cargo xtask test installs");
        Finding::new(&source.path, line, "ignore-reason", what, IGNORE)
    });
    bare.chain(wrong).collect()
}

fn is_known(reason: &str) -> bool {
    let mut needs = needed(reason).peekable();
    needs.peek().is_some() && needs.all(|name| PEERS.iter().any(|peer| peer.name == name))
}

fn ignored_doc_tests(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().enumerate().filter(|(_, line)| {
        let doc = line.trim_start().strip_prefix("///").or_else(|| line.trim_start().strip_prefix("//!"));
        doc.and_then(|doc| doc.trim_start().strip_prefix("```")).is_some_and(|words| words.contains("ignore"))
    });
    lines
        .map(|(index, _)| {
            Finding::new(
                &source.path,
                index + 1,
                "ignore-reason",
                "a documentation example is ignored",
                DOC_TEST,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laws(path: &str, text: &str) -> Vec<&'static str> {
        let source = Source::parse(path, text).expect("parses");
        check(&[source]).into_iter().map(|finding| finding.law).collect()
    }

    #[test]
    fn a_sleeping_test_is_found() {
        for call in
            ["std::thread::sleep(d)", "tokio::time::sleep(d).await", "sleep(d)", "time::sleep_until(t).await"]
        {
            let text = format!("#[test]\nfn a() {{ {call}; }}");
            assert_eq!(laws("crates/x/src/a.rs", &text), ["test-sleeps"], "{call}");
            assert_eq!(
                laws("tests/it/a.rs", &format!("async fn helper() {{ {call}; }}")),
                ["test-sleeps"],
                "{call}"
            );
        }
        assert!(laws("tests/it/a.rs", "async fn a() { clock.sleep(d).await; } // sleep(\n").is_empty());
    }

    #[test]
    fn an_ignored_test_says_what_it_needs() {
        let test = |attribute: &str| format!("#[test]\n{attribute}\nfn a() {{}}");
        assert_eq!(laws("tests/it/a.rs", &test("#[ignore]")), ["ignore-reason"]);
        assert_eq!(laws("tests/it/a.rs", &test("#[ignore = \"slow\"]")), ["ignore-reason"]);
        assert_eq!(
            laws("tests/it/a.rs", &test("#[ignore = \"needs unknown: cargo xtask test\"]")),
            ["ignore-reason"]
        );
        assert!(
            laws("tests/it/a.rs", &test("#[ignore = \"needs oidc-provider: cargo xtask test\"]")).is_empty()
        );
    }

    #[test]
    fn an_ignored_example_is_found() {
        assert_eq!(
            laws("crates/x/src/a.rs", "/// ```rust,ignore\n/// x\n/// ```\nfn a() {}"),
            ["ignore-reason"]
        );
        assert!(laws("crates/x/src/a.rs", "/// ```no_run\n/// ```\nfn a() {}").is_empty());
    }
}
