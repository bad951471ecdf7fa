//! Why a token is or isn't accepted, step by step and in words.

mod steps;

use std::fmt;

use crate::error::TokenError;
use crate::verifier::Verifier;

/// What became of each check. For operators only: it shows claims. It never shows the signature or anything that would pass for
/// a token.
///
/// ```
/// use gambeson_oidc_auth::{Issuer, Verifier};
///
/// # fn main() -> Result<(), gambeson_core::ConfigError> {
/// let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
/// let verifier = Verifier::builder(issuer).audience("api").build()?;
/// let explained = verifier.explain("Bearer 8xLOxBtZp8");
/// assert!(!explained.is_accepted());
/// assert!(explained.to_string().contains("opaque"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    steps: Vec<ExplainedStep>,
    accepted: bool,
}

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedStep {
    /// The check's stable name.
    pub check: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found, and what was wanted; cut and escaped.
    pub text: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// For this the token is refused.
    Failed,
    /// Could not be looked at, because an earlier check failed.
    Open,
}

impl Verifier {
    /// Looks at a token in all respects, not only to the first fault, and says what it finds. With the keys at hand: it does not
    /// wait, and a key that is not known yet counts as a fault.
    ///
    /// Not for the request path: it does more work than verification, and what it says is not for the client. A leading `Bearer `
    /// is taken off. What happens to the token in between (DPoP proof, certificate) is the request's and not
    /// looked at, except where verification itself refuses for it.
    #[must_use]
    pub fn explain(&self, token: &str) -> Explanation {
        let token = token.trim();
        let token = match token.split_at_checked(7) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim(),
            _ => token,
        };
        let mut explanation = Explanation { steps: Vec::new(), accepted: false };
        steps::take(self, token, &mut explanation);
        let verified = self.verify(token);
        explanation.accepted = verified.is_ok();
        if let Err(error) = verified
            && explanation.steps.iter().all(|step| step.verdict == Verdict::Passed)
        {
            explanation.failed("verification", &error);
        }
        explanation
    }
}

impl Explanation {
    /// Whether the token is accepted right now.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// The checks, in their order.
    #[must_use]
    pub fn steps(&self) -> &[ExplainedStep] {
        &self.steps
    }

    fn add(&mut self, check: &'static str, verdict: Verdict, text: impl AsRef<str>) {
        let cut: String = text.as_ref().chars().take(400).collect();
        let text = gambeson_core::escape_controls(&cut).into_owned();
        self.steps.push(ExplainedStep { check, verdict, text });
    }

    fn passed(&mut self, check: &'static str, text: impl AsRef<str>) {
        self.add(check, Verdict::Passed, text);
    }

    fn failed(&mut self, check: &'static str, error: &TokenError) {
        self.add(check, Verdict::Failed, error.detail().unwrap_or(error.reason().as_str()));
    }

    /// Adds the outcome of a check whose success has these words.
    fn outcome(
        &mut self,
        check: &'static str,
        outcome: Result<(), TokenError>,
        words: impl FnOnce() -> String,
    ) {
        match outcome {
            Ok(()) => self.passed(check, words()),
            Err(error) => self.failed(check, &error),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ExplainedStep { check, verdict, text } in &self.steps {
            let verdict = match verdict {
                Verdict::Passed => "ok  ",
                Verdict::Failed => "FAIL",
                Verdict::Open => "open",
            };
            writeln!(f, "{verdict} {check:<10} {text}")?;
        }
        f.write_str(if self.accepted { "accepted" } else { "refused" })
    }
}
