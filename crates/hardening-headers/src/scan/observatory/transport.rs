//! The tests of fields with few values: strict transport, referrers, sniffing, framing, embedding.

use super::{Outcome, said};
use crate::scan::answer::Answer;
use crate::scan::markup;

const HALF_A_YEAR: f64 = 15_552_000.0;

/// `strict-transport-security`.
pub(super) fn strict(answer: &Answer) -> Outcome {
    const TEST: &str = "strict-transport-security";
    let Some(value) = answer.field(TEST) else { return said(TEST, "hsts-not-implemented", -20) };
    let invalid = said(TEST, "hsts-header-invalid", -20);
    if value.contains(',') {
        return invalid;
    }
    let value = value.to_ascii_lowercase();
    let mut ages = value.split(';').filter_map(|part| part.trim().strip_prefix("max-age="));
    match ages.next_back().map(leading_number) {
        None => invalid,
        Some(Some(age)) if age < HALF_A_YEAR => {
            said(TEST, "hsts-implemented-max-age-less-than-six-months", -10)
        }
        // What is no number is not less than half a year, in the Observatory's eyes.
        Some(_) => said(TEST, "hsts-implemented-max-age-at-least-six-months", 0),
    }
}

/// The whole number at the beginning of a text.
fn leading_number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
    text.get(..sign + digits).filter(|_| digits > 0)?.parse().ok()
}

/// `referrer-policy`: of several policies, the fields' before the page's, browsers take the last that they know.
pub(super) fn referrer(answer: &Answer) -> Outcome {
    const TEST: &str = "referrer-policy";
    const PRIVATE: [&str; 4] =
        ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"];
    const KNOWN: [&str; 4] =
        ["no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "unsafe-url"];
    let named: Vec<String> = answer.field(TEST).into_iter().chain(metas(answer, "referrer")).collect();
    if named.is_empty() {
        return said(TEST, "referrer-policy-not-implemented", 0);
    }
    let named = named.join(",").to_ascii_lowercase();
    let mut known = named.split(',').map(str::trim).rev();
    match known.find(|policy| PRIVATE.contains(policy) || KNOWN.contains(policy)) {
        Some(policy) if PRIVATE.contains(&policy) => said(TEST, "referrer-policy-private", 5),
        Some(_) => said(TEST, "referrer-policy-unsafe", -5),
        None => said(TEST, "referrer-policy-header-invalid", -5),
    }
}

/// The contents of a page's `meta` elements of this name.
fn metas(answer: &Answer, name: &str) -> Vec<String> {
    if !answer.is_graded_as_document() {
        return Vec::new();
    }
    let tags = markup::tags(&answer.text());
    let named = tags.iter().filter(|tag| tag.name == "meta");
    let named = named.filter(|tag| tag.attribute("name").is_some_and(|own| own.eq_ignore_ascii_case(name)));
    named.filter_map(|tag| tag.attribute("content").map(str::to_owned)).collect()
}

/// `x-content-type-options`.
pub(super) fn sniffing(answer: &Answer) -> Outcome {
    const TEST: &str = "x-content-type-options";
    match answer.field(TEST).as_deref() {
        None | Some("") => said(TEST, "x-content-type-options-not-implemented", -5),
        Some(value) if value.eq_ignore_ascii_case("nosniff") => {
            said(TEST, "x-content-type-options-nosniff", 0)
        }
        Some(_) => said(TEST, "x-content-type-options-header-invalid", -5),
    }
}

/// `x-frame-options`; a policy's `frame-ancestors` stand for it.
pub(super) fn framing(answer: &Answer, ancestors: bool) -> Outcome {
    const TEST: &str = "x-frame-options";
    if ancestors {
        return said(TEST, "x-frame-options-implemented-via-csp", 5);
    }
    match answer.field(TEST).map(|value| value.to_ascii_lowercase()).as_deref() {
        None | Some("") => said(TEST, "x-frame-options-not-implemented", -20),
        Some("deny" | "sameorigin") => said(TEST, "x-frame-options-sameorigin-or-deny", 0),
        Some(value) if value.starts_with("allow-from") => said(TEST, "x-frame-options-allow-from-origin", 0),
        Some(_) => said(TEST, "x-frame-options-header-invalid", -20),
    }
}

/// `cross-origin-resource-policy`.
pub(super) fn embedding(answer: &Answer) -> Outcome {
    const TEST: &str = "cross-origin-resource-policy";
    match answer.field(TEST).map(|value| value.to_ascii_lowercase()).as_deref() {
        None | Some("") => said(TEST, "corp-not-implemented", 0),
        Some("same-origin") => said(TEST, "corp-implemented-with-same-origin", 10),
        Some("same-site") => said(TEST, "corp-implemented-with-same-site", 10),
        Some("cross-origin") => said(TEST, "corp-implemented-with-cross-origin", 0),
        Some(_) => said(TEST, "corp-header-invalid", -5),
    }
}
