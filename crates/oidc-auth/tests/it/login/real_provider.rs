//! npm `oidc-provider` as a process, and people who walk through its pages.
#![expect(clippy::panic, reason = "a test that meets another page than it should has failed")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use bytes::Bytes;
use gambeson_client::Client;
use gambeson_core::{HttpTransport, TransportLimits};
use http::{Method, Request, Response, header};
use serde_json::Value;

use super::browser::ORIGIN;

/// A secret that HTTP Basic must encode before it joins it.
pub(crate) const SECRET: &str = "a s:e%c+r&e=t of more than enough letters";

/// The running provider; it ends by itself when its standard input closes.
pub(crate) struct RealProvider {
    child: Child,
    input: Option<ChildStdin>,
    pub(crate) issuer: String,
    client: Client,
}

impl RealProvider {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further variables.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Self {
        let peers = std::env::var("GAMBESON_PEERS").expect("cargo xtask test sets GAMBESON_PEERS");
        let node = std::env::var_os("GAMBESON_NODE").unwrap_or_else(|| "node".into());
        let mut child = Command::new(node)
            .arg(Path::new(&peers).join("oidc-provider/server.mjs"))
            .env("REDIRECT_URIS", format!("{ORIGIN}/login/callback"))
            .env("LOGOUT_URIS", format!("{ORIGIN}/"))
            .env("CLIENT_SECRET", SECRET)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let issuer = ready["issuer"].as_str().unwrap().to_owned();
        Self { input: child.stdin.take(), child, issuer, client: Client::builder().build().unwrap() }
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

impl Drop for RealProvider {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
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
