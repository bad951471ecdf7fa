//! What answers show of OWASP ASVS 5.0.0.

use http::StatusCode;
use http::header::HeaderName;

use super::answer::Answer;
use super::cookie::SetCookie;
use super::observatory::FOREIGN_ORIGIN;
use crate::check::{Finding, Rule, *};
use crate::headers::is_leak;

const YEAR: u64 = 31_536_000;

/// What of the requirements one answer, got over https, does not meet; `place` says which answer it is, `readable` which
/// cookies scripts must read.
pub(super) fn findings(answer: &Answer, place: &str, readable: &[String]) -> Vec<Finding> {
    let mut notes = Notes { place, found: Vec::new() };
    notes.transport(answer);
    notes.policy(answer);
    notes.sharing(answer);
    notes.fields(answer);
    notes.kind(answer);
    for line in answer.lines("set-cookie") {
        notes.cookie(&line, readable);
    }
    notes.found
}

/// Whether what is no page leads clients from http to https without a word.
pub(super) fn silent_redirect(over_http: &Answer, over_https: &Answer, place: &str) -> Option<Finding> {
    let led = over_http.field("location").is_some_and(|to| to.starts_with("https://"));
    let led = led && over_http.status.is_redirection() && !over_https.is_document();
    led.then(|| Finding::new(HH147, place.to_owned(), "redirects"))
}

/// Where nobody takes what browsers report. A body that is refused has been read by somebody; a redirect, to a log-in for example, is
/// not followed (CSP 3 reports with redirect mode "error").
pub(super) fn lost_reports(reports: &[(String, StatusCode)], place: &str) -> Vec<Finding> {
    let read = [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY];
    let lost = reports.iter().filter(|(_, status)| !status.is_success() && !read.contains(status));
    lost.map(|(target, status)| Finding::new(HH149, format!("{place}: {target}"), status.as_str())).collect()
}

struct Notes<'a> {
    place: &'a str,
    found: Vec<Finding>,
}

impl Notes<'_> {
    fn note(&mut self, rule: &'static Rule, field: &str, value: impl Into<String>) {
        let value: String = value.into();
        let value = value.chars().take(100).collect::<String>();
        self.found.push(Finding::new(rule, format!("{}: {field}", self.place), value));
    }

    fn transport(&mut self, answer: &Answer) {
        const FIELD: &str = "strict-transport-security";
        let value = answer.field(FIELD).unwrap_or_default();
        let lower = value.to_ascii_lowercase();
        let directives: Vec<&str> = lower.split(';').map(str::trim).collect();
        let age = directives.iter().find_map(|directive| directive.strip_prefix("max-age="));
        let age = age.and_then(|age| age.trim_matches('"').parse::<u64>().ok());
        if age.is_none_or(|age| age < YEAR) {
            self.note(HH135, FIELD, value);
        } else if !directives.contains(&"includesubdomains") {
            self.note(HH136, FIELD, value);
        }
    }

    fn policy(&mut self, answer: &Answer) {
        const FIELD: &str = "content-security-policy";
        let value = answer.field(FIELD).unwrap_or_default();
        let policies = Policies::parse(&value);
        let shut = policies.any(|policy| policy.is("object-src", "'none'"))
            && policies.any(|policy| policy.get("base-uri").is_some_and(|sources| sources == ["'none'"]));
        if !shut || !policies.any(Policy::limits_scripts) {
            self.note(HH138, FIELD, value.as_str());
        } else if answer.is_document() && !policies.any(Policy::picks_scripts) {
            self.note(HH139, FIELD, value.as_str());
        }
        if !policies.any(|policy| policy.get("frame-ancestors").is_some()) {
            self.note(HH142, FIELD, value.as_str());
        }
        let told = |policy: &Policy| policy.get("report-to").or(policy.get("report-uri")).is_some();
        if !policies.any(told) {
            self.note(HH143, FIELD, "");
        }
    }

    fn sharing(&mut self, answer: &Answer) {
        const FIELD: &str = "access-control-allow-origin";
        let allowed = answer.field(FIELD).unwrap_or_default();
        let credentials = answer.field("access-control-allow-credentials");
        let any = allowed == "*" && credentials.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if allowed == FOREIGN_ORIGIN || allowed == "null" || any {
            self.note(HH137, FIELD, allowed);
        }
    }

    fn fields(&mut self, answer: &Answer) {
        let field = |name: &str| answer.field(name).unwrap_or_default().to_ascii_lowercase();
        if field("x-content-type-options") != "nosniff" {
            self.note(HH140, "x-content-type-options", field("x-content-type-options"));
        }
        let referrer = field("referrer-policy");
        let last = referrer.split(',').map(str::trim).next_back().unwrap_or_default();
        if !matches!(
            last,
            "no-referrer" | "same-origin" | "strict-origin" | "strict-origin-when-cross-origin"
        ) {
            self.note(HH141, "referrer-policy", referrer.as_str());
        }
        let opener = field("cross-origin-opener-policy");
        let shut = ["same-origin", "same-origin-allow-popups"]
            .contains(&opener.split(';').next().unwrap_or("").trim());
        if answer.is_document() && !shut {
            self.note(HH144, "cross-origin-opener-policy", opener);
        }
        let resource = field("cross-origin-resource-policy");
        if !matches!(resource.as_str(), "same-origin" | "same-site") {
            self.note(HH145, "cross-origin-resource-policy", resource);
        }
        let leaks: Vec<&HeaderName> = answer.headers.keys().filter(|name| is_leak(name)).collect();
        for name in leaks {
            self.note(HH148, name.as_str(), field(name.as_str()));
        }
    }

    fn kind(&mut self, answer: &Answer) {
        let kind = answer.field("content-type").unwrap_or_default();
        let lower = kind.to_ascii_lowercase();
        let (essence, parameters) = lower.split_once(';').unwrap_or((&lower, ""));
        let essence = essence.trim();
        let text = essence.starts_with("text/") || essence.ends_with("/xml") || essence.ends_with("+xml");
        let named = parameters.split(';').any(|parameter| parameter.trim().starts_with("charset="));
        if (essence.is_empty() && !answer.body.is_empty()) || (text && !named) {
            self.note(HH146, "content-type", kind);
        }
    }

    fn cookie(&mut self, line: &str, readable: &[String]) {
        let Some(cookie) = SetCookie::parse(line) else { return };
        let field = format!("set-cookie {}", cookie.name);
        let host = cookie.name.starts_with("__Host-") || cookie.name.starts_with("__Host-Http-");
        let prefixed = host || cookie.name.starts_with("__Secure-") || cookie.name.starts_with("__Http-");
        // A cookie's value may be a credential; it is not told.
        let faults = [
            (!cookie.secure || !prefixed, HH130),
            (!cookie.has_same_site(), HH131),
            (!host, HH132),
            (!cookie.http_only && !readable.contains(&cookie.name), HH133),
            (cookie.name.len() + cookie.value.len() > 4096, HH134),
        ];
        for (_, rule) in faults.into_iter().filter(|(fault, _)| *fault) {
            self.note(rule, &field, "");
        }
    }
}

/// The policies of an answer, all of which browsers enforce.
struct Policies(Vec<Policy>);

struct Policy(Vec<(String, Vec<String>)>);

impl Policies {
    fn parse(field: &str) -> Self {
        let policy = |text: &str| {
            let mut directives: Vec<(String, Vec<String>)> = Vec::new();
            for part in text.split(';') {
                let mut words = part.split_ascii_whitespace().map(str::to_owned);
                let Some(name) = words.next() else { continue };
                // Of two of one name browsers take the first.
                if !directives.iter().any(|(known, _)| *known == name) {
                    directives.push((name, words.collect()));
                }
            }
            Policy(directives)
        };
        Self(field.to_ascii_lowercase().split(',').map(policy).collect())
    }

    fn any(&self, of: impl Fn(&Policy) -> bool) -> bool {
        self.0.iter().any(of)
    }
}

impl Policy {
    fn get(&self, name: &str) -> Option<&[String]> {
        self.0.iter().find_map(|(known, sources)| (known == name).then_some(sources.as_slice()))
    }

    fn effective(&self, name: &str) -> Option<&[String]> {
        self.get(name).or_else(|| self.get("default-src"))
    }

    fn is(&self, name: &str, only: &str) -> bool {
        self.effective(name).is_some_and(|sources| sources == [only] || sources.is_empty())
    }

    /// Whether scripts are limited to a list, or to what a nonce or hash picks.
    fn limits_scripts(&self) -> bool {
        let Some(sources) = self.effective("script-src") else { return false };
        let open = |source: &String| {
            matches!(source.as_str(), "*" | "https:" | "http:" | "data:") || source == "'unsafe-inline'"
        };
        self.picks_scripts() || !sources.iter().any(open)
    }

    /// Whether a nonce or hash picks them, or none run.
    fn picks_scripts(&self) -> bool {
        let picks = |source: &String| source.starts_with("'nonce-") || source.starts_with("'sha");
        let sources = self.effective("script-src").unwrap_or_default();
        self.is("script-src", "'none'") || sources.iter().any(picks)
    }
}
