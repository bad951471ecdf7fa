//! Where a request over plain http ends.

use super::{Outcome, said};

/// One step of the way: what was asked, and the status of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The whole address, such as `http://app.example.com/`.
    pub url: String,
    /// The status of its answer.
    pub status: u16,
}

impl Step {
    /// A step.
    #[must_use]
    pub fn new(url: impl Into<String>, status: u16) -> Self {
        Self { url: url.into(), status }
    }

    fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }

    fn host(&self) -> String {
        let authority = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_ascii_lowercase()
    }
}

/// Whether plain http leads to https, on the same host first.
pub(super) fn outcome(steps: Option<&[Step]>) -> Outcome {
    const TEST: &str = "redirection";
    let Some(steps) = steps.filter(|steps| !steps.is_empty()) else {
        return said(TEST, "redirection-not-needed-no-http", 0);
    };
    match steps {
        [_] => said(TEST, "redirection-missing", -20),
        [.., last] if !last.is_https() => said(TEST, "redirection-not-to-https", -20),
        [_, second, ..] if !second.is_https() => {
            said(TEST, "redirection-not-to-https-on-initial-redirection", -10)
        }
        [first, second, ..] if first.host() != second.host() => {
            said(TEST, "redirection-off-host-from-http", -5)
        }
        _ => said(TEST, "redirection-to-https", 0),
    }
}
