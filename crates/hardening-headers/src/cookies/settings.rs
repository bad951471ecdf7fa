//! Which marks cookies get on their way out, in words.

use gambeson_core::ConfigProblems;

use super::cookie::is_token;
use super::marks::CookieMarks;
use super::prefix::Prefix;
use crate::check::HH067;

/// Which cookies are left without a mark; see the [module](super). Plain data.
///
/// ```
/// use gambeson_hardening_headers::{Cookies, Hardening};
///
/// let edge = Hardening::web().cookies(Cookies::new().readable(["theme"])).build()?;
/// # let _ = edge;
/// # Ok::<(), gambeson_core::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct Cookies {
    /// Names of the cookies that scripts of the page must read; they get no `HttpOnly`. Default: none.
    pub readable: Vec<String>,
    /// Sends cookies as the app writes them. Logged at build.
    pub dangerously_off: bool,
}

impl Cookies {
    /// Every mark on every cookie.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cookies as the app writes them. Logged at build.
    #[must_use]
    pub fn dangerously_off() -> Self {
        Self { dangerously_off: true, ..Self::default() }
    }

    /// Scripts of the page must read these.
    #[must_use]
    pub fn readable<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.readable.extend(names.into_iter().map(Into::into));
        self
    }

    pub(crate) fn prepare(&self, problems: &mut ConfigProblems) -> Option<CookieMarks> {
        for name in &self.readable {
            let cure = match Prefix::of(name) {
                Some((prefix, _)) if prefix.is_of_http() => {
                    "browsers demand HttpOnly of a cookie with this prefix: rename it"
                }
                _ if name.is_empty() || !name.bytes().all(is_token) => {
                    "write a cookie's name, such as \"theme\""
                }
                _ => continue,
            };
            problems.add("hardening-headers.cookies.readable", name, HH067.says(cure));
        }
        if self.dangerously_off {
            return None;
        }
        Some(CookieMarks::new(&self.readable))
    }
}
