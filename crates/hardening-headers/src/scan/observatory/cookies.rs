//! How cookies are set.

use super::{Outcome, said};
use crate::scan::answer::Answer;
use crate::scan::cookie::SetCookie;

const TEST: &str = "cookies";

/// The worst that is true of any cookie; `strict` says that https is enforced for half a year or longer.
pub(super) fn outcome(answer: &Answer, host: &str, strict: bool) -> Outcome {
    let set: Vec<SetCookie> = answer.lines("set-cookie").filter_map(|line| SetCookie::parse(&line)).collect();
    let mut kept: Vec<&SetCookie> = Vec::new();
    for cookie in set.iter().filter(|cookie| cookie.is_kept_by(host)) {
        kept.retain(|known| known.identity(host) != cookie.identity(host));
        kept.push(cookie);
    }
    // A load balancer's, which no app can change.
    kept.retain(|cookie| cookie.name != "heroku-session-affinity");
    if kept.is_empty() {
        return said(TEST, "cookies-not-found", 0);
    }
    // Of lines that set no cookie too.
    let mistaken = answer.lines("set-cookie").any(|line| {
        let cookie = SetCookie::parse_nameless(&line);
        cookie.same_site.is_some() && !cookie.has_same_site()
    });
    let mistaken =
        mistaken || kept.iter().any(|cookie| !cookie.secure && cookie.same_site.as_deref() == Some("none"));
    let found = kept.iter().filter_map(|cookie| fault(cookie, strict));
    let found = found.chain(mistaken.then_some(said(TEST, "cookies-samesite-flag-invalid", -20)));
    // Of two that cost the same the one with the less common name is told.
    let rank = |outcome: &Outcome| {
        let special = ["cookies-anticsrf-without-samesite-flag", "cookies-samesite-flag-invalid"];
        let place = special.iter().position(|result| *result == outcome.result).unwrap_or(special.len());
        (outcome.modifier, place)
    };
    found.min_by_key(rank).unwrap_or_else(|| match kept.iter().all(|cookie| cookie.has_same_site()) {
        true => said(TEST, "cookies-secure-with-httponly-sessions-and-samesite", 5),
        false => said(TEST, "cookies-secure-with-httponly-sessions", 0),
    })
}

/// The worst that is true of one cookie.
fn fault(cookie: &SetCookie, strict: bool) -> Option<Outcome> {
    let name = cookie.name.to_ascii_lowercase();
    let session = ["login", "sess"].iter().any(|part| name.contains(part));
    let against_forgery = name.contains("csrf") && !cookie.has_same_site();
    let faults = [
        (session && !cookie.secure && !strict, said(TEST, "cookies-session-without-secure-flag", -40)),
        (session && !cookie.http_only, said(TEST, "cookies-session-without-httponly-flag", -30)),
        (against_forgery, said(TEST, "cookies-anticsrf-without-samesite-flag", -20)),
        (!cookie.secure && !strict, said(TEST, "cookies-without-secure-flag", -20)),
        (
            session && !cookie.secure,
            said(TEST, "cookies-session-without-secure-flag-but-protected-by-hsts", -10),
        ),
        (!cookie.secure, said(TEST, "cookies-without-secure-flag-but-protected-by-hsts", -5)),
    ];
    faults.into_iter().find_map(|(true_of_it, outcome)| true_of_it.then_some(outcome))
}
