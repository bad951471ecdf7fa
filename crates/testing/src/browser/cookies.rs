//! The browser's cookies (RFC 6265bis §5.7, §5.8).

use std::fmt;

use gambeson_core::Timestamp;
use http::HeaderMap;
use http::header::SET_COOKIE;
use url::Url;

use super::cookie::{Cookie, SameSite};
use super::navigation::Site;

/// Cookies in the order in which they first came.
#[derive(Clone, Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    /// Takes what the answer sets.
    pub(super) fn keep(&mut self, url: &Url, headers: &HeaderMap, now: Timestamp) {
        for text in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let Some(cookie) = Cookie::read(url, text, now) else { continue };
            match self.0.iter_mut().find(|known| known.is(&cookie)) {
                Some(known) => *known = cookie,
                None => self.0.push(cookie),
            }
        }
        self.0.retain(|cookie| !cookie.is_over(now));
    }

    /// The value of `Cookie`. `opens`: the request opens a page, by GET.
    pub(super) fn field(&self, url: &Url, site: Site, opens: bool, now: Timestamp) -> Option<String> {
        let crosses = site == Site::Cross;
        let goes = |cookie: &Cookie| match cookie.same_site {
            SameSite::None => true,
            SameSite::Lax => !crosses || opens,
            SameSite::Strict => !crosses,
        };
        self.joined(url, now, goes)
    }

    /// What scripts of the page find.
    pub(super) fn of_scripts(&self, url: &Url, now: Timestamp) -> Option<String> {
        self.joined(url, now, |cookie| !cookie.http_only)
    }

    pub(super) fn value(&self, name: &str, now: Timestamp) -> Option<&str> {
        let found = self.0.iter().find(|cookie| cookie.name == name && !cookie.is_over(now))?;
        Some(&found.value)
    }

    /// Those of longer paths first (§5.8.3).
    fn joined(&self, url: &Url, now: Timestamp, goes: impl Fn(&Cookie) -> bool) -> Option<String> {
        let going = |cookie: &&Cookie| !cookie.is_over(now) && cookie.fits(url) && goes(cookie);
        let mut going: Vec<&Cookie> = self.0.iter().filter(going).collect();
        going.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            going.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// Names, never values.
impl fmt::Debug for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|cookie| &cookie.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn set(jar: &mut Jar, at: &str, cookie: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, HeaderValue::from_str(cookie).unwrap());
        jar.keep(&url(at), &headers, NOW);
    }

    fn sent_at(jar: &Jar, to: &str, site: Site, now: Timestamp) -> String {
        jar.field(&url(to), site, true, now).unwrap_or_default()
    }

    fn sent(jar: &Jar, to: &str, site: Site) -> String {
        sent_at(jar, to, site, NOW)
    }

    /// What is sent back to the place that has set it.
    fn back(at: &str, cookie: &str) -> String {
        let mut jar = Jar::default();
        set(&mut jar, at, cookie);
        sent(&jar, at, Site::Origin)
    }

    #[test]
    fn cookies_come_and_go() {
        let mut jar = Jar::default();
        set(&mut jar, "http://127.0.0.1:1/a/b", "x=1; Secure; HttpOnly");
        set(&mut jar, "http://127.0.0.1:1/a/b", "y=2; Path=/");
        assert_eq!(sent(&jar, "http://127.0.0.1:2/a/c", Site::Near), "x=1; y=2", "ports share cookies");
        assert_eq!(sent(&jar, "http://127.0.0.1:1/ab", Site::Origin), "y=2");
        assert_eq!(sent(&jar, "http://localhost:1/a/", Site::Origin), "");
        assert_eq!(jar.of_scripts(&url("http://127.0.0.1:1/a/b"), NOW).as_deref(), Some("y=2"));
        assert_eq!((jar.value("x", NOW), jar.value("z", NOW)), (Some("1"), None));
        set(&mut jar, "http://127.0.0.1:1/", "y=; Path=/; Max-Age=0");
        set(&mut jar, "http://127.0.0.1:1/a/b", "x=; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(sent(&jar, "http://127.0.0.1:1/a/c", Site::Origin), "");
        assert!(jar.0.is_empty());
    }

    #[test]
    fn a_new_value_keeps_its_place() {
        let mut jar = Jar::default();
        for cookie in ["a=1", "b=2", "a=3"] {
            set(&mut jar, "http://127.0.0.1:1/", cookie);
        }
        assert_eq!(sent(&jar, "http://127.0.0.1:1/", Site::Origin), "a=3; b=2");
    }

    #[test]
    fn cookies_end_when_the_clock_says_so() {
        let mut jar = Jar::default();
        set(&mut jar, "http://127.0.0.1:1/", "a=1; Max-Age=600; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        set(&mut jar, "http://127.0.0.1:1/", "e=2; Expires=Tue, 14 Nov 2023 22:14:20 GMT");
        set(&mut jar, "http://127.0.0.1:1/", "s=3; Max-Age=soon");
        set(&mut jar, "http://127.0.0.1:1/", "l=4; Max-Age=99999999999999999999");
        let later = |seconds| {
            sent_at(&jar, "http://127.0.0.1:1/", Site::Origin, NOW.plus(Duration::from_secs(seconds)))
        };
        assert_eq!(later(59), "a=1; e=2; s=3; l=4");
        assert_eq!(later(60), "a=1; s=3; l=4");
        assert_eq!(later(600), "s=3; l=4");
        assert_eq!(later(400 * 86_400), "s=3", "no cookie lives longer");
        assert_eq!(jar.value("a", NOW.plus(Duration::from_secs(600))), None);
    }

    #[test]
    fn prefixes_are_kept_to() {
        let (https, here) = ("https://notes.example/", "http://localhost:3000/");
        for at in [https, here] {
            assert_eq!(back(at, "__Host-s=1; Secure; Path=/"), "__Host-s=1");
            assert_eq!(back(at, "__Secure-s=1; Secure"), "__Secure-s=1");
            for bad in
                ["__Host-s=1; Path=/", "__host-s=1; Secure", "__Host-s=1; Secure; Path=/a", "__Secure-s=1"]
            {
                assert_eq!(back(at, bad), "", "{bad}");
            }
        }
        assert_eq!(back(https, "__Host-s=1; Secure; Path=/; Domain=notes.example"), "");
    }

    #[test]
    fn secure_ones_stay_with_tls_and_loopback() {
        assert_eq!(back("http://notes.example/", "a=1; Secure"), "");
        assert_eq!(back("http://notes.localhost/", "a=1; Secure"), "a=1");
        assert_eq!(back("https://notes.example/", "a=1; SameSite=None"), "", "None without Secure");
        let mut jar = Jar::default();
        set(&mut jar, "https://notes.example/", "a=1; Secure");
        assert_eq!(sent(&jar, "http://notes.example/", Site::Near), "");
    }

    #[test]
    fn domains_are_the_host_s_own() {
        let mut jar = Jar::default();
        set(&mut jar, "https://a.notes.example/", "wide=1; Domain=.Notes.example");
        set(&mut jar, "https://a.notes.example/", "own=2");
        assert_eq!(sent(&jar, "https://a.notes.example/", Site::Origin), "wide=1; own=2");
        assert_eq!(sent(&jar, "https://b.notes.example/", Site::Origin), "wide=1");
        assert_eq!(sent(&jar, "https://evilnotes.example/", Site::Origin), "");
        for (at, cookie) in [
            ("https://notes.example/", "a=1; Domain=example"),
            ("https://notes.example/", "a=1; Domain=other.example"),
            ("http://127.0.0.1/", "a=1; Domain=0.0.1"),
        ] {
            assert_eq!(back(at, cookie), "", "{cookie}");
        }
        let mut jar = Jar::default();
        set(&mut jar, "http://localhost/", "a=1; Domain=localhost");
        assert_eq!(sent(&jar, "http://localhost/", Site::Origin), "a=1");
        assert_eq!(sent(&jar, "http://b.localhost/", Site::Origin), "");
    }

    #[test]
    fn long_and_nameless_ones_are_left() {
        assert_eq!(back("http://127.0.0.1/", "=1"), "");
        assert_eq!(back("http://127.0.0.1/", &format!("a={}", "x".repeat(4_096))), "");
        assert_eq!(back("http://127.0.0.1/", &format!("a={}", "x".repeat(4_095))).len(), 4_097);
    }

    #[test]
    fn other_sites_get_less() {
        let mut jar = Jar::default();
        for cookie in ["s=1; SameSite=Strict", "l=2", "n=3; SameSite=None; Secure"] {
            set(&mut jar, "http://127.0.0.1:1/", cookie);
        }
        let to = url("http://127.0.0.1:1/");
        assert_eq!(sent(&jar, to.as_str(), Site::Near), "s=1; l=2; n=3");
        assert_eq!(sent(&jar, to.as_str(), Site::Nowhere), "s=1; l=2; n=3");
        assert_eq!(sent(&jar, to.as_str(), Site::Cross), "l=2; n=3");
        assert_eq!(jar.field(&to, Site::Cross, false, NOW).as_deref(), Some("n=3"));
    }
}
