//! A browser, an app in this process and the provider.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, RawForm, RawQuery};
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::{get, post};
use bytes::Bytes;
use gambeson_core::{ManualClock, Timestamp};
use gambeson_testing::{Browser, DevClient, DevIdp};
use http::Request;
use url::form_urlencoded::byte_serialize;

const ORIGIN: &str = "https://localhost:3000";

/// Signs in at the provider, and takes its word.
fn app(idp: &DevIdp) -> Router {
    let callback: String = byte_serialize(format!("{ORIGIN}/callback").as_bytes()).collect();
    let login = format!(
        "{}/authorize?response_type=code&client_id=web&scope=openid&state=s&redirect_uri={callback}",
        idp.issuer()
    );
    let callback = async |RawQuery(query): RawQuery| {
        let cookie = "__Host-session=hers; Secure; HttpOnly; Path=/; Max-Age=60";
        ([("set-cookie", cookie), ("x-query", "seen")], Redirect::to(&format!("/?{}", query.unwrap())))
    };
    Router::new()
        .route("/login", get(async move || Redirect::to(&login)))
        .route("/callback", get(callback))
        .route("/", get(seen))
        .route("/echo", post(async |RawForm(form)| form))
        .route("/loop", get(async || Redirect::to("/loop")))
        .route("/away", get(async || Redirect::to("http://example.com/")))
}

async fn seen(headers: HeaderMap) -> String {
    let field = |name: &str| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
    ["host", "cookie", "sec-fetch-site", "sec-fetch-mode", "origin"].map(field).join(" ")
}

async fn provider() -> DevIdp {
    let client = DevClient::confidential("web", "secret").redirect_uri(format!("{ORIGIN}/callback"));
    DevIdp::builder().client(client).start().await.unwrap()
}

#[tokio::test]
async fn it_signs_in_at_the_provider_and_comes_back() {
    let idp = provider().await;
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_700_000_000));
    let mut browser = Browser::new().app(ORIGIN, app(&idp)).clock(clock.clone());
    assert_eq!(browser.open("/").await.unwrap().text(), "localhost:3000 - none navigate -");

    let page = browser.sign_in("/login", "alice").await.unwrap();
    assert!(page.url().starts_with(&format!("{ORIGIN}/?code=")), "{}", page.url());
    assert_eq!(page.text(), "localhost:3000 __Host-session=hers cross-site navigate -", "{page:?}");
    assert_eq!((browser.cookie("__Host-session"), browser.script_cookies().as_str()), (Some("hers"), ""));
    assert!(!format!("{browser:?}").contains("hers"), "{browser:?}");

    // The provider knows her now, and asks no more.
    let at_provider = idp.requests("/sign-in");
    let again = browser.sign_in("/login", "bob").await.unwrap();
    assert!(again.url().starts_with(ORIGIN), "{}", again.url());
    assert_eq!(idp.requests("/sign-in"), at_provider);
    // Another browser knows nobody; one that is cloned has the cookies.
    assert_eq!(Browser::new().cookie("__Host-session"), None);
    assert_eq!(browser.clone().cookie("__Host-session"), Some("hers"));

    clock.advance(Duration::from_secs(60));
    assert_eq!(browser.click("/").await.unwrap().text(), "localhost:3000 - same-origin navigate -");
}

#[tokio::test]
async fn a_person_whom_nobody_knows_gets_the_provider_s_answer() {
    let idp = provider().await;
    let mut browser = Browser::new().app(ORIGIN, app(&idp));
    let page = browser.sign_in("/login", "mallory").await.unwrap();
    assert_eq!((page.status().as_u16(), page.url()), (400, &*format!("{}/sign-in", idp.issuer())));
    // What she types is of the app, wherever she is; links are of the page.
    assert_eq!(browser.click("/nowhere").await.unwrap().url(), format!("{}/nowhere", idp.issuer()));
    assert_eq!(browser.look("/").await.unwrap().url(), format!("{ORIGIN}/"));
    assert_eq!(browser.open("/").await.unwrap().url(), format!("{ORIGIN}/"));
}

#[tokio::test]
async fn a_look_follows_nothing_and_a_script_asks_as_scripts_do() {
    let idp = provider().await;
    let mut browser = Browser::new().app(ORIGIN, app(&idp));
    let page = browser.look("/login").await.unwrap();
    assert_eq!(page.status(), 303);
    assert!(page.headers()["location"].to_str().unwrap().starts_with(idp.issuer()));
    let asked = browser.ask(Request::get("/").body(Bytes::new()).unwrap()).await.unwrap();
    assert_eq!(asked.text(), "localhost:3000 - same-origin cors -");
    browser.sign_in("/login", "alice").await.unwrap();
    let own = browser.ask(Request::get("/").body(Bytes::new()).unwrap()).await.unwrap();
    assert_eq!(own.text(), "localhost:3000 __Host-session=hers same-origin cors -");
    let forged = Request::get("/").header("origin", "https://evil.example").body(Bytes::new()).unwrap();
    let forged = browser.ask(forged).await.unwrap();
    assert_eq!(forged.text(), "localhost:3000 - cross-site cors https://evil.example", "Lax");
    let posted = Request::post("/echo").header("content-type", "application/x-www-form-urlencoded");
    let posted = browser.ask(posted.body("a=b".into()).unwrap()).await.unwrap();
    assert_eq!(posted.body(), "a=b");
    assert_eq!(browser.submit("/echo", &[("a", "b c")]).await.unwrap().text(), "a=b+c");
}

#[tokio::test]
async fn it_never_leaves_loopback_and_gives_up_in_a_circle() {
    let idp = provider().await;
    let mut browser = Browser::new().app(ORIGIN, app(&idp));
    for (address, why) in [
        ("/away", "http://example.com/ gave no answer: it is not on loopback, in plain http"),
        ("https://127.0.0.1:1/", "https://127.0.0.1:1/ gave no answer: it is not on loopback, in plain http"),
        ("/loop", "more than 20 redirects, the last to /loop"),
    ] {
        assert_eq!(browser.open(address).await.unwrap_err().to_string(), why);
    }
    let error = Browser::new().app("notes", app(&idp)).open("/").await.unwrap_err();
    assert_eq!(error.to_string(), "\"notes\" is no origin of an app: write one like http://127.0.0.1:3000");
    let error = Browser::new().open("/").await.unwrap_err();
    assert_eq!(error.to_string(), "\"/\" is no address: relative URL without a base");
}

#[tokio::test]
async fn apps_are_told_what_their_server_would_say() {
    let address = async |Extension(said): Extension<Arc<str>>| said.to_string();
    let app = Router::new().route("/", get(address));
    let mut browser = Browser::new().app("http://127.0.0.1:1", app).extension(Arc::<str>::from("from there"));
    assert_eq!(browser.open("/").await.unwrap().text(), "from there");
}
