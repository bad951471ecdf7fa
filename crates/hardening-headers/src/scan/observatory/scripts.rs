//! Where a page's scripts come from, and whether their content is pinned.

use super::{Outcome, said};
use crate::scan::answer::Answer;
use crate::scan::markup::{self, Tag};

const TEST: &str = "subresource-integrity";

/// What of several scripts is told, the last first. It is not what costs the most.
const WORSE: [&str; 5] = [
    "sri-implemented-and-external-scripts-loaded-securely",
    "sri-implemented-and-all-scripts-loaded-securely",
    "sri-implemented-but-external-scripts-not-loaded-securely",
    "sri-not-implemented-but-external-scripts-loaded-securely",
    "sri-not-implemented-and-external-scripts-not-loaded-securely",
];

/// The worst that is true of any script of the page.
pub(super) fn outcome(answer: &Answer, host: &str) -> Outcome {
    if !answer.is_graded_as_document() {
        return said(TEST, "sri-not-implemented-response-not-html", 0);
    }
    let tags = markup::tags(&answer.text());
    let base = tags.iter().find(|tag| tag.name == "base").and_then(|tag| tag.attribute("href"));
    let scripts: Vec<&Tag> = tags.iter().filter(|tag| tag.name == "script").collect();
    if scripts.is_empty() {
        return said(TEST, "sri-not-implemented-but-no-scripts-loaded", 0);
    }
    let found = scripts.iter().filter_map(|script| of_script(script, base, host));
    found.max_by_key(|outcome| WORSE.iter().position(|result| *result == outcome.result)).unwrap_or(said(
        TEST,
        "sri-not-implemented-but-all-scripts-loaded-from-secure-origin",
        0,
    ))
}

fn of_script(script: &Tag, base: Option<&str>, host: &str) -> Option<Outcome> {
    let source = script.attribute("src").filter(|source| !source.is_empty())?;
    let source = match (source.contains("://") || source.starts_with("//"), base) {
        (false, Some(base)) => base,
        _ => source,
    };
    let pinned = script.attribute("integrity").is_some_and(|integrity| !integrity.is_empty());
    let own =
        |pinned: bool| pinned.then_some(said(TEST, "sri-implemented-and-all-scripts-loaded-securely", 5));
    let (secure, rest) = match source {
        source if source.starts_with("https://") => (true, source.trim_start_matches("https://")),
        source if source.starts_with("http://") => (false, source.trim_start_matches("http://")),
        // Without a scheme it is not known whether it is https.
        source if source.starts_with("//") => return Some(of_stranger(pinned, false)),
        _ => return own(pinned),
    };
    let from = rest.split(['/', '?', '#', ':']).next().unwrap_or_default();
    match site(from) == site(host) {
        // Over http it counts as one of the own site without integrity.
        true => own(pinned && secure),
        false => Some(of_stranger(pinned, secure)),
    }
}

fn of_stranger(pinned: bool, secure: bool) -> Outcome {
    match (pinned, secure) {
        (true, true) => said(TEST, "sri-implemented-and-external-scripts-loaded-securely", 5),
        (true, false) => said(TEST, "sri-implemented-but-external-scripts-not-loaded-securely", -20),
        (false, true) => said(TEST, "sri-not-implemented-but-external-scripts-loaded-securely", -5),
        (false, false) => said(TEST, "sri-not-implemented-and-external-scripts-not-loaded-securely", -50),
    }
}

/// The last two labels of a host.
fn site(host: &str) -> String {
    let labels: Vec<&str> = host.rsplit('.').take(2).collect();
    labels.join(".").to_ascii_lowercase()
}
