//! In what an issuer's tokens differ from those of others: data, so that the verifier has no case for a provider.

use std::borrow::Cow;

use gambeson_core::ConfigProblems;

use crate::claim_rule::ClaimRule;
use crate::policy::{ClaimNames, TokenProfile};
use crate::tenants::Tenants;

/// How tokens of one issuer are read, and what else they must be.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    pub(crate) profile: TokenProfile,
    pub(crate) names: ClaimNames,
    /// The claim of access tokens that says for whom they are.
    pub(crate) audience_claim: Cow<'static, str>,
    pub(crate) rules: Vec<ClaimRule>,
    /// The caller is a service where one of these holds.
    pub(crate) service_marks: Vec<ClaimRule>,
    /// Scopes without which its ID tokens lack what the rules ask for.
    pub(crate) scopes: &'static [&'static str],
    /// Audiences that every token of the issuer has, whatever it is for.
    pub(crate) vague_audiences: &'static [&'static str],
    pub(crate) tenants: Option<Tenants>,
    /// ID tokens are all the JWTs there are for an API: their marks are no reason to refuse them.
    pub(crate) takes_id_tokens: bool,
    /// What was wrong with the words it was made of: field, value and cure; told when a verifier is built.
    pub(crate) mistakes: Vec<(&'static str, String, &'static str)>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            profile: TokenProfile::default(),
            names: ClaimNames::default(),
            audience_claim: Cow::Borrowed("aud"),
            rules: Vec::new(),
            service_marks: Vec::new(),
            scopes: &[],
            vague_audiences: &[],
            tenants: None,
            takes_id_tokens: false,
            mistakes: Vec::new(),
        }
    }
}

impl Dialect {
    /// Of an issuer whose access tokens don't say by their type what they are.
    pub(crate) fn lenient(names: ClaimNames) -> Self {
        Self { profile: TokenProfile::JwtLenient, names, ..Self::default() }
    }

    pub(crate) fn rules<const N: usize>(mut self, rules: [ClaimRule; N]) -> Self {
        self.rules.extend(rules);
        self
    }

    pub(crate) fn service_marks<const N: usize>(mut self, marks: [ClaimRule; N]) -> Self {
        self.service_marks.extend(marks);
        self
    }

    pub(crate) fn mistaken(mut self, is: bool, value: &str, cure: &'static str) -> Self {
        if is {
            self.mistakes.push(("issuer", value.to_owned(), cure));
        }
        self
    }

    pub(crate) fn validate(&self, audiences: &[Box<str>], problems: &mut ConfigProblems) {
        for rule in self.rules.iter().chain(&self.service_marks) {
            rule.validate(problems);
        }
        if let Some(tenants) = &self.tenants {
            tenants.validate(problems);
        }
        if self.audience_claim.is_empty() {
            problems.add("issuer.audience_claim", "", "name the claim that says for whom a token is");
        }
        for vague in audiences.iter().filter(|audience| self.vague_audiences.contains(&&***audience)) {
            let cure =
                "every token of this issuer names it: have the issuer name this API (an audience mapper)";
            problems.add("audience", &**vague, cure);
        }
    }
}
