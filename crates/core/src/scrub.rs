//! The last look before a value leaves in telemetry or audit.

use std::borrow::Cow;
use std::fmt;

/// Takes secrets out of a text. The set of secrets and the matcher belong to whoever implements it.
pub trait Scrub: Send + Sync + fmt::Debug {
    /// The text without secrets; borrowed when there was none.
    fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str>;
}
