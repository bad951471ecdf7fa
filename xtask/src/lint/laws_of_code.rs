//! Laws that a glance at the tokens can check, in code that is no test.

use super::Source;
use super::finding::Finding;

/// Tokens that a law forbids.
struct Forbidden {
    law: &'static str,
    /// Tokens separated by blanks; a path's `::` is two.
    tokens: &'static [&'static str],
    cure: &'static str,
    /// In the crates only, or also in examples and chores.
    crates_only: bool,
}

const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        law: "boxed-future",
        tokens: &["Box : : pin", "BoxFuture", "boxed ( )", "Answer : : pending"],
        cure: "decide in a plain fn; if this is a miss path or start-up, list the file with its reason in xtask/src/lint/allowed.rs",
        crates_only: true,
    },
    Forbidden {
        law: "seams",
        tokens: &[
            "Instant : : now",
            "SystemTime : : now",
            "tokio : : spawn",
            "task : : spawn",
            "spawn_blocking",
            "time : : sleep",
            "thread : : sleep",
            "time : : interval",
            "time : : timeout",
        ],
        cure: "use Clock, Timer or Spawn of gambeson-core",
        crates_only: true,
    },
    Forbidden {
        law: "no-panic",
        tokens: &[". unwrap (", "panic ! (", "todo ! (", "unimplemented ! ("],
        cure: "return an error; where it cannot happen, `expect` with the reason",
        crates_only: false,
    },
];

/// Checks all sources; exceptions are applied later.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    sources
        .iter()
        .flat_map(|source| forbidden_tokens(source).into_iter().chain(forbid_unsafe(source)))
        .collect()
}

fn forbidden_tokens(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let laws = FORBIDDEN.iter().filter(|law| source.library().is_some() || !law.crates_only);
    for (law, tokens) in laws.flat_map(|law| law.tokens.iter().map(move |tokens| (law, tokens))) {
        for line in source.places_of(tokens).into_iter().filter(|line| !source.is_test_line(*line)) {
            findings.push(Finding::new(
                &source.path,
                line,
                law.law,
                format!("`{}`", tokens.replace(' ', "")),
                law.cure,
            ));
        }
    }
    findings
}

fn forbid_unsafe(source: &Source) -> Option<Finding> {
    let name = source.path.strip_prefix("crates/")?.split_once('/')?.1;
    let is_root = matches!(name, "src/lib.rs" | "src/main.rs");
    let lacks = source.places_of("# ! [ forbid ( unsafe_code ) ]").is_empty();
    let cure = "add #![forbid(unsafe_code)] below the crate's docs";
    (is_root && lacks).then(|| {
        Finding::new(&source.path, 1, "forbid-unsafe", "the crate does not forbid unsafe code", cure)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laws(path: &str, text: &str) -> Vec<&'static str> {
        let source = Source::parse(path, text).expect("parses");
        check(&[source]).into_iter().map(|finding| finding.law).collect()
    }

    #[test]
    fn each_forbidden_word_is_found() {
        for (text, law) in [
            ("fn a() { let f = Box::pin(async {}); }", "boxed-future"),
            ("type A = futures::future::BoxFuture<'static, ()>;", "boxed-future"),
            ("fn a() { f.boxed() }", "boxed-future"),
            ("fn a() { Answer::pending(f) }", "boxed-future"),
            ("fn a() { std::time::Instant::now(); }", "seams"),
            ("fn a() { let f = SystemTime::now; }", "seams"),
            ("use tokio::spawn;", "seams"),
            ("fn a() { select! { _ = tokio::time::sleep(d) => {} } }", "seams"),
            ("fn a() { std::thread::sleep(d); }", "seams"),
            ("fn a() { b.unwrap(); }", "no-panic"),
            ("fn a() { panic!(\"no\"); }", "no-panic"),
        ] {
            assert_eq!(laws("crates/x/src/a.rs", text), [law], "{text}");
        }
    }

    #[test]
    fn tests_docs_and_harmless_likenesses_are_left_alone() {
        for text in [
            "#[cfg(test)]\nmod tests { fn a() { b.unwrap(); panic!(\"x\"); Instant::now(); } }",
            "/// `b.unwrap()` and `panic!(…)`, see [`Instant::now`].\nfn a() {}",
            "fn a() { b.unwrap_or_default(); std::panic::catch_unwind(f); clock.now(); spawner.spawn(f); }",
            "fn a() { let s = \"tokio::spawn\"; }",
        ] {
            assert!(laws("crates/x/src/a.rs", text).is_empty(), "{text}");
        }
        assert!(laws("crates/x/tests/it/a.rs", "fn a() { b.unwrap(); }").is_empty());
        assert!(laws("examples/a/src/main.rs", "fn a() { tokio::spawn(f); }").is_empty());
        assert_eq!(laws("examples/a/src/main.rs", "fn a() { b.unwrap(); }"), ["no-panic"]);
    }

    #[test]
    fn a_crate_forbids_unsafe_code() {
        assert_eq!(laws("crates/x/src/lib.rs", "//! Docs."), ["forbid-unsafe"]);
        assert!(laws("crates/x/src/lib.rs", "//! Docs.\n#![forbid(unsafe_code)]").is_empty());
        assert!(laws("crates/x/src/other.rs", "//! Docs.").is_empty());
    }
}
