//! A request of the whole window, and what browsers say about where it comes from.

use http::header::{ACCEPT, CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Where a request comes from, seen from the page that it goes to (Fetch Metadata §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Site {
    /// `none`: the person has typed the address.
    Nowhere,
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

    const fn name(self) -> &'static str {
        match self {
            Self::Nowhere => "none",
            Self::Origin => "same-origin",
            Self::Near => "same-site",
            Self::Cross => "cross-site",
        }
    }
}

/// A request of the whole window.
#[derive(Debug, Clone)]
pub(super) struct Navigation {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) form: String,
    /// The page whose link or form it is.
    from: Option<Url>,
    /// How far from that page the redirects have led so far.
    farthest: Site,
}

impl Navigation {
    pub(super) fn typed(url: Url) -> Self {
        Self { method: Method::GET, url, form: String::new(), from: None, farthest: Site::Nowhere }
    }

    pub(super) fn link(from: Url, url: Url) -> Self {
        Self { from: Some(from), ..Self::typed(url) }
    }

    pub(super) fn form(from: Url, url: Url, form: String) -> Self {
        Self { method: Method::POST, form, ..Self::link(from, url) }
    }

    pub(super) fn site(&self) -> Site {
        let here = self.from.as_ref().map_or(Site::Nowhere, |from| Site::between(from, &self.url));
        here.max(self.farthest)
    }

    /// Goes on to where the answer redirects.
    pub(super) fn redirected(&mut self, to: Url, status: StatusCode) {
        self.farthest = self.site();
        if !matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
            (self.method, self.form) = (Method::GET, String::new());
        }
        self.url = to;
    }
}

/// What browsers send with a navigation by a person (Fetch Metadata, HTML §7.4); `Origin` with forms.
pub(super) fn fields(navigation: &Navigation) -> HeaderMap {
    let mut fields = HeaderMap::new();
    put(&mut fields, ACCEPT, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    put(&mut fields, DEST, "document");
    put(&mut fields, MODE, "navigate");
    put(&mut fields, SITE, navigation.site().name());
    put(&mut fields, HeaderName::from_static("sec-fetch-user"), "?1");
    put(&mut fields, HeaderName::from_static("upgrade-insecure-requests"), "1");
    if let (&Method::POST, Some(from)) = (&navigation.method, &navigation.from) {
        put(&mut fields, ORIGIN, &from.origin().ascii_serialization());
        put(&mut fields, CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    fields
}

/// What browsers add to the request of a script; what it has already stays.
pub(super) fn fields_of_script(fields: &mut HeaderMap, method: &Method, from: &Url, site: Site) {
    let mut added = HeaderMap::new();
    put(&mut added, ACCEPT, "*/*");
    put(&mut added, DEST, "empty");
    put(&mut added, MODE, "cors");
    put(&mut added, SITE, site.name());
    if *method != Method::GET && *method != Method::HEAD {
        put(&mut added, ORIGIN, &from.origin().ascii_serialization());
    }
    for (name, value) in &added {
        fields.entry(name).or_insert_with(|| value.clone());
    }
}

pub(super) fn put(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn hosts_divide_sites_and_ports_do_not() {
        let to = url("http://127.0.0.1:1/");
        assert_eq!(Site::between(&url("http://localhost/"), &to), Site::Cross);
        assert_eq!(Site::between(&url("http://127.0.0.1:9/"), &to), Site::Near);
        assert_eq!(Site::between(&url("http://127.0.0.1:1/a"), &to), Site::Origin);
    }

    #[test]
    fn a_detour_is_not_forgotten_on_the_way_back() {
        let (here, there) = (url("http://localhost:1/"), url("http://127.0.0.1:2/"));
        let mut form = Navigation::form(here.clone(), here.clone(), "a=b".into());
        assert_eq!(
            (form.site(), &fields(&form)[ORIGIN]),
            (Site::Origin, &"http://localhost:1".parse().unwrap())
        );
        form.redirected(there.clone(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!((&form.method, form.form.as_str()), (&Method::POST, "a=b"));
        form.redirected(here.clone(), StatusCode::SEE_OTHER);
        assert_eq!((&form.method, form.form.as_str(), form.site()), (&Method::GET, "", Site::Cross));
        let mut typed = Navigation::typed(there);
        typed.redirected(here, StatusCode::FOUND);
        assert_eq!(fields(&typed)[SITE], "none", "redirects don't change who has typed the address");
    }
}
