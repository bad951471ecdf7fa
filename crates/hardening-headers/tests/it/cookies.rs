//! Cookies of apps, and the marks of all `Set-Cookie` lines.

use std::time::Duration;

use gambeson_core::Scheme;
use gambeson_hardening_headers::cookies::CookieBuilder;
use gambeson_hardening_headers::{Cookie, Cookies, Hardening, SameSite};
use http::HeaderValue;
use proptest::prelude::*;

use crate::answers::{answer, page, request};

fn line(cookie: CookieBuilder) -> String {
    cookie.build().unwrap().header_value().to_str().unwrap().to_owned()
}

fn problem(cookie: CookieBuilder) -> String {
    cookie.build().unwrap_err().to_string()
}

#[test]
fn a_cookie_has_all_marks_unless_said() {
    let cookie = || Cookie::builder("theme", "dark");
    assert_eq!(line(cookie()), "theme=dark; Path=/; Secure; HttpOnly; SameSite=Lax");
    let long = cookie().path("/app").domain("example.com").max_age(Duration::from_secs(60));
    assert_eq!(
        line(long.same_site(SameSite::None).partitioned()),
        "theme=dark; Path=/app; Domain=example.com; Secure; HttpOnly; SameSite=None; Max-Age=60; Partitioned"
    );
    let open = cookie().readable_by_scripts().dangerously_insecure().same_site(SameSite::Strict);
    assert_eq!(line(open), "theme=dark; Path=/; SameSite=Strict");
    assert_eq!(line(cookie().removal()), "theme=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    let cookie = Cookie::new("theme", "hunter2").unwrap();
    assert!(!format!("{cookie:?}").contains("hunter2") && cookie.header_value().is_sensitive());
}

#[test]
fn what_a_prefix_promises_is_kept() {
    for name in ["__Host-a", "__Secure-a", "__Http-a", "__Host-Http-a"] {
        assert!(Cookie::new(name, "1").is_ok());
        assert!(problem(Cookie::builder(name, "1").dangerously_insecure()).contains("Secure"), "{name}");
    }
    for name in ["__Host-a", "__Host-Http-a"] {
        assert!(problem(Cookie::builder(name, "1").domain("example.com")).contains("no domain"), "{name}");
        assert!(problem(Cookie::builder(name, "1").path("/app")).contains("the path /"), "{name}");
    }
    for name in ["__Http-a", "__Host-Http-a"] {
        assert!(problem(Cookie::builder(name, "1").readable_by_scripts()).contains("HttpOnly"), "{name}");
    }
    assert!(Cookie::builder("__Host-a", "1").readable_by_scripts().build().is_ok());
    assert!(Cookie::builder("__Secure-a", "1").domain("example.com").path("/app").build().is_ok());
    for name in ["__host-a", "__SECURE-a", "__HTTP-a"] {
        assert!(problem(Cookie::builder(name, "1")).contains("write the prefix"), "{name}");
    }
    let insecure = || Cookie::builder("a", "1").dangerously_insecure();
    assert!(insecure().build().is_ok());
    assert!(
        insecure().same_site(SameSite::None).build().is_err() && insecure().partitioned().build().is_err()
    );
}

#[test]
fn malformed_words_are_refused_without_telling_the_value() {
    for name in ["", "a b", "a=b", "a;b", "ü", "a\n"] {
        assert!(Cookie::new(name, "1").is_err(), "{name:?}");
    }
    for value in ["a b", "a;b", "a,b", "a\"b", "a\\b", "ü", "a\r\nset-cookie: b=c"] {
        let error = Cookie::new("a", value).unwrap_err().to_string();
        assert!(!error.contains(value), "{error}");
    }
    for path in ["", "app", "/a;b", "/ü", "/a\n"] {
        assert!(Cookie::builder("a", "1").path(path).build().is_err(), "{path:?}");
    }
    for domain in
        ["", "localhost", "example.com:80", "192.0.2.1", "[::1]", "a b.example", "a.example; Secure"]
    {
        assert!(Cookie::builder("a", "1").domain(domain).build().is_err(), "{domain:?}");
    }
    let lives = |life| Cookie::builder("a", "1").max_age(life).build();
    assert!(lives(Duration::from_secs(400 * 86_400)).is_ok());
    assert!(
        lives(Duration::from_secs(400 * 86_400 + 1)).is_err() && lives(Duration::from_millis(1500)).is_err()
    );
    assert!(Cookie::new("a", "x".repeat(4095)).is_ok() && Cookie::new("a", "x".repeat(4096)).is_err());
}

proptest! {
    /// Whatever is taken as a cookie is one cookie with these attributes and no others.
    #[test]
    fn nothing_gets_out_of_a_cookie(name in "[ -~]{0,12}", value in "[ -~]{0,12}", path in "/?[ -~]{0,12}") {
        if let Ok(cookie) = Cookie::builder(name.clone(), value.clone()).path(path.clone()).build() {
            let line = cookie.header_value().to_str().unwrap();
            let parts: Vec<&str> = line.split("; ").collect();
            let (pair, path) = (format!("{name}={value}"), format!("Path={path}"));
            prop_assert_eq!(parts, vec![pair.as_str(), path.as_str(), "Secure", "HttpOnly", "SameSite=Lax"]);
        }
    }
}

async fn sent(edge: Hardening, scheme: Scheme, lines: &[&str]) -> Vec<String> {
    let layer = edge.build().unwrap().layer();
    let answer = answer(layer, request(scheme, "app.example.com"), async |_| {
        let mut page = page("");
        for line in lines {
            page.headers_mut().append("set-cookie", HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        page
    })
    .await;
    let lines = answer.headers().get_all("set-cookie").iter();
    lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect()
}

#[tokio::test]
async fn every_line_gets_the_marks_that_it_lacks() {
    for (given, https, http) in [
        ("a=1", "a=1; Secure; HttpOnly; SameSite=Lax", "a=1; HttpOnly; SameSite=Lax"),
        (
            "a=1; secure; httponly; samesite=none",
            "a=1; secure; httponly; samesite=none",
            "a=1; secure; httponly; samesite=none",
        ),
        ("a=1;SameSite=Strict", "a=1;SameSite=Strict; Secure; HttpOnly", "a=1;SameSite=Strict; HttpOnly"),
        (
            "a=; Max-Age=0",
            "a=; Max-Age=0; Secure; HttpOnly; SameSite=Lax",
            "a=; Max-Age=0; HttpOnly; SameSite=Lax",
        ),
        (
            "a=Secure; Path=/secure",
            "a=Secure; Path=/secure; Secure; HttpOnly; SameSite=Lax",
            "a=Secure; Path=/secure; HttpOnly; SameSite=Lax",
        ),
        (
            "__Host-a=1; Path=/; Secure",
            "__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax",
            "__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax",
        ),
        (
            "theme=dark; Secure; SameSite=Lax",
            "theme=dark; Secure; SameSite=Lax",
            "theme=dark; Secure; SameSite=Lax",
        ),
    ] {
        let edge = || Hardening::web().cookies(Cookies::new().readable(["theme"]));
        assert_eq!(sent(edge(), Scheme::Https, &[given]).await, [https]);
        assert_eq!(sent(edge(), Scheme::Http, &[given]).await, [http]);
    }
}

#[tokio::test]
async fn many_lines_stay_apart_and_what_browsers_keep_is_marked() {
    let given = [
        "a=1",
        "nothing",
        "b=2; HttpOnly",
        "=nameless",
        "c=3\tx",
        "d=ü; SameSite=Lax",
        "e=4;\tSecure\t",
        "",
        " = ;a",
    ];
    assert_eq!(
        sent(Hardening::api(), Scheme::Https, &given).await,
        [
            "a=1; Secure; HttpOnly; SameSite=Lax",
            "nothing; Secure; HttpOnly; SameSite=Lax",
            "b=2; HttpOnly; Secure; SameSite=Lax",
            "=nameless; Secure; HttpOnly; SameSite=Lax",
            "c=3\tx; Secure; HttpOnly; SameSite=Lax",
            "d=ü; SameSite=Lax; Secure; HttpOnly",
            "e=4;\tSecure\t; HttpOnly; SameSite=Lax",
            "",
            " = ;a",
        ]
    );
    assert_eq!(
        sent(Hardening::web().cookies(Cookies::dangerously_off()), Scheme::Https, &given).await,
        given
    );
}

/// A log-in whose answer is a form of another site (`response_mode=form_post`).
#[tokio::test]
async fn named_cookies_get_no_same_site() {
    let edge = Hardening::web().cookies(Cookies::new().without_same_site(["state"]));
    let given = ["state=1", "State=1", "state=1; SameSite=None"];
    assert_eq!(
        sent(edge, Scheme::Https, &given).await,
        [
            "state=1; Secure; HttpOnly",
            "State=1; Secure; HttpOnly; SameSite=Lax",
            "state=1; SameSite=None; Secure; HttpOnly",
        ]
    );
}

/// As `gambeson-oidc-auth` writes them, over https and for development over http.
#[tokio::test]
async fn cookies_of_the_log_in_are_not_touched() {
    for (scheme, line) in [
        (Scheme::Https, "__Host-session=v; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=28800"),
        (Scheme::Http, "session=v; Path=/; HttpOnly; SameSite=Lax"),
    ] {
        assert_eq!(sent(Hardening::strict(), scheme, &[line]).await, [line]);
    }
}

#[test]
fn names_that_can_not_be_readable_are_refused() {
    for name in ["", "a b"] {
        let error = Hardening::web().cookies(Cookies::new().without_same_site([name])).build().unwrap_err();
        assert_eq!(error.problems()[0].field, "hardening-headers.cookies.without-same-site", "{name:?}");
    }
    for name in ["", "a b", "__Http-a", "__host-http-a"] {
        let error = Hardening::web().cookies(Cookies::new().readable([name])).build().unwrap_err();
        assert_eq!(error.problems()[0].field, "hardening-headers.cookies.readable", "{name:?}");
    }
}
