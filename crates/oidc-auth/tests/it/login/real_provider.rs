//! npm `oidc-provider` as a process, and people who walk through its pages.
#![expect(clippy::panic, reason = "a test that meets another page than it should has failed")]

use std::collections::BTreeMap;

use bytes::Bytes;
use gambeson_client::Client;
use gambeson_core::{HttpTransport, TransportLimits};
use http::{Method, Request, Response, header};
use serde_json::Value;

use super::browser::ORIGIN;
use crate::peer::Peer;

/// A secret that HTTP Basic must encode before it joins it.
pub(crate) const SECRET: &str = "a s:e%c+r&e=t of more than enough letters";

/// The running provider.
pub(crate) struct RealProvider {
    _peer: Peer,
    pub(crate) issuer: String,
    client: Client,
}

impl RealProvider {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further variables.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Self {
        let (callback, home) = (format!("{ORIGIN}/login/callback"), format!("{ORIGIN}/"));
        let usual = [("REDIRECT_URIS", &*callback), ("LOGOUT_URIS", &home), ("CLIENT_SECRET", SECRET)];
        let (peer, ready) = Peer::start("oidc-provider", &[&usual, variables].concat());
        let issuer = ready["issuer"].as_str().unwrap().to_owned();
        Self { _peer: peer, issuer, client: Client::builder().build().unwrap() }
    }

    /// A token of its own for one of the people's names, which are clients too.
    pub(crate) async fn token(&self, client: &str, more: &[(&str, &str)]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([("grant_type", "client_credentials"), ("client_id", client)]);
        form.append_pair("client_secret", SECRET).extend_pairs(more);
        let request = Request::post(format!("{}/token", self.issuer))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form.finish()));
        let answer = self.send(request.unwrap()).await;
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        let limits = TransportLimits::default().allow_special_use_addresses(true);
        self.client.send(request, limits).await.unwrap()
    }

    /// How often a path was asked for.
    pub(crate) async fn hits(&self, path: &str) -> u64 {
        let url = format!("{}/__hits", self.issuer);
        let answer = self.send(Request::get(url).body(Bytes::new()).unwrap()).await;
        serde_json::from_slice::<Value>(answer.body()).unwrap()[path].as_u64().unwrap_or(0)
    }

    /// New signing keys; the old ones are gone.
    pub(crate) async fn rotate(&self) {
        let url = format!("{}/__rotate", self.issuer);
        assert_eq!(self.send(Request::post(url).body(Bytes::new()).unwrap()).await.status(), 204);
    }
}

/// Somebody's cookies at the provider.
#[derive(Debug, Default)]
pub(crate) struct Person {
    cookies: BTreeMap<String, String>,
}

impl Person {
    async fn ask(
        &mut self,
        provider: &RealProvider,
        method: Method,
        url: &str,
        form: &str,
    ) -> Response<Bytes> {
        let url = if url.starts_with('/') { format!("{}{url}", provider.issuer) } else { url.to_owned() };
        assert!(url.starts_with(&provider.issuer), "{url}");
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(method).uri(url).header(header::ACCEPT, "text/html");
        if !pairs.is_empty() {
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        if !form.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let answer = provider.send(request.body(form.to_owned().into()).unwrap()).await;
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            match rest.split(';').next().unwrap_or_default() {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// Follows redirects from `url`: the first page of the provider, or the address back at the app.
    async fn follow(&mut self, provider: &RealProvider, url: &str) -> Stop {
        let mut url = url.to_owned();
        for _ in 0..10 {
            if url.starts_with(ORIGIN) {
                return Stop::Back(url);
            }
            let answer = self.ask(provider, Method::GET, &url, "").await;
            match answer.headers().get(header::LOCATION) {
                Some(location) => url = location.to_str().unwrap().to_owned(),
                None => return Stop::Page(String::from_utf8_lossy(answer.body()).into_owned()),
            }
        }
        panic!("the provider sends in circles");
    }

    async fn submit(&mut self, provider: &RealProvider, page: &str, form: &str) -> Stop {
        let answer = self.ask(provider, Method::POST, &attribute(page, "action=\""), form).await;
        match answer.headers().get(header::LOCATION) {
            Some(location) => {
                let location = location.to_str().unwrap().to_owned();
                self.follow(provider, &location).await
            }
            None => Stop::Page(String::from_utf8_lossy(answer.body()).into_owned()),
        }
    }

    /// Signs in and consents: the address back at the app, and how many pages there were.
    pub(crate) async fn sign_in(&mut self, provider: &RealProvider, url: &str, name: &str) -> (String, u32) {
        let mut stop = self.follow(provider, url).await;
        let mut pages = 0;
        loop {
            let page = match stop {
                Stop::Back(url) => return (url, pages),
                Stop::Page(page) => page,
            };
            pages += 1;
            assert!(pages < 4, "{page}");
            let form = match page.contains("name=\"login\"") {
                true => format!("prompt=login&login={name}&password=x"),
                false => "prompt=consent".to_owned(),
            };
            stop = self.submit(provider, &page, &form).await;
        }
    }

    /// Opens the first page and goes back from it without a word.
    pub(crate) async fn give_up(&mut self, provider: &RealProvider, url: &str) -> String {
        let page = self.follow(provider, url).await.page();
        let abort = format!("{}/abort", attribute(&page, "action=\""));
        self.follow(provider, &abort).await.back()
    }

    /// Confirms the log-out: the address back at the app.
    pub(crate) async fn sign_out(&mut self, provider: &RealProvider, url: &str) -> String {
        let page = self.follow(provider, url).await.page();
        let form = format!("xsrf={}&logout=yes", attribute(&page, "name=\"xsrf\" value=\""));
        self.submit(provider, &page, &form).await.back()
    }
}

/// Where redirects end.
enum Stop {
    Page(String),
    Back(String),
}

impl Stop {
    #[track_caller]
    fn page(self) -> String {
        match self {
            Self::Page(page) => page,
            Self::Back(url) => panic!("no page, but {url}"),
        }
    }

    #[track_caller]
    fn back(self) -> String {
        match self {
            Self::Back(url) => url,
            Self::Page(page) => panic!("not back, but {page}"),
        }
    }
}

/// What stands behind `start` up to the next quote.
#[track_caller]
fn attribute(page: &str, start: &str) -> String {
    let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("no {start} in {page}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}
