//! Several issuers in one verifier: a token's own `iss` says whose keys, audience and rules count, and no others do.

use std::sync::Arc;

use gambeson_core::{ConfigError, ConfigProblems};

use crate::error::{Reason, TokenError};
use crate::jwt::{Compact, Json, Keep, read_object};
use crate::verifier::{Verifier, text};

impl Verifier {
    /// A verifier for tokens of any of these. Which one looks at a token is decided by the token's `iss`, compared to the
    /// letter, before any key is looked at (RFC 9068 §4, RFC 8725 §3.8): a token is never checked with another issuer's keys,
    /// audience or rules. Each keeps its own cache.
    ///
    /// ```
    /// use gambeson_oidc_auth::{Issuer, Verifier};
    ///
    /// # fn main() -> Result<(), gambeson_core::ConfigError> {
    /// # let people = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
    /// # let robots = Issuer::github_actions("octo-org/octo-repo").with_static_keys(r#"{"keys":[]}"#);
    /// // let people = Issuer::discover("https://id.example.com");
    /// // let robots = Issuer::github_actions("octo-org/octo-repo");
    /// let people = Verifier::builder(people).audience("api").build()?;
    /// let robots = Verifier::builder(robots).audience("https://api.example.com").build()?;
    /// let verifier = Verifier::any_of([people, robots])?;
    /// assert_eq!(verifier.each().count(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// There is none, or two are for one issuer.
    pub fn any_of(verifiers: impl IntoIterator<Item = Self>) -> Result<Self, ConfigError> {
        let all: Vec<Self> =
            verifiers.into_iter().flat_map(|one| one.each().map(Self::alone).collect::<Vec<_>>()).collect();
        let mut problems = ConfigProblems::new();
        for (index, one) in all.iter().enumerate() {
            if all.iter().take(index).any(|before| before.issuer() == one.issuer()) {
                problems.add("issuer", one.issuer(), "name each issuer once, with all its audiences");
            }
        }
        problems.check()?;
        let mut all = all.into_iter();
        let none = || ConfigError::one("issuer", "", "name at least one issuer");
        let first = all.next().ok_or_else(none)?;
        let others: Arc<[Self]> = all.collect();
        Ok(Self(first.0, (!others.is_empty()).then_some(others)))
    }

    /// The verifiers of the single issuers; one, itself, where there are not several.
    pub fn each(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.1.iter().flat_map(|others| others.iter()))
    }

    /// This one without its others.
    fn alone(&self) -> Self {
        Self(Arc::clone(&self.0), None)
    }

    /// The one for the issuer that the token names.
    ///
    /// # Errors
    /// The token can't be read, or names none of the issuers.
    pub(crate) fn meant(&self, token: &[u8]) -> Result<&Self, TokenError> {
        if self.1.is_none() {
            return Ok(self);
        }
        let longest = self.each().map(|one| one.policy().max_token).max().unwrap_or_default();
        if token.len() > longest {
            return Err(TokenError::with(Reason::TooLarge, format!("{} bytes", token.len())));
        }
        let payload = Compact::split(text(token)?)?.payload()?;
        let iss = issuer_of(&payload)?;
        let exact = self.each().find(|one| *one.policy().issuer == *iss);
        exact.or_else(|| self.each().find(|one| one.policy().is_for(&iss))).ok_or_else(|| {
            let known: Vec<&str> = self.each().map(Self::issuer).collect();
            TokenError::with(Reason::Issuer, format!("iss is {iss:?}, wanted one of {known:?}"))
        })
    }
}

/// The `iss` of claims that nobody has verified: good for choosing who verifies them, and for nothing else.
fn issuer_of(payload: &str) -> Result<String, TokenError> {
    let keep = |name: &str| if name == "iss" { Keep::Value } else { Keep::Nothing };
    let claims = read_object(payload, keep)
        .map_err(|error| TokenError::with(Reason::Malformed, format!("claims: {error}")))?;
    match claims.get("iss") {
        Some(Json::Text(iss)) => Ok(iss.to_string()),
        Some(_) => Err(TokenError::with(Reason::Malformed, "iss is not a string")),
        None => Err(TokenError::with(Reason::Issuer, "iss is missing")),
    }
}
