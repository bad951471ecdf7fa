//! One cookie (RFC 6265bis §5.6, §5.7).

use std::time::Duration;

use gambeson_core::Timestamp;
use url::{Host, Url};

use super::cookie_date::cookie_date;
use super::network::is_loopback;

/// Name and value together are no longer than this, in bytes (§5.6).
const LONGEST: usize = 4_096;

/// No cookie lives longer (§5.5).
const OLDEST: Duration = Duration::from_secs(400 * 86_400);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SameSite {
    Lax,
    Strict,
    None,
}

#[derive(Clone)]
pub(super) struct Cookie {
    /// The host, or the domain with all hosts below it.
    pub(super) host: String,
    pub(super) with_subdomains: bool,
    pub(super) path: String,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) same_site: SameSite,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    /// None: with the browser.
    pub(super) end: Option<Timestamp>,
}

impl Cookie {
    /// What `Set-Cookie` of an answer from `url` says; `None` for one that browsers don't take.
    pub(super) fn read(url: &Url, text: &str, now: Timestamp) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            host: url.host_str()?.to_owned(),
            with_subdomains: false,
            path: default_path(url.path()).to_owned(),
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            same_site: SameSite::Lax,
            secure: false,
            http_only: false,
            end: None,
        };
        let (mut domain, mut has_path, mut max_age) = ("", false, false);
        for part in parts {
            let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
            let (attribute, value) = (attribute.trim().to_ascii_lowercase(), value.trim());
            match attribute.as_str() {
                "domain" => domain = value.strip_prefix('.').unwrap_or(value),
                "path" => {
                    has_path = value.starts_with('/');
                    cookie.path = if has_path { value } else { default_path(url.path()) }.to_owned();
                }
                "max-age" => {
                    if let Some(end) = after(value, now) {
                        (max_age, cookie.end) = (true, Some(end));
                    }
                }
                "expires" if !max_age => {
                    let end = cookie_date(value).map(|end| end.min(now.plus(OLDEST)));
                    cookie.end = end.or(cookie.end);
                }
                "samesite" => cookie.same_site = same_site(value),
                "secure" => cookie.secure = true,
                "httponly" => cookie.http_only = true,
                _ => {}
            }
        }
        let taken =
            cookie.widened(url, domain)? && cookie.is_sound(url, has_path && cookie.path == "/", domain);
        taken.then_some(cookie)
    }

    /// Goes to all hosts of a domain, if the host is one of it; an address and a name without dots have no others (§5.7 step 10).
    fn widened(&mut self, url: &Url, domain: &str) -> Option<bool> {
        let domain = domain.to_ascii_lowercase();
        if domain.is_empty() || domain == self.host && !domain.contains('.') {
            return Some(true);
        }
        let is_name = matches!(url.host()?, Host::Domain(_));
        if domain == self.host {
            self.with_subdomains = is_name;
            return Some(true);
        }
        let below = self.host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
        if !(below && is_name && domain.contains('.')) {
            return Some(false);
        }
        (self.host, self.with_subdomains) = (domain, true);
        Some(true)
    }

    /// What browsers ask of a cookie before they take it.
    fn is_sound(&self, url: &Url, whole_path: bool, domain: &str) -> bool {
        let name = self.name.to_ascii_lowercase();
        let prefix = match name.as_str() {
            name if name.starts_with("__host-") => self.secure && whole_path && domain.is_empty(),
            name if name.starts_with("__secure-") => self.secure,
            _ => true,
        };
        let secure = (!self.secure || is_secure(url)) && (self.same_site != SameSite::None || self.secure);
        prefix && secure && !self.name.is_empty() && self.name.len() + self.value.len() <= LONGEST
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    /// Whether it goes to this address, by host, path and scheme (§5.8.3).
    pub(super) fn fits(&self, url: &Url) -> bool {
        let host = url.host_str().is_some_and(|host| {
            let below = || host.strip_suffix(self.host.as_str()).is_some_and(|rest| rest.ends_with('.'));
            host == self.host || self.with_subdomains && below()
        });
        host && path_fits(&self.path, url.path()) && (!self.secure || is_secure(url))
    }

    /// Whether the other replaces it (§5.7 step 22).
    pub(super) fn is(&self, other: &Self) -> bool {
        let key = |cookie: &Self| {
            (cookie.host.clone(), cookie.with_subdomains, cookie.path.clone(), cookie.name.clone())
        };
        key(self) == key(other)
    }
}

/// `Max-Age`, in seconds (§5.6.2); what is no number counts as left out.
fn after(seconds: &str, now: Timestamp) -> Option<Timestamp> {
    let digits = seconds.strip_prefix('-').unwrap_or(seconds);
    if digits.is_empty() || digits.contains(|c: char| !c.is_ascii_digit()) {
        return None;
    }
    if seconds.starts_with('-') {
        return Some(now);
    }
    let age = digits.parse().map_or(OLDEST, Duration::from_secs);
    Some(now.plus(age.min(OLDEST)))
}

fn same_site(value: &str) -> SameSite {
    match value.to_ascii_lowercase().as_str() {
        "strict" => SameSite::Strict,
        "none" => SameSite::None,
        _ => SameSite::Lax,
    }
}

/// Browsers take loopback for as good as TLS.
fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || url.host().is_some_and(|host| is_loopback(&host))
}

/// Up to the last slash (§5.1.4).
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => path.get(..end).unwrap_or("/"),
    }
}

fn path_fits(cookie: &str, path: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}
