//! A browser without a window: cookies, redirects, and the fields that a real one sends with a navigation.

mod apps;
mod cookie;
mod cookie_date;
mod cookies;
mod navigation;
mod network;
mod page;
mod sign_in_form;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{BoxError, Clock, SystemClock};
use http::header::{COOKIE, LOCATION, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tower::Service;
use url::Url;
use url::form_urlencoded::Serializer;

use apps::Apps;
use cookies::Jar;
use navigation::{Navigation, Site, fields, fields_of_script, put};
#[cfg(feature = "rp")]
pub(crate) use network::fetch;
pub use page::{BrowserError, Page};

/// Browsers give up after as many redirects.
const MOST_REDIRECTS: usize = 20;

/// One person's browser, without a window: for tests of apps that sign people in.
///
/// It keeps cookies, follows redirects between the app and a [`DevIdp`](crate::DevIdp), and presses the buttons of that one's sign-in page. An app
/// in the same process is given to it as a service ([`app`](Self::app)) and needs no port; everything else is asked over plain
/// http on loopback, and nothing beyond that, whatever an app redirects to.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use axum::{Router, http::HeaderMap, response::Redirect, routing::get};
/// use gambeson_testing::{Browser, DevClient, DevIdp};
///
/// const ORIGIN: &str = "http://127.0.0.1:3000";
///
/// // The app. This one takes the provider's word for everything: yours has a `LoginLayer` in place of the first two routes.
/// fn app(issuer: &str) -> Router {
///     let login = format!(
///         "{issuer}/authorize?response_type=code&client_id=notes&scope=openid&state=s\
///          &redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Flogin%2Fcallback"
///     );
///     Router::new()
///         .route("/login", get(async move || Redirect::to(&login)))
///         .route("/login/callback", get(async || ([("set-cookie", "session=1; HttpOnly")], Redirect::to("/"))))
///         .route("/", get(async |headers: HeaderMap| format!("{:?}", headers.get("cookie"))))
/// }
///
/// // The test.
/// let client = DevClient::confidential("notes", "secret").redirect_uri(format!("{ORIGIN}/login/callback"));
/// let idp = DevIdp::builder().client(client).start().await.unwrap();
/// let mut browser = Browser::new().app(ORIGIN, app(idp.issuer()));
/// assert_eq!(browser.open("/").await.unwrap().text(), "None");
///
/// // To the provider, alice's button, and back.
/// let page = browser.sign_in("/login", "alice").await.unwrap();
/// assert_eq!(page.url(), "http://127.0.0.1:3000/");
/// # });
/// ```
///
/// With `LoginLayer` it is the same: see [signing in to your app](crate#signing-in-to-your-app).
///
/// # Cookies
///
/// As RFC 6265bis says (§5): host or `Domain`, `Path`, `Max-Age` before `Expires` by [`clock`](Self::clock), `SameSite` (`Lax` where it is not
/// said), the prefixes `__Host-` and `__Secure-`. Ports share cookies. `Secure` ones come and go over https, and over http to loopback, as in browsers of
/// today. There is no list of public suffixes, and no limit to their number.
///
/// # What it sends
///
/// `Host`, `Accept`, `Sec-Fetch-*`, `Upgrade-Insecure-Requests`, and `Origin` with forms, as browsers do. It runs no script, and asks for no picture or
/// style sheet; what a script would ask is sent by [`ask`](Self::ask).
///
/// # Cancel safety
///
/// A request that is dropped is not taken back; the cookies of its answer are lost. Each answer is waited for 30 s by the system's clock, and up
/// to 4 MiB of it are read.
#[derive(Clone)]
pub struct Browser {
    jar: Jar,
    apps: Apps,
    clock: Arc<dyn Clock>,
    /// The page that the person looks at.
    at: Option<Url>,
}

impl Browser {
    /// A new one, without cookies.
    #[must_use]
    pub fn new() -> Self {
        Self { jar: Jar::default(), apps: Apps::default(), clock: Arc::new(SystemClock::new()), at: None }
    }

    /// Asks this app for everything at `origin`, for example `http://127.0.0.1:3000`: the one that the app builds its redirect
    /// URI on. Nobody has to listen there. Typed addresses without a host, such as `/login`, are of the first app, wherever
    /// the browser is; those of links and forms are relative to the page that it is at.
    ///
    /// axum's `Router`, and every service that takes requests with any body, goes as it is; another one wants `map_request` of
    /// [`tower::ServiceExt`]. Any origin does, `https` too; it is the provider that wants redirect URIs on loopback, such as `https://localhost:3000/…`.
    #[must_use]
    pub fn app<S, R>(mut self, origin: &str, app: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<R>, Error: Into<BoxError>, Future: Send>,
        S: Clone + Send + Sync + 'static,
        R: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        self.apps.add(origin, app);
        self
    }

    /// Adds this to the extensions of each request to an [`app`](Self::app), as its server would: what `PeerLayer` wants is
    /// `Connection::new("127.0.0.1:40000".parse()?)`, of gambeson-hardening-headers.
    #[must_use]
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, extension: T) -> Self {
        self.apps.extension(extension);
        self
    }

    /// Tells the age of cookies by this clock. Default: the system's. Where app and provider have a `ManualClock`, give it the same.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Types an address, and follows all redirects.
    ///
    /// # Errors
    /// The address is none, or neither an app's nor on loopback in plain http; nobody answers there, the app fails, or there are more than twenty redirects.
    pub async fn open(&mut self, address: &str) -> Result<Page, BrowserError> {
        let url = self.typed(address)?;
        self.go(Navigation::typed(url)).await
    }

    /// Clicks a link of the page that it is at, and follows all redirects.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn click(&mut self, href: &str) -> Result<Page, BrowserError> {
        let url = self.relative(href)?;
        self.go(Navigation::link(self.at_or(&url), url)).await
    }

    /// Sends a form of the page that it is at, by POST, and follows all redirects.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn submit(&mut self, action: &str, fields: &[(&str, &str)]) -> Result<Page, BrowserError> {
        let url = self.relative(action)?;
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        self.go(Navigation::form(self.at_or(&url), url, form)).await
    }

    /// Types an address that leads to the sign-in page of a [`DevIdp`](crate::DevIdp), presses this person's button there, and follows all
    /// redirects back. Where it leads elsewhere, because somebody is signed in there already or because the app refuses, that page is
    /// the answer.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn sign_in(&mut self, address: &str, person: &str) -> Result<Page, BrowserError> {
        let page = self.open(address).await?;
        self.press(page, person).await
    }

    /// The answer to one navigation, as [`open`](Self::open), but a redirect is not followed: for a look at its `Location`. The browser stays at the page where it was.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn look(&mut self, address: &str) -> Result<Page, BrowserError> {
        let url = self.typed(address)?;
        let answer = self.navigate(&Navigation::typed(url.clone())).await?;
        Ok(Page { url, answer })
    }

    /// What a script asks (`fetch`): method, fields and body are those of the request, cookies are added, and `Sec-Fetch-*` unless it has them. No
    /// redirect is followed. The browser stays at the page where it was.
    ///
    /// It is a script of the app's own page; with a field `Origin: https://evil.example` it is one of that origin, to which `SameSite` applies.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn ask(&mut self, mut request: Request<Bytes>) -> Result<Page, BrowserError> {
        let url = self.typed(&request.uri().to_string())?;
        let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
        let from = origin.and_then(|origin| Url::parse(origin).ok()).unwrap_or_else(|| url.clone());
        let (site, method) = (Site::between(&from, &url), request.method().clone());
        fields_of_script(request.headers_mut(), &method, &from, site);
        let answer = self.send(&url, request, (site, false)).await?;
        Ok(Page { url, answer })
    }

    /// The value of the cookie of this name, whosever it is, if there is one.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.value(name, self.clock.now())
    }

    /// What scripts of the page that it is at find in `document.cookie`: no `HttpOnly` cookie is among them.
    #[must_use]
    pub fn script_cookies(&self) -> String {
        let url = self.at.as_ref();
        url.and_then(|url| self.jar.of_scripts(url, self.clock.now())).unwrap_or_default()
    }

    /// Follows a link of the page `from`, wherever the browser is.
    #[cfg(feature = "rp")]
    pub(crate) async fn follow(&mut self, from: &Url, url: Url) -> Result<Page, BrowserError> {
        self.go(Navigation::link(from.clone(), url)).await
    }

    /// Sends an empty form of the page `from`, wherever the browser is.
    #[cfg(feature = "rp")]
    pub(crate) async fn send_form(&mut self, from: &Url, url: Url) -> Result<Page, BrowserError> {
        self.go(Navigation::form(from.clone(), url, String::new())).await
    }

    /// Presses the person's button, if the page has one.
    pub(crate) async fn press(&mut self, page: Page, person: &str) -> Result<Page, BrowserError> {
        let Some(form) = sign_in_form::pressed(&page.text(), person) else { return Ok(page) };
        let url = page.url.join("/sign-in").map_err(|error| BrowserError(error.to_string()))?;
        self.go(Navigation::form(page.url, url, form)).await
    }

    async fn go(&mut self, mut next: Navigation) -> Result<Page, BrowserError> {
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.navigate(&next).await?;
            let Some(to) = target(&next.url, &answer) else {
                self.at = Some(next.url.clone());
                return Ok(Page { url: next.url, answer });
            };
            next.redirected(to, answer.status());
        }
        Err(BrowserError(format!("more than {MOST_REDIRECTS} redirects, the last to {}", next.url.path())))
    }

    async fn navigate(&mut self, navigation: &Navigation) -> Result<Response<Bytes>, BrowserError> {
        let mut request = Request::new(Bytes::from(navigation.form.clone()));
        *request.method_mut() = navigation.method.clone();
        *request.headers_mut() = fields(navigation);
        let opens = navigation.method == Method::GET;
        self.send(&navigation.url, request, (navigation.site(), opens)).await
    }

    /// Sends a request to `url` with the cookies that may go with it: it comes from that far, and opens a page or does not. Keeps the cookies of the
    /// answer.
    async fn send(
        &mut self,
        url: &Url,
        mut request: Request<Bytes>,
        (site, opens): (Site, bool),
    ) -> Result<Response<Bytes>, BrowserError> {
        let target =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        *request.uri_mut() =
            target.parse().map_err(|_| BrowserError(format!("{target:?} is no target of a request")))?;
        network::name_host(url, &mut request).map_err(BrowserError)?;
        if let Some(cookies) = self.jar.field(url, site, opens, self.clock.now()) {
            put(request.headers_mut(), COOKIE, &cookies);
        }
        let answer = match self.apps.at(url) {
            Some(app) => network::in_time(url, app.answer(request)).await,
            None => network::in_time(url, network::exchange(url, request)).await,
        };
        let answer = answer.map_err(BrowserError)?;
        self.jar.keep(url, answer.headers(), self.clock.now());
        Ok(answer)
    }

    /// Of the first app, wherever it is.
    fn typed(&self, address: &str) -> Result<Url, BrowserError> {
        resolved(self.apps.first().map_err(BrowserError)?, address)
    }

    /// Relative to the page that it is at, else to the first app.
    fn relative(&self, address: &str) -> Result<Url, BrowserError> {
        let first = self.apps.first().map_err(BrowserError)?;
        resolved(self.at.as_ref().or(first), address)
    }

    /// The page that it is at; before the first one, the page that a link of the app leads to.
    fn at_or(&self, url: &Url) -> Url {
        self.at.as_ref().unwrap_or(url).clone()
    }
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

/// Names of cookies, never their values.
impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.as_ref().map(|url| url.origin().ascii_serialization());
        f.debug_struct("Browser").field("at", &at).field("jar", &self.jar).finish_non_exhaustive()
    }
}

fn resolved(base: Option<&Url>, address: &str) -> Result<Url, BrowserError> {
    let url = base.map_or_else(|| Url::parse(address), |base| base.join(address));
    url.map_err(|error| BrowserError(format!("{address:?} is no address: {error}")))
}

/// Where an answer redirects to.
fn target(url: &Url, answer: &Response<Bytes>) -> Option<Url> {
    const FOLLOWED: [StatusCode; 5] = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    let location = answer.headers().get(LOCATION).filter(|_| FOLLOWED.contains(&answer.status()))?;
    url.join(location.to_str().ok()?).ok()
}
