//! Other names of the app lead to the one that people see.

use gambeson_hardening_headers::{Cors, Hardening};
use http::{Method, Request, StatusCode};

use crate::answers::{Answer, answer, header, page};

fn local() -> Hardening {
    Hardening::web().public_origin("http://localhost:3000").redirect_to_canonical()
}

fn public() -> Hardening {
    Hardening::web()
        .public_origin("https://app.example.com")
        .hosts(["www.example.com"])
        .redirect_to_canonical()
}

async fn to(edge: Hardening, method: Method, host: &str, target: &str) -> Answer {
    let request = Request::builder().method(method).uri(target).header("host", host).body(()).unwrap();
    answer(edge.build().unwrap().layer(), request, async |_| page("here")).await
}

async fn sent_to(edge: Hardening, host: &str, target: &str) -> String {
    let answer = to(edge, Method::GET, host, target).await;
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT, "{host} {target}");
    header(&answer, "location").to_owned()
}

#[tokio::test]
async fn navigations_keep_path_and_query() {
    assert_eq!(sent_to(local(), "127.0.0.1:3000", "/notes?a=b&c").await, "http://localhost:3000/notes?a=b&c");
    assert_eq!(sent_to(local(), "[::1]:3000", "/").await, "http://localhost:3000/");
    assert_eq!(sent_to(public(), "www.example.com", "/a%20b").await, "https://app.example.com/a%20b");
    assert_eq!(sent_to(public(), "www.example.com:443", "/").await, "https://app.example.com/");
    let absolute = "http://www.example.com/a?b";
    assert_eq!(sent_to(public(), "www.example.com", absolute).await, "https://app.example.com/a?b");
    let head = to(public(), Method::HEAD, "www.example.com", "/").await;
    assert_eq!(head.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(header(&head, "cache-control"), "no-store");
    assert_eq!(header(&head, "x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn no_path_leads_elsewhere() {
    for path in [
        "//evil.example",
        "//evil.example/..",
        "/\\evil.example",
        "/@evil.example",
        "/.evil.example",
        "/%0d%0aset-cookie:a",
    ] {
        assert_eq!(
            sent_to(public(), "www.example.com", path).await,
            format!("https://app.example.com{path}")
        );
    }
}

#[tokio::test]
async fn the_canonical_name_and_without_redirects_all_names_are_answered() {
    for host in ["app.example.com", "app.example.com:443", "APP.example.com"] {
        assert_eq!(to(public(), Method::GET, host, "/").await.status(), StatusCode::OK, "{host}");
    }
    let both = Hardening::web().public_origin("https://app.example.com").hosts(["www.example.com"]);
    assert_eq!(to(both, Method::GET, "www.example.com", "/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_may_change_something_is_misdirected() {
    for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
        let answer = to(public(), method, "www.example.com", "/").await;
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    }
    let handshake = Request::get("/").header("host", "www.example.com").header("upgrade", "websocket");
    let layer = public().build().unwrap().layer();
    let answer = answer(layer, handshake.body(()).unwrap(), async |_| page("")).await;
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    for host in ["evil.example", "127.0.0.1:3001", "127.0.0.1", "127.0.0.2:3000"] {
        assert_eq!(
            to(local(), Method::GET, host, "/").await.status(),
            StatusCode::MISDIRECTED_REQUEST,
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_no_refusal() {
    let mut request = Request::get("/").header("host", "www.example.com").body(()).unwrap();
    let facts = gambeson_core::RequestFacts::ensure(&mut request);
    answer(public().build().unwrap().layer(), request, async |_| page("")).await;
    assert!(facts.rejection().is_none());
    let mut request = Request::builder().method(Method::OPTIONS).header("origin", "https://a.example");
    request = request.header("access-control-request-method", "GET");
    let mut request = request.body(()).unwrap();
    let facts = gambeson_core::RequestFacts::ensure(&mut request);
    let layer = Hardening::web().cors(Cors::public()).build().unwrap().layer();
    assert_eq!(answer(layer, request, async |_| page("")).await.status(), StatusCode::NO_CONTENT);
    assert!(facts.rejection().is_none());
}

#[test]
fn a_redirect_needs_an_aim() {
    let error = Hardening::web().hosts(["a.example"]).redirect_to_canonical().build().unwrap_err();
    assert_eq!(error.problems()[0].field, "hardening-headers.redirect-to-canonical");
}
