//! One cookie, checked when it is made.

use std::fmt;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};

use super::LONGEST;
use super::error::CookieError;
use super::prefix::Prefix;
use crate::hosts::HostName;

/// The longest that browsers keep a cookie (RFC 6265bis §5.5).
const LONGEST_LIFE: Duration = Duration::from_secs(400 * 86_400);

/// With which requests of other sites' pages a cookie goes (RFC 6265bis §4.1.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SameSite {
    /// With none: who follows a link to the app is not known there at first.
    Strict,
    /// With links that are followed, and nothing else.
    #[default]
    Lax,
    /// With all of them. For what is meant to work in frames of other sites, beside a cross-site check.
    None,
}

/// One cookie as an answer sets it: `Secure`, `HttpOnly`, `SameSite=Lax` and `Path=/`, unless said otherwise.
///
/// ```
/// use gambeson_hardening_headers::Cookie;
/// use std::time::Duration;
///
/// let mut response = http::Response::new(());
/// let basket = Cookie::builder("__Host-basket", "b-17").max_age(Duration::from_secs(86_400)).build()?;
/// basket.append_to(response.headers_mut());
/// assert_eq!(
///     response.headers()["set-cookie"],
///     "__Host-basket=b-17; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"
/// );
///
/// // Its name promises that no other host of the domain can set it.
/// assert!(Cookie::builder("__Host-basket", "b-17").domain("example.com").build().is_err());
/// assert!(Cookie::new("basket", "b-17; Domain=example.com").is_err());
/// # Ok::<(), gambeson_hardening_headers::CookieError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    name: Box<str>,
    line: HeaderValue,
}

/// Collects what a [`Cookie`] is to be; [`build`](CookieBuilder::build) checks it.
#[derive(Clone)]
#[must_use]
pub struct CookieBuilder {
    name: String,
    value: String,
    path: String,
    domain: Option<String>,
    max_age: Option<Duration>,
    same_site: SameSite,
    secure: bool,
    http_only: bool,
    partitioned: bool,
}

impl Cookie {
    /// The cookie with all marks, for as long as the browser runs.
    ///
    /// # Errors
    /// As [`CookieBuilder::build`].
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Result<Self, CookieError> {
        Self::builder(name, value).build()
    }

    /// Begins a cookie.
    pub fn builder(name: impl Into<String>, value: impl Into<String>) -> CookieBuilder {
        CookieBuilder {
            name: name.into(),
            value: value.into(),
            path: "/".to_owned(),
            domain: None,
            max_age: None,
            same_site: SameSite::default(),
            secure: true,
            http_only: true,
            partitioned: false,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of the field `Set-Cookie`, marked as sensitive.
    #[must_use]
    pub const fn header_value(&self) -> &HeaderValue {
        &self.line
    }

    /// Adds it to an answer's headers, beside the cookies that are there.
    pub fn append_to(&self, headers: &mut HeaderMap) {
        headers.append(header::SET_COOKIE, self.line.clone());
    }
}

impl CookieBuilder {
    /// For which paths of the host. Default: all, `/`.
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// For this domain with all its hosts, each of which can then read and set it. Default: this host only.
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// For how long, in whole seconds and for at most 400 days; zero takes it away. Default: as long as the browser runs.
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// Takes the cookie of this name, path and domain away from the browser.
    pub fn removal(self) -> Self {
        Self { value: String::new(), ..self }.max_age(Duration::ZERO)
    }

    /// With which requests of other sites' pages it goes. Default: [`SameSite::Lax`].
    pub fn same_site(self, same_site: SameSite) -> Self {
        Self { same_site, ..self }
    }

    /// A jar of its own in each site that frames the app (`Partitioned`).
    pub fn partitioned(self) -> Self {
        Self { partitioned: true, ..self }
    }

    /// Without `HttpOnly`: scripts read it, injected ones too. The layer adds the mark again unless
    /// [`Cookies::readable`](crate::Cookies::readable) names the cookie.
    pub fn readable_by_scripts(self) -> Self {
        Self { http_only: false, ..self }
    }

    /// Without `Secure`: for http on this machine. Over http everybody on the way reads and changes it.
    pub fn dangerously_insecure(self) -> Self {
        Self { secure: false, ..self }
    }

    /// Checks it.
    ///
    /// # Errors
    /// A name that is no token, a value with other than visible ASCII or with `"`, `,`, `;`, `\` in it (RFC 6265bis §4.1.1), both together over
    /// 4,096 bytes; a malformed path or domain; more than 400 days; a mark taken off that the name's prefix or another mark demands.
    pub fn build(self) -> Result<Cookie, CookieError> {
        match self.problem() {
            Some(cure) => Err(CookieError::new(&self.name, cure)),
            None => {
                let mut line = HeaderValue::try_from(self.line())
                    .map_err(|_| CookieError::new(&self.name, "it holds what no field may hold"))?;
                line.set_sensitive(true);
                Ok(Cookie { name: self.name.into(), line })
            }
        }
    }

    fn problem(&self) -> Option<&'static str> {
        self.problem_of_the_words().or_else(|| self.problem_of_the_marks())
    }

    fn problem_of_the_words(&self) -> Option<&'static str> {
        let life = self.max_age.unwrap_or_default();
        let problems = [
            (
                self.name.is_empty() || !self.name.bytes().all(is_token),
                "write a name of letters, digits and !#$%&'*+-.^_`|~",
            ),
            (
                !is_value(&self.value),
                "write a value of visible ASCII without quotes, commas, semicolons and backslashes: encode it",
            ),
            (
                self.name.len() + self.value.len() > LONGEST,
                "name and value together are over 4096 bytes, which browsers drop",
            ),
            (!is_path(&self.path), "write a path that begins with a slash and has no semicolon"),
            (
                self.domain.as_deref().is_some_and(|domain| !is_domain(domain)),
                "write a domain with a dot, such as example.com, and no port",
            ),
            (life > LONGEST_LIFE || life.subsec_nanos() != 0, "write whole seconds, at most 400 days"),
        ];
        problems.into_iter().find_map(|(wrong, cure)| wrong.then_some(cure))
    }

    fn problem_of_the_marks(&self) -> Option<&'static str> {
        let prefix = Prefix::of(&self.name);
        let promises = |what: fn(Prefix) -> bool| prefix.is_some_and(|(prefix, _)| what(prefix));
        let elsewhere = self.path != "/" || self.domain.is_some();
        let problems = [
            (
                prefix.is_some_and(|(_, exact)| !exact),
                "write the prefix as __Host-, __Secure-, __Http- or __Host-Http-",
            ),
            (!self.secure && prefix.is_some(), "its prefix demands Secure"),
            (!self.secure && self.same_site == SameSite::None, "SameSite=None demands Secure"),
            (!self.secure && self.partitioned, "Partitioned demands Secure"),
            (elsewhere && promises(Prefix::is_of_one_host), "its prefix demands the path / and no domain"),
            (!self.http_only && promises(Prefix::is_of_http), "its prefix demands HttpOnly"),
        ];
        problems.into_iter().find_map(|(wrong, cure)| wrong.then_some(cure))
    }

    fn line(&self) -> String {
        let mut line = format!("{}={}; Path={}", self.name, self.value, self.path);
        if let Some(domain) = &self.domain {
            line += "; Domain=";
            line += domain;
        }
        line += if self.secure { "; Secure" } else { "" };
        line += if self.http_only { "; HttpOnly" } else { "" };
        line += match self.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        };
        if let Some(life) = self.max_age {
            line += &format!("; Max-Age={}", life.as_secs());
        }
        line += if self.partitioned { "; Partitioned" } else { "" };
        line
    }
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\'))
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';')
}

fn is_domain(domain: &str) -> bool {
    let name = HostName::parse(domain.as_bytes());
    name.is_some_and(|name| {
        let host = name.host();
        let address = host.starts_with('[') || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        name.port().is_none() && host.contains('.') && !address
    })
}

/// Without its value, which may be somebody's session.
impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Without its value.
impl fmt::Debug for CookieBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(feature = "axum")]
mod parts {
    use std::convert::Infallible;

    use axum_core::response::{IntoResponseParts, ResponseParts};

    use super::Cookie;

    impl IntoResponseParts for Cookie {
        type Error = Infallible;

        fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
            self.append_to(parts.headers_mut());
            Ok(parts)
        }
    }
}
