//! One place where a rule does not hold.

use std::borrow::Cow;
use std::fmt;

use super::rule::{Level, Rule, Severity};

/// One place where a [`Rule`] does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    rule: &'static Rule,
    field: Cow<'static, str>,
    value: String,
}

impl Finding {
    pub(crate) fn new(
        rule: &'static Rule,
        field: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        Self { rule, field: field.into(), value: value.into() }
    }

    /// The rule.
    #[must_use]
    pub fn rule(&self) -> &'static Rule {
        self.rule
    }

    /// The rule's id, such as `HH063`.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.rule.id
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }

    /// The level of OWASP ASVS 5 from which on it counts.
    #[must_use]
    pub fn level(&self) -> Level {
        self.rule.level
    }

    /// Where: a key of the configuration, or a field of an answer.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What stands there; empty where nothing does.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// `HH063 (ASVS 3.5.1): what is weak; the cure [the place]`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, field, value } = self;
        write!(f, "{rule}: {}; {} [{field}", rule.what, rule.cure)?;
        match value.is_empty() {
            true => f.write_str("]"),
            false => write!(f, " = {value}]"),
        }
    }
}
