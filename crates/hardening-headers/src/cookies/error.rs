//! Why something is no cookie.

use std::fmt;

use gambeson_core::escape_controls;

/// What no browser would take as a cookie, or not as the one that is meant. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieError {
    name: Box<str>,
    cure: &'static str,
}

impl CookieError {
    pub(super) fn new(name: &str, cure: &'static str) -> Self {
        Self { name: escape_controls(name).chars().take(100).collect::<String>().into(), cure }
    }
}

impl fmt::Display for CookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cookie {:?}: {}", self.name, self.cure)
    }
}

impl std::error::Error for CookieError {}
