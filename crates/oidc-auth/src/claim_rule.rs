//! What a claim must be, beyond what every token must be.

use gambeson_core::ConfigProblems;

use crate::error::{Reason, TokenError};
use crate::jwt::{Json, Members};
use crate::policy::{TokenKind, path};

/// A rule about one claim, checked after the signature. A name that starts with `/` is a JSON pointer (RFC 6901), as in
/// [`ClaimNames`](crate::ClaimNames).
///
/// ```
/// use gambeson_oidc_auth::{ClaimRule, Issuer};
///
/// let deployments = Issuer::github_actions("octo-org/octo-repo")
///     .require(ClaimRule::equals("ref", "refs/heads/main"))
///     .require(ClaimRule::equals("environment", "production"));
/// # let _ = deployments;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRule {
    name: Box<str>,
    path: Vec<Box<str>>,
    test: Test,
    of: Of,
    /// It holds only where this claim is absent.
    without: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Present,
    IsTrue,
    OneOf(Vec<Box<str>>),
    StartsWith(Box<str>),
    /// The start, and then what this other top-level claim says.
    NamedAfter(Box<str>, Box<str>),
}

/// Of which tokens a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    All,
    Access,
    Id,
}

impl ClaimRule {
    fn new(name: impl Into<Box<str>>, test: Test) -> Self {
        let name = name.into();
        let path = path(&name);
        Self { name, path, test, of: Of::All, without: None }
    }

    /// The claim is there, whatever it is.
    pub fn present(name: impl Into<Box<str>>) -> Self {
        Self::new(name, Test::Present)
    }

    /// The claim is the JSON value `true`; the string `"true"` is not.
    pub fn is_true(name: impl Into<Box<str>>) -> Self {
        Self::new(name, Test::IsTrue)
    }

    /// The claim is this string to the letter, or a list with it, or with an object that has it as its `value` (RFC 7643 §2.4).
    pub fn equals(name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        Self::new(name, Test::OneOf(vec![value.into()]))
    }

    /// The claim is one of these strings to the letter, or a list with one of them, as [`ClaimRule::equals`] has it.
    pub fn one_of<V: Into<Box<str>>>(name: impl Into<Box<str>>, values: impl IntoIterator<Item = V>) -> Self {
        Self::new(name, Test::OneOf(values.into_iter().map(Into::into).collect()))
    }

    /// The claim is a string that starts so. End the start with a separator: `repo:octo-org/`, not `repo:octo-org`, which
    /// `octo-organic` has too.
    pub fn starts_with(name: impl Into<Box<str>>, start: impl Into<Box<str>>) -> Self {
        Self::new(name, Test::StartsWith(start.into()))
    }

    /// The claim is this start and then the value of the top-level claim `other`, in whatever letter case: user names have none.
    pub(crate) fn named_after(name: &str, start: &str, other: &str) -> Self {
        Self::new(name, Test::NamedAfter(start.into(), other.into()))
    }

    /// Holds only where this top-level claim is absent.
    pub(crate) fn without(self, name: &str) -> Self {
        Self { without: Some(name.into()), ..self }
    }

    /// Holds of access tokens only, not of the ID tokens of a log-in.
    #[must_use]
    pub fn of_access_tokens(self) -> Self {
        Self { of: Of::Access, ..self }
    }

    /// Holds of the ID tokens of a log-in only.
    #[must_use]
    pub fn of_id_tokens(self) -> Self {
        Self { of: Of::Id, ..self }
    }

    /// The claim's name as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_of(&self, kind: TokenKind) -> bool {
        match self.of {
            Of::All => true,
            Of::Access => matches!(kind, TokenKind::Access(_)),
            Of::Id => kind == TokenKind::Id,
        }
    }

    /// Whether the rule looks into the top-level claim of this name.
    pub(crate) fn wants(&self, claim: &str) -> bool {
        let other = match &self.test {
            Test::NamedAfter(_, other) => Some(other),
            _ => None,
        };
        self.path.first().into_iter().chain(other).chain(&self.without).any(|name| **name == *claim)
    }

    pub(crate) fn holds(&self, claims: &Members<'_>) -> bool {
        let forbidden = self.without.as_deref().is_some_and(|name| claims.get(name).is_some());
        !forbidden && claims.at(&self.path).is_some_and(|value| self.test.holds(value, claims))
    }

    pub(crate) fn check(&self, claims: &Members<'_>) -> Result<(), TokenError> {
        let name = &self.name;
        match claims.at(&self.path) {
            None => Err(TokenError::with(
                Reason::MissingClaim,
                format!("{name} is missing, wanted {}", self.test.words()),
            )),
            Some(_) if self.holds(claims) => Ok(()),
            Some(value) => Err(TokenError::with(
                Reason::ClaimRule,
                format!("{name} is {}, wanted {}", told(value), self.test.words()),
            )),
        }
    }

    pub(crate) fn validate(&self, problems: &mut ConfigProblems) {
        if self.path.iter().all(|step| step.is_empty()) {
            problems.add("issuer.require", &*self.name, "name a claim, or a JSON pointer such as /a/b");
        }
        let empty = match &self.test {
            Test::OneOf(values) => values.is_empty() || values.iter().any(|value| value.is_empty()),
            Test::StartsWith(start) => start.is_empty(),
            Test::Present | Test::IsTrue | Test::NamedAfter(..) => false,
        };
        if empty {
            problems.add(
                "issuer.require",
                &*self.name,
                "say what the claim must be; empty text allows nothing",
            );
        }
    }
}

impl Test {
    fn holds(&self, value: &Json<'_>, claims: &Members<'_>) -> bool {
        match (self, value) {
            (Self::Present, value) => *value != Json::Null,
            (Self::IsTrue, value) => *value == Json::Bool(true),
            (Self::StartsWith(start), Json::Text(text)) => text.starts_with(&**start),
            (Self::OneOf(wanted), Json::Text(text)) => wanted.iter().any(|wanted| **wanted == **text),
            (Self::OneOf(wanted), Json::List(items)) => {
                items.iter().filter_map(Json::said).any(|said| wanted.iter().any(|wanted| **wanted == *said))
            }
            (Self::NamedAfter(start, other), Json::Text(text)) => match claims.get(other) {
                Some(Json::Text(name)) => text
                    .strip_prefix(&**start)
                    .is_some_and(|rest| !rest.is_empty() && rest.eq_ignore_ascii_case(name)),
                _ => false,
            },
            _ => false,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Present => "any value".to_owned(),
            Self::IsTrue => "true".to_owned(),
            Self::OneOf(values) => match values.as_slice() {
                [one] => format!("{one:?}"),
                several => format!("one of {several:?}"),
            },
            Self::StartsWith(start) => format!("what starts with {start:?}"),
            Self::NamedAfter(start, other) => format!("{start:?} and then {other}"),
        }
    }
}

fn told(value: &Json<'_>) -> String {
    match value {
        Json::Text(text) => format!("{text:?}"),
        Json::Bool(value) => value.to_string(),
        Json::List(_) => "a list without it".to_owned(),
        _ => "of another type".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::{Keep, read_object};

    #[test]
    fn values_are_compared_whole_and_by_type() {
        let text = r#"{"hd":"example.com","yes":true,"word":"true","list":["a",7,["c"],{"value":"b","display":"d"}],"null":null,
                "sub":"repo:octo/a","object":{"value":"b"}}"#;
        let claims = read_object(text, |_| Keep::Value).unwrap();
        for (rule, holds) in [
            (ClaimRule::equals("hd", "example.com"), true),
            (ClaimRule::equals("hd", "example"), false),
            (ClaimRule::equals("hd", "Example.com"), false),
            (ClaimRule::one_of("hd", ["a", "example.com"]), true),
            (ClaimRule::equals("list", "a"), true),
            (ClaimRule::equals("list", "7"), false),
            (ClaimRule::equals("list", "b"), true),
            (ClaimRule::equals("list", "c"), false),
            (ClaimRule::equals("list", "d"), false),
            (ClaimRule::equals("object", "b"), false),
            (ClaimRule::is_true("yes"), true),
            (ClaimRule::is_true("word"), false),
            (ClaimRule::present("null"), false),
            (ClaimRule::present("absent"), false),
            (ClaimRule::present("sub"), true),
            (ClaimRule::starts_with("sub", "repo:octo/"), true),
            (ClaimRule::starts_with("sub", "repo:oct/"), false),
            (ClaimRule::starts_with("yes", "t"), false),
        ] {
            assert_eq!(rule.check(&claims).is_ok(), holds, "{rule:?}");
            assert_eq!(rule.holds(&claims), holds, "{rule:?}");
        }
    }
}
