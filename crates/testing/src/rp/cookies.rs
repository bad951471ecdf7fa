//! The browser's cookies (RFC 6265bis), as far as they matter on loopback.

use http::header::SET_COOKIE;
use http::{HeaderMap, Method};
use url::Url;

/// Where a request comes from, seen from the page that it goes to (Fetch Metadata §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Site {
    /// `same-origin`.
    Origin,
    /// `same-site`.
    Near,
    /// `cross-site`.
    Cross,
}

impl Site {
    /// Ports don't divide sites, hosts do: `localhost` and `127.0.0.1` are two.
    pub(super) fn between(from: &Url, to: &Url) -> Self {
        match from.origin() == to.origin() {
            true => Self::Origin,
            false if from.scheme() == to.scheme() && from.host() == to.host() => Self::Near,
            false => Self::Cross,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Origin => "same-origin",
            Self::Near => "same-site",
            Self::Cross => "cross-site",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SameSite {
    Lax,
    Strict,
    None,
}

#[derive(Debug, Clone)]
struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
    same_site: SameSite,
}

/// Cookies by host, path and name. As browsers do on loopback, it takes `Secure` ones over plain http; all are of one host.
#[derive(Debug, Clone, Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    /// Takes what the answer sets.
    pub(super) fn keep(&mut self, url: &Url, headers: &HeaderMap) {
        for text in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let Some((cookie, over)) = read(url, text) else { continue };
            let same = |known: &Cookie| {
                (&known.host, &known.path, &known.name) == (&cookie.host, &cookie.path, &cookie.name)
            };
            self.0.retain(|known| !same(known));
            if !over {
                self.0.push(cookie);
            }
        }
    }

    /// The value of `Cookie`; those of longer paths first (§5.8.3).
    pub(super) fn field(&self, url: &Url, method: &Method, site: Site) -> Option<String> {
        let goes = |cookie: &&Cookie| {
            let crosses = site == Site::Cross;
            let allowed = match cookie.same_site {
                SameSite::None => true,
                SameSite::Lax => !crosses || *method == Method::GET,
                SameSite::Strict => !crosses,
            };
            allowed && url.host_str() == Some(cookie.host.as_str()) && path_fits(&cookie.path, url.path())
        };
        let mut going: Vec<&Cookie> = self.0.iter().filter(goes).collect();
        going.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            going.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// A cookie, and whether it is over already.
fn read(url: &Url, text: &str) -> Option<(Cookie, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let mut cookie = Cookie {
        host: url.host_str()?.to_owned(),
        path: default_path(url.path()).to_owned(),
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        same_site: SameSite::Lax,
    };
    let (mut over, mut max_age) = (false, false);
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        match attribute.to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "max-age" => (max_age, over) = (true, value.parse::<i64>().is_ok_and(|seconds| seconds <= 0)),
            "expires" if !max_age => over = is_past(value),
            "samesite" if value.eq_ignore_ascii_case("strict") => cookie.same_site = SameSite::Strict,
            "samesite" if value.eq_ignore_ascii_case("none") => cookie.same_site = SameSite::None,
            _ => {}
        }
    }
    Some((cookie, over))
}

/// Apps take a cookie away with a date of the last century, most often the first of 1970.
fn is_past(date: &str) -> bool {
    date.split([' ', '-']).any(|word| word.len() == 4 && word.parse().is_ok_and(|year: u16| year < 2_000))
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn set(jar: &mut Jar, at: &str, cookie: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, HeaderValue::from_str(cookie).unwrap());
        jar.keep(&url(at), &headers);
    }

    fn sent(jar: &Jar, to: &str, site: Site) -> String {
        jar.field(&url(to), &Method::GET, site).unwrap_or_default()
    }

    #[test]
    fn cookies_come_and_go() {
        let mut jar = Jar::default();
        set(&mut jar, "http://127.0.0.1:1/a/b", "x=1; Secure; HttpOnly");
        set(&mut jar, "http://127.0.0.1:1/a/b", "y=2; Path=/");
        assert_eq!(sent(&jar, "http://127.0.0.1:2/a/c", Site::Near), "x=1; y=2", "ports share cookies");
        assert_eq!(sent(&jar, "http://127.0.0.1:1/ab", Site::Origin), "y=2");
        assert_eq!(sent(&jar, "http://localhost:1/a/", Site::Origin), "");
        set(&mut jar, "http://127.0.0.1:1/", "y=; Path=/; Max-Age=0");
        set(&mut jar, "http://127.0.0.1:1/a/b", "x=; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(sent(&jar, "http://127.0.0.1:1/a/c", Site::Origin), "");
        set(&mut jar, "http://127.0.0.1:1/", "z=3; Expires=Thu, 01 Jan 2099 00:00:00 GMT");
        assert_eq!(sent(&jar, "http://127.0.0.1:1/", Site::Origin), "z=3");
    }

    #[test]
    fn other_sites_get_less() {
        let mut jar = Jar::default();
        for cookie in ["s=1; SameSite=Strict", "l=2; SameSite=Lax", "n=3; SameSite=None"] {
            set(&mut jar, "http://127.0.0.1:1/", cookie);
        }
        let to = url("http://127.0.0.1:1/");
        assert_eq!(sent(&jar, to.as_str(), Site::Near), "s=1; l=2; n=3");
        assert_eq!(sent(&jar, to.as_str(), Site::Cross), "l=2; n=3");
        assert_eq!(jar.field(&to, &Method::POST, Site::Cross).as_deref(), Some("n=3"));
        assert_eq!(Site::between(&url("http://localhost/"), &to), Site::Cross);
        assert_eq!(Site::between(&url("http://127.0.0.1:9/"), &to), Site::Near);
    }
}
