//! A scripted browser: cookies, redirects, and the fields that a real one sends with a navigation.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use url::Url;

use super::cookies::{Jar, Site};
use super::fetch::fetch;

/// Browsers give up after as many redirects.
const MOST_REDIRECTS: usize = 20;

/// Where a navigation ended.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) url: Url,
    pub(super) answer: Response<Bytes>,
}

impl Page {
    pub(super) fn status(&self) -> StatusCode {
        self.answer.status()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.answer.body()).into_owned()
    }
}

/// A request of the whole window.
#[derive(Debug, Clone)]
struct Navigation {
    method: Method,
    url: Url,
    form: String,
    /// The page whose link or form it is.
    from: Url,
    /// How far from that page the redirects have led so far.
    site: Site,
}

/// One person's browser.
#[derive(Debug, Clone, Default)]
pub(super) struct Browser {
    jar: Jar,
}

impl Browser {
    /// Follows a link of the page `from`, and all redirects.
    pub(super) async fn follow(&mut self, from: &Url, url: Url) -> Result<Page, String> {
        self.navigate(Method::GET, from, url, String::new()).await
    }

    /// Sends a form of the page `from`, and follows all redirects.
    pub(super) async fn submit(&mut self, from: &Url, url: Url, form: String) -> Result<Page, String> {
        self.navigate(Method::POST, from, url, form).await
    }

    /// Opens a page of an app by itself; a redirect is its answer.
    pub(super) async fn open(&mut self, url: &Url) -> Result<Page, String> {
        let opened = Navigation {
            method: Method::GET,
            url: url.clone(),
            form: String::new(),
            from: url.clone(),
            site: Site::Origin,
        };
        let answer = self.send(&opened).await?;
        Ok(Page { url: url.clone(), answer })
    }

    async fn navigate(&mut self, method: Method, from: &Url, url: Url, form: String) -> Result<Page, String> {
        let mut next = Navigation { method, url, form, from: from.clone(), site: Site::Origin };
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.send(&next).await?;
            let Some(to) = target(&next.url, &answer) else { return Ok(Page { url: next.url, answer }) };
            if !matches!(answer.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                (next.method, next.form) = (Method::GET, String::new());
            }
            next.url = to;
        }
        Err(format!("more than {MOST_REDIRECTS} redirects, the last to {}", next.url.path()))
    }

    async fn send(&mut self, navigation: &Navigation) -> Result<Response<Bytes>, String> {
        let mut navigation = navigation.clone();
        navigation.site = navigation.site.max(Site::between(&navigation.from, &navigation.url));
        let Navigation { method, url, form, .. } = &navigation;
        let target =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let mut request = Request::new(Bytes::from(form.clone()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = target.parse().map_err(|_| format!("{target:?} is no target of a request"))?;
        *request.headers_mut() = fields(&navigation);
        if let Some(cookies) = self.jar.field(url, method, navigation.site) {
            put(request.headers_mut(), COOKIE, &cookies);
        }
        let answer = fetch(url, request).await?;
        self.jar.keep(url, answer.headers());
        Ok(answer)
    }
}

/// Where an answer redirects to.
fn target(url: &Url, answer: &Response<Bytes>) -> Option<Url> {
    if !answer.status().is_redirection() {
        return None;
    }
    url.join(answer.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// What browsers send with a navigation by a click (Fetch Metadata, HTML §7.4); `Origin` with forms.
fn fields(navigation: &Navigation) -> HeaderMap {
    let mut fields = HeaderMap::new();
    put(&mut fields, ACCEPT, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    for (name, value) in [
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", navigation.site.name()),
        ("sec-fetch-user", "?1"),
        ("upgrade-insecure-requests", "1"),
    ] {
        fields.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if navigation.method == Method::POST {
        put(&mut fields, ORIGIN, &navigation.from.origin().ascii_serialization());
        put(&mut fields, CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    fields
}

fn put(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(name, value);
    }
}
