//! From a policy's text back to its parts.

use std::fmt;

use gambeson_core::escape_controls;

use super::directive::Directive;
use super::policy::Csp;
use super::sandbox::SandboxAllow;
use super::source::{Source, SourceError};
use super::trusted_types::TrustedTypes;

/// A text that is not a policy of checked parts: all that is wrong with it. `source()` is the [`SourceError`] of the first source
/// at fault, if one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CspError {
    what: String,
    source: Option<SourceError>,
    /// What else is wrong.
    others: Vec<CspError>,
}

impl Csp {
    /// Reads a policy's text (CSP 3 §2.2.1), more strictly than browsers do.
    ///
    /// # Errors
    /// Each directive that is unknown or there twice, each source that is no source, `'none'` beside others; all at once.
    pub fn parse(text: &str) -> Result<Self, CspError> {
        let mut policy = Self::empty();
        let mut faults = Vec::new();
        for part in text.split(';') {
            let mut words = part.split_ascii_whitespace();
            let Some(name) = words.next() else { continue };
            match policy.clone().with_parsed(&name.to_ascii_lowercase(), words) {
                Ok(longer) => policy = longer,
                Err(fault) => faults.push(fault),
            }
        }
        CspError::all_of(faults).map_or(Ok(policy), Err)
    }

    fn with_parsed<'t>(self, name: &str, words: impl Iterator<Item = &'t str>) -> Result<Self, CspError> {
        let words: Vec<&str> = words.collect();
        if let Some(directive) = Directive::parse(name) {
            if self.sources(directive).is_some() {
                return Err(CspError::new(name, "is there twice; browsers would ignore the second"));
            }
            return Ok(self.set(directive, sources(name, &words)?));
        }
        match (name, words.as_slice()) {
            ("upgrade-insecure-requests", []) if !self.upgrade => Ok(self.upgrade_insecure_requests()),
            ("require-trusted-types-for", ["'script'"]) if !self.trusted_types => {
                Ok(self.require_trusted_types())
            }
            ("trusted-types", words) if self.trusted_types_policies.is_none() => {
                Ok(self.trusted_types(TrustedTypes::parse(words)?))
            }
            ("sandbox", words) if self.sandbox.is_none() => match SandboxAllow::parse_all(words) {
                Some(allowed) => Ok(self.sandbox(allowed)),
                None => Err(CspError::new(name, "allows what no browser knows")),
            },
            ("report-to", [endpoint]) if self.reports.to.is_none() => self.report_to(endpoint),
            ("report-uri", [uri]) if self.reports.uri.is_none() => self.report_uri(uri),
            _ => Err(CspError::new(name, "is unknown, there twice, or has a value that it can't have")),
        }
    }
}

fn sources(name: &str, words: &[&str]) -> Result<Vec<Source>, CspError> {
    if let [none] = words
        && none.eq_ignore_ascii_case("'none'")
    {
        return Ok(Vec::new());
    }
    if words.is_empty() {
        return Err(CspError::new(name, "lists nothing; write 'none'"));
    }
    if words.iter().any(|word| word.eq_ignore_ascii_case("'none'")) {
        return Err(CspError::new(name, "has 'none' beside other sources"));
    }
    let mut sources = Vec::new();
    let mut faults = Vec::new();
    for word in words {
        match Source::parse(word) {
            Ok(source) => sources.push(source),
            Err(error) => faults
                .push(CspError { source: Some(error), ..CspError::new(name, "has a source that is none") }),
        }
    }
    CspError::all_of(faults).map_or(Ok(sources), Err)
}

impl CspError {
    pub(super) fn new(directive: &str, what: &str) -> Self {
        let name: String = directive.chars().take(60).collect();
        Self {
            what: format!("directive {} {what}", escape_controls(&name)),
            source: None,
            others: Vec::new(),
        }
    }

    /// One error of all of them; `None` of none.
    fn all_of(faults: Vec<Self>) -> Option<Self> {
        let mut faults = faults.into_iter();
        let mut first = faults.next()?;
        first.others.extend(faults);
        Some(first)
    }

    fn first_source(&self) -> Option<&SourceError> {
        self.source.as_ref().or_else(|| self.others.iter().find_map(Self::first_source))
    }
}

impl fmt::Display for CspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        self.others.iter().try_for_each(|other| write!(f, "; {other}"))
    }
}

impl std::error::Error for CspError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.first_source().map(|source| source as _)
    }
}
