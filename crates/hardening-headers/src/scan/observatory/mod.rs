//! The score and grade that MDN's HTTP Observatory gives, as its algorithm 4 does.

mod cookies;
mod csp;
mod redirection;
mod scripts;
mod transport;

use std::fmt;

use super::answer::Answer;

pub use redirection::Step;

/// The score that must be left after all deductions for bonuses to count.
const FOR_BONUSES: i32 = 90;

/// What is graded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed<'a> {
    /// The host that was asked, over https.
    pub host: &'a str,
    /// Its answer.
    pub answer: &'a Answer,
    /// Its answer to a preflight of [`FOREIGN_ORIGIN`]; without it CORS counts as not there.
    pub preflight: Option<&'a Answer>,
    /// The way that a request over plain http goes; `None` when nobody answers there.
    pub over_http: Option<&'a [Step]>,
}

/// The origin that the Observatory sends preflights from.
pub const FOREIGN_ORIGIN: &str = "https://http-observatory.security.mozilla.org";

impl<'a> Observed<'a> {
    /// An answer of this host.
    #[must_use]
    pub fn new(host: &'a str, answer: &'a Answer) -> Self {
        Self { host, answer, preflight: None, over_http: None }
    }

    /// The answer to a preflight.
    #[must_use]
    pub fn preflight(self, answer: &'a Answer) -> Self {
        Self { preflight: Some(answer), ..self }
    }

    /// The way that a request over plain http goes.
    #[must_use]
    pub fn over_http(self, steps: &'a [Step]) -> Self {
        Self { over_http: Some(steps), ..self }
    }
}

/// What one test of the Observatory says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The test's name, such as `content-security-policy`.
    pub test: &'static str,
    /// The result's name, such as `csp-implemented-with-no-unsafe`.
    pub result: &'static str,
    /// What it adds to the score of 100.
    pub modifier: i32,
}

/// What the Observatory says: a value, whose `Display` is a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grade {
    /// 0 to 145.
    pub score: u32,
    /// `A+` to `F`.
    pub grade: &'static str,
    /// The ten tests.
    pub outcomes: [Outcome; 10],
}

/// What the Observatory would say.
///
/// The browsers' preload list is not looked at, so that 145 is out of reach; the site that a script comes from is known by the last two
/// labels of its host, so that `a.co.uk` and `b.co.uk` are taken for one.
///
/// ```
/// use gambeson_hardening_headers::scan::{Answer, Observed, observatory};
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("content-security-policy", "default-src 'none'; frame-ancestors 'none'".parse().unwrap());
/// headers.insert("x-content-type-options", "nosniff".parse().unwrap());
/// let answer = Answer::from(headers);
/// let grade = observatory(&Observed::new("app.example.com", &answer));
/// assert_eq!((grade.score, grade.grade), (80, "B+"), "{grade}");
/// ```
#[must_use]
pub fn observatory(observed: &Observed<'_>) -> Grade {
    let answer = observed.answer;
    let policies = csp::Policies::of(answer);
    let transport = transport::strict(answer);
    let outcomes = [
        csp::outcome(&policies, answer),
        cookies::outcome(answer, observed.host, transport.modifier == 0),
        sharing(observed.preflight),
        redirection::outcome(observed.over_http),
        transport::referrer(answer),
        transport,
        scripts::outcome(answer, observed.host),
        transport::sniffing(answer),
        transport::framing(answer, policies.names_ancestors()),
        transport::embedding(answer),
    ];
    let deductions: i32 = outcomes.iter().map(|outcome| outcome.modifier.min(0)).sum();
    let bonuses: i32 = outcomes.iter().map(|outcome| outcome.modifier.max(0)).sum();
    let strict = 100 + deductions;
    let score = if strict >= FOR_BONUSES { strict + bonuses } else { strict };
    let score = u32::try_from(score).unwrap_or(0);
    Grade { score, grade: grade(score), outcomes }
}

fn grade(score: u32) -> &'static str {
    match score {
        100.. => "A+",
        90.. => "A",
        85.. => "A-",
        80.. => "B+",
        70.. => "B",
        65.. => "B-",
        60.. => "C+",
        50.. => "C",
        45.. => "C-",
        40.. => "D+",
        30.. => "D",
        25.. => "D-",
        _ => "F",
    }
}

/// An outcome of this test.
const fn said(test: &'static str, result: &'static str, modifier: i32) -> Outcome {
    Outcome { test, result, modifier }
}

/// Whether every page may act in its visitors' names: the preflight's origin is let in with its cookies.
fn sharing(preflight: Option<&Answer>) -> Outcome {
    const TEST: &str = "cross-origin-resource-sharing";
    let allowed = preflight.and_then(|answer| answer.field("access-control-allow-origin"));
    let credentials = preflight.and_then(|answer| answer.field("access-control-allow-credentials"));
    let credentials = credentials.is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match allowed.as_deref() {
        None | Some("") => said(TEST, "cross-origin-resource-sharing-not-implemented", 0),
        Some("*") => said(TEST, "cross-origin-resource-sharing-implemented-with-public-access", 0),
        Some(FOREIGN_ORIGIN) if credentials => {
            said(TEST, "cross-origin-resource-sharing-implemented-with-universal-access", -50)
        }
        Some(_) => said(TEST, "cross-origin-resource-sharing-implemented-with-restricted-access", 0),
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MDN HTTP Observatory: {} ({})", self.score, self.grade)?;
        let lost: i32 = self.outcomes.iter().map(|outcome| outcome.modifier.min(0)).sum();
        if 100 + lost < FOR_BONUSES {
            write!(f, "; bonuses count from {FOR_BONUSES} on")?;
        }
        for Outcome { test, result, modifier } in &self.outcomes {
            write!(f, "\n  {modifier:>+4}  {test:<30}  {result}")?;
        }
        Ok(())
    }
}
