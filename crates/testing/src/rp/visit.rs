//! One person's browser, the app and the provider.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use url::Url;

use super::relying_party::RelyingParty;
use crate::browser::{Browser, BrowserError, Page, fetch};
use crate::dev_idp::{DevIdp, Exchange};

/// Who signs in, and whom nobody but a wrong userinfo answer speaks of.
pub(super) const PERSON: &str = "alice";
pub(super) const SOMEBODY_ELSE: &str = "bob";

/// An app that was started, with the provider that it was started for.
pub(super) struct Place<'a> {
    pub(super) app: &'a RelyingParty,
    pub(super) origin: Url,
    pub(super) idp: &'a DevIdp,
    pub(super) client_id: &'a str,
}

impl Place<'_> {
    pub(super) fn path(&self, path: &str) -> Url {
        self.origin.join(path).unwrap_or_else(|_| self.origin.clone())
    }

    /// A new browser signs in.
    pub(super) async fn sign_in(&self) -> Visit {
        self.idp.take_exchanges();
        let mut browser = Browser::default();
        let landed = self.walk(&mut browser).await;
        self.look(browser, landed).await
    }

    /// From a link of the app to the provider, over its page and back.
    async fn walk(&self, browser: &mut Browser) -> Result<Page, BrowserError> {
        let page = browser.follow(&self.origin, self.path(&self.app.login)).await?;
        let at_provider = page.url.origin().ascii_serialization() == self.idp.issuer();
        match at_provider {
            true => browser.press(page, PERSON).await,
            false => Ok(page),
        }
    }

    /// The person signs out.
    pub(super) async fn sign_out(&self, mut visit: Visit, method: &http::Method, path: &str) -> Visit {
        let landed = match *method {
            http::Method::GET => visit.browser.follow(&self.origin, self.path(path)).await,
            _ => visit.browser.send_form(&self.origin, self.path(path)).await,
        };
        self.look(visit.browser, landed).await
    }

    /// The provider sends a logout token (Back-Channel Logout §2.5).
    pub(super) async fn tell(&self, path: &str, token: &str) -> Result<Response<Bytes>, String> {
        let mut request = Request::new(Bytes::from(format!("logout_token={token}")));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = path.parse().map_err(|_| format!("{path:?} is no path"))?;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
        fetch(&self.path(path), request).await
    }

    /// The person looks again, after something happened elsewhere.
    pub(super) async fn look_again(&self, visit: Visit) -> Visit {
        self.look(visit.browser, visit.landed).await
    }

    /// Who the app says it is now.
    async fn look(&self, mut browser: Browser, landed: Result<Page, BrowserError>) -> Visit {
        let opened = browser.look(self.path(&self.app.who).as_str()).await;
        let who = opened.as_ref().ok().and_then(|page| (self.app.reads)(&page.answer));
        let page = opened.map(|page| page.text()).unwrap_or_default();
        Visit { browser, landed, who, page, exchanges: self.idp.take_exchanges() }
    }
}

/// How it went.
pub(super) struct Visit {
    browser: Browser,
    /// The last page.
    pub(super) landed: Result<Page, BrowserError>,
    /// Who the app says is signed in.
    pub(super) who: Option<String>,
    /// The text of the page that says so.
    pub(super) page: String,
    exchanges: Vec<Exchange>,
}

impl Visit {
    /// What was asked of the provider at this path.
    pub(super) fn asked<'v>(&'v self, path: &'v str) -> impl Iterator<Item = &'v Exchange> {
        self.exchanges.iter().filter(move |exchange| exchange.path == path)
    }

    /// The authorization request that was answered last.
    pub(super) fn authorization(&self) -> Option<&Exchange> {
        self.asked("/authorize").last()
    }

    /// The code that was exchanged for tokens.
    pub(super) fn tokens(&self) -> Option<&Exchange> {
        self.asked("/token").filter(|asked| asked.status == 200).last()
    }

    pub(super) fn is_signed_in(&self) -> bool {
        self.who.as_deref() == Some(PERSON)
    }

    /// What the app said at the end, for the report.
    pub(super) fn end(&self) -> String {
        let who =
            self.who.as_ref().map_or("nobody is signed in".to_owned(), |who| format!("{who} is signed in"));
        match &self.landed {
            Ok(page) => format!("{who}, after {} from {}", page.status().as_u16(), page.url.path()),
            Err(why) => format!("{who}; {why}"),
        }
    }
}
