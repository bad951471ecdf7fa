//! Which marks cookies get on their way out, in words.

use gambeson_core::ConfigProblems;

use super::cookie::is_token;
use super::marks::CookieMarks;
use super::prefix::Prefix;
use crate::check::{HH067, HH069};

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
    /// Names of the cookies that forms of other sites must bring, and of which the app doesn't say `SameSite`; they get no `SameSite=Lax`.
    /// Default: none.
    pub without_same_site: Vec<String>,
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

    /// Forms of other sites must bring these, as with `response_mode=form_post`; see the [module](super).
    #[must_use]
    pub fn without_same_site<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.without_same_site.extend(names.into_iter().map(Into::into));
        self
    }

    pub(crate) fn prepare(&self, problems: &mut ConfigProblems) -> Option<CookieMarks> {
        for name in &self.readable {
            let cure = match Prefix::of(name) {
                Some((prefix, _)) if prefix.is_of_http() => {
                    "browsers demand HttpOnly of a cookie with this prefix: rename it"
                }
                _ if !is_name(name) => "write a cookie's name, such as \"theme\"",
                _ => continue,
            };
            problems.add("hardening-headers.cookies.readable", name, HH067.says(cure));
        }
        for name in self.without_same_site.iter().filter(|name| !is_name(name)) {
            let cure = HH069.says("write a cookie's name, such as \"oidc-state\"");
            problems.add("hardening-headers.cookies.without-same-site", name, cure);
        }
        if self.dangerously_off {
            return None;
        }
        Some(CookieMarks::new(&self.readable, &self.without_same_site))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token)
}
