//! The tests of the OWASP Secure Headers Project.

use std::fmt;

use super::answer::Answer;

/// What fields must hold, by the project's own test suite of 2026-03-07 (`subprojects/validator/tests_suite.yml` of
/// github.com/OWASP/www-project-secure-headers, Apache-2.0), which was still that on 2026-08-16.
const EXACT: [(&str, &[&str]); 10] = [
    (
        "strict-transport-security",
        &["max-age=63072000; includeSubDomains", "max-age=63072000; includeSubDomains; preload"],
    ),
    ("x-frame-options", &["deny", "DENY"]),
    ("x-content-type-options", &["nosniff"]),
    ("x-permitted-cross-domain-policies", &["none"]),
    ("referrer-policy", &["no-referrer"]),
    ("cross-origin-embedder-policy", &["require-corp"]),
    ("cross-origin-opener-policy", &["same-origin"]),
    ("cross-origin-resource-policy", &["same-origin"]),
    ("cache-control", &["no-store, max-age=0"]),
    ("x-dns-prefetch-control", &["off"]),
];

/// Features that must be switched off, from the same suite.
const FEATURES: [&str; 28] = [
    "accelerometer=()",
    "autoplay=()",
    "camera=()",
    "clipboard-read=()",
    "clipboard-write=()",
    "cross-origin-isolated=()",
    "display-capture=()",
    "encrypted-media=()",
    "fullscreen=()",
    "gamepad=()",
    "geolocation=()",
    "gyroscope=()",
    "hid=()",
    "idle-detection=()",
    "interest-cohort=()",
    "keyboard-map=()",
    "magnetometer=()",
    "microphone=()",
    "midi=()",
    "payment=()",
    "picture-in-picture=()",
    "publickey-credentials-get=()",
    "screen-wake-lock=()",
    "serial=()",
    "unload=()",
    "usb=()",
    "web-share=()",
    "xr-spatial-tracking=()",
];

/// Fields that must not be there, from the same suite.
const ABSENT: [&str; 4] = ["feature-policy", "public-key-pins", "expect-ct", "x-xss-protection"];

/// What one test says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OshpTest {
    /// The field, in lower case.
    pub field: &'static str,
    /// What is there; `None` when nothing is.
    pub found: Option<String>,
    /// Whether that passes; `None` when nothing was asked for that could say so.
    pub passes: Option<bool>,
    /// What must be there.
    pub wanted: &'static str,
}

/// What the OWASP Secure Headers Project says: a value, whose `Display` is a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Oshp {
    /// The 17 tests.
    pub tests: Vec<OshpTest>,
}

/// What the tests of the OWASP Secure Headers Project say about an answer; `logout` is the answer to a log-out, which alone is asked
/// for `Clear-Site-Data`.
///
/// The project asks for exact values. Some are at odds with what browsers and apps need: `no-referrer` breaks the origin of form
/// posts, `require-corp` shuts out other sites' images, and `no-store` turns caches off. No preset meets all of them.
#[must_use]
pub fn oshp(answer: &Answer, logout: Option<&Answer>) -> Oshp {
    let exact = EXACT.iter().map(|(field, wanted)| {
        let found = answer.field(field);
        let passes = found.as_deref().is_some_and(|found| wanted.contains(&found));
        test(field, found, Some(passes), wanted.first().copied().unwrap_or_default())
    });
    let policy = answer.field("content-security-policy");
    let safe = policy.as_deref().is_some_and(|policy| !policy.contains("unsafe"));
    let features = answer.field("permissions-policy");
    let off = features.as_deref().is_some_and(|features| {
        let sync = ["sync-xhr=(self)", "sync-xhr=()"].iter().any(|sync| features.contains(sync));
        sync && FEATURES.iter().all(|feature| features.contains(feature))
    });
    let cleared = logout.and_then(|answer| answer.field("clear-site-data"));
    let clears = logout.map(|_| cleared.as_deref() == Some("\"cache\",\"cookies\",\"storage\""));
    let absent = ABSENT.iter().map(|field| {
        let found = answer.field(field);
        let passes = found.is_none();
        test(field, found, Some(passes), "nothing")
    });
    let mut tests: Vec<OshpTest> = exact.collect();
    tests.push(test("content-security-policy", policy, Some(safe), "a policy without \"unsafe\" in it"));
    tests.push(test("permissions-policy", features, Some(off), "29 features off"));
    tests.push(test("clear-site-data", cleared, clears, "\"cache\",\"cookies\",\"storage\" after a log-out"));
    tests.extend(absent);
    Oshp { tests }
}

fn test(field: &'static str, found: Option<String>, passes: Option<bool>, wanted: &'static str) -> OshpTest {
    OshpTest { field, found, passes, wanted }
}

impl Oshp {
    /// Whether all tests pass that could be made.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.tests.iter().all(|test| test.passes != Some(false))
    }

    /// The fields whose tests fail.
    pub fn failing(&self) -> impl Iterator<Item = &'static str> {
        self.tests.iter().filter(|test| test.passes == Some(false)).map(|test| test.field)
    }
}

impl fmt::Display for Oshp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passing = self.tests.iter().filter(|test| test.passes == Some(true)).count();
        write!(f, "OWASP Secure Headers: {passing} of {} pass", self.tests.len())?;
        for OshpTest { field, found, passes, wanted } in &self.tests {
            let word = match passes {
                Some(true) => "ok",
                Some(false) => "no",
                None => "-",
            };
            write!(f, "\n  {word:<2}  {field:<33}  ")?;
            match (passes, found.as_deref()) {
                (Some(true), _) => {}
                (_, None) => write!(f, "none; wanted: {wanted}")?,
                (_, Some(found)) => write!(f, "{found}; wanted: {wanted}")?,
            }
        }
        Ok(())
    }
}
