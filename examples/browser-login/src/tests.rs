//! The app as a browser meets it.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use gambeson::core::{Spawn, TokioSpawn};
use gambeson::hardening_headers::Connection;
use gambeson_testing::rp::{Given, Outcome, RelyingParty, Running, Suite};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

/// The app on a port of its own, with the provider that it is told.
async fn start(given: Given) -> Result<Running, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let settings = Settings {
        issuer: given.issuer().to_owned(),
        client_id: given.client_id().to_owned(),
        client_secret: given.client_secret().to_owned(),
        origin: origin.clone(),
        profile: Profile::Development,
    };
    let app = app(&settings)?;
    let (guard, dropped) = tokio::sync::oneshot::channel::<()>();
    let told_to_end = async { drop(dropped.await) };
    TokioSpawn::new()
        .spawn(Box::pin(async { drop(serve(listener, app, Server::new().shutdown(told_to_end)).await) }));
    Ok(Running::at(origin).keep(guard))
}

#[tokio::test]
async fn it_passes_the_official_tests_of_relying_parties() {
    let report = Suite::new(RelyingParty::new("/private")).run(start).await.unwrap();
    assert!(report.is_passed(), "{report}");
    assert_eq!(report.outcome("oidcc-client-test"), Some(Outcome::Passed), "{report}");
    assert_eq!(report.outcome("oidcc-client-test-rp-init-logout"), Some(Outcome::Passed), "{report}");
}

/// A browser with its cookies, before the app.
struct Browser {
    idp: DevIdp,
    app: Router,
    cookies: Vec<(String, String)>,
}

impl Browser {
    async fn open() -> Self {
        let (settings, idp) = develop("127.0.0.1:0").await.unwrap();
        Self { idp, app: app(&settings).unwrap(), cookies: Vec::new() }
    }

    async fn send(&mut self, method: Method, path: &str, origin: &str) -> Response {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:3003")
            .header(header::ORIGIN, origin)
            .header(header::COOKIE, cookies.join("; "))
            .body(Body::empty())
            .unwrap();
        if origin.is_empty() {
            request.headers_mut().remove(header::ORIGIN);
        }
        request.extensions_mut().insert(Connection::new("127.0.0.1:40000".parse().unwrap()));
        let answer = self.app.clone().oneshot(request).await.unwrap();
        self.keep(answer.headers());
        answer
    }

    async fn get(&mut self, path: &str) -> Response {
        self.send(Method::GET, path, "").await
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for set in headers.get_all(header::SET_COOKIE) {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap_or_default();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Through the provider's page and back.
    async fn sign_in(&mut self, from: &str) -> Response {
        let begun = self.get(from).await;
        let back = self.idp.sign_in(&location(&begun), "alice").unwrap();
        self.get(back.strip_prefix("http://127.0.0.1:3003").unwrap()).await
    }
}

fn location(answer: &Response) -> String {
    answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

async fn text(answer: Response) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_stranger_signs_in_and_comes_back_to_where_they_were() {
    let mut browser = Browser::open().await;
    assert!(text(browser.get("/").await).await.contains("Sign in"));
    let sent = browser.get("/private").await;
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    let signed_in = browser.sign_in(&location(&sent)).await;
    assert_eq!(location(&signed_in), "http://127.0.0.1:3003/private");
    let page = browser.get("/private").await;
    assert_eq!(
        page.headers()[header::CACHE_CONTROL],
        "no-store",
        "the back button shows nothing after the log-out"
    );
    assert!(page.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    assert!(text(page).await.contains("Only alice sees this."));
}

#[tokio::test]
async fn signing_out_ends_the_session_also_for_who_kept_the_cookie() {
    let mut browser = Browser::open().await;
    browser.sign_in("/login").await;
    let kept = browser.cookies.clone();
    assert!(text(browser.get("/").await).await.contains("Sign out"));
    let refused = browser.send(Method::POST, "/logout", "https://evil.example").await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let out = browser.send(Method::POST, "/logout", "http://127.0.0.1:3003").await;
    assert!(out.status().is_redirection(), "{}", out.status());
    browser.cookies = kept;
    assert_eq!(browser.get("/private").await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_cookie_is_out_of_every_script_s_reach() {
    let mut browser = Browser::open().await;
    let signed_in = browser.sign_in("/login").await;
    let set: Vec<&str> =
        signed_in.headers().get_all(header::SET_COOKIE).iter().filter_map(|set| set.to_str().ok()).collect();
    assert!(set.iter().all(|set| set.contains("HttpOnly")), "{set:?}");
}
