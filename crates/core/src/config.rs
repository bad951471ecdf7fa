//! All that is wrong with a configuration, at once.

use std::fmt;

use crate::word::shown;

/// Why a configuration was refused: every problem, not only the first. `Debug` shows what `Display` does, since a
/// `main` that returns the error prints that.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

/// One thing to mend: which field, what it held, and the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigProblem {
    /// The field as the configuration file names it, for example `hardening-headers.limits.body`.
    pub field: String,
    /// What it held, as far as it may be shown; empty when it was missing.
    pub value: String,
    /// What to do about it.
    pub cure: String,
}

impl ConfigError {
    /// An error of one problem.
    pub fn one(field: impl Into<String>, value: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { problems: vec![ConfigProblem { field: field.into(), value: value.into(), cure: cure.into() }] }
    }

    /// The problems, in the order in which they were found.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configuration refused")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

shown!(Debug for ConfigError, |error| format_args!("{error}"));
impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.is_empty() {
            true => write!(f, "{}: {}", self.field, self.cure),
            false => write!(f, "{} = {}: {}", self.field, self.value, self.cure),
        }
    }
}

/// Collects problems while a configuration is looked through.
#[derive(Debug, Clone, Default)]
pub struct ConfigProblems(Vec<ConfigProblem>);

impl ConfigProblems {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one problem.
    pub fn add(&mut self, field: impl Into<String>, value: impl Into<String>, cure: impl Into<String>) {
        self.0.push(ConfigProblem { field: field.into(), value: value.into(), cure: cure.into() });
    }

    /// Notes all problems of another configuration.
    pub fn extend(&mut self, error: ConfigError) {
        self.0.extend(error.problems);
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value when nothing is wrong.
    ///
    /// # Errors
    /// All the problems noted.
    pub fn into_result<T>(self, value: T) -> Result<T, ConfigError> {
        self.check().map(|()| value)
    }

    /// Nothing, when nothing is wrong.
    ///
    /// # Errors
    /// All the problems noted.
    pub fn check(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError { problems: self.0 }) }
    }
}
