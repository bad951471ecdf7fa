//! The lazy nonce.

use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use gambeson_core::{FixedEntropy, Scheme};
use gambeson_hardening_headers::{Csp, Hardening, HardeningLayer, Nonce, NonceErrorKind, Rollout, Source};
use http::{Request, Response, StatusCode};

use crate::answers::{answer, header, json, page, request, text};

fn web() -> HardeningLayer {
    let entropy = Arc::new(FixedEntropy::default());
    Hardening::web().entropy(entropy).build().unwrap().layer()
}

#[tokio::test]
async fn a_nonce_that_nobody_takes_is_in_no_policy() {
    let answer = answer(web(), request(Scheme::Http, "localhost"), async |_| page("hello")).await;
    let policy = header(&answer, "content-security-policy");
    assert!(policy.contains("script-src 'self';") && !policy.contains("nonce"), "{policy}");
    assert!(!answer.headers().contains_key("cache-control"));
}

#[tokio::test]
async fn no_random_bytes_are_drawn_before_a_nonce_is_taken() {
    let entropy = Arc::new(FixedEntropy::default());
    let edge = Hardening::web().csp_report_only(Csp::strict(), Rollout::all());
    let layer = edge.entropy(Arc::<FixedEntropy>::clone(&entropy)).build().unwrap().layer();
    for _ in 0..100 {
        answer(layer.clone(), request(Scheme::Https, "app.example.com"), async |_| page("")).await;
        answer(layer.clone(), request(Scheme::Https, "app.example.com"), async |_| json("")).await;
    }
    assert_eq!(entropy.asked(), 0);
    answer(layer, request(Scheme::Https, "app.example.com"), async |request: Request<()>| {
        Nonce::of(request.extensions()).unwrap();
        page("")
    })
    .await;
    assert_eq!(entropy.asked(), 1, "the control");
}

/// A page whose nonce could be guessed would run what is injected.
#[tokio::test]
async fn without_randomness_there_is_no_nonce_and_no_inline_script() {
    let entropy = Arc::new(FixedEntropy::default());
    entropy.fail(true);
    let edge = Hardening::web().csp(Csp::strict()).csp_report_only(Csp::strict(), Rollout::percent(50));
    let layer = edge.entropy(Arc::<FixedEntropy>::clone(&entropy)).build().unwrap().layer();
    let failing =
        answer(layer.clone(), request(Scheme::Https, "app.example.com"), async |request: Request<()>| {
            for _ in 0..2 {
                let error = Nonce::of(request.extensions()).unwrap_err();
                assert_eq!(error.kind(), NonceErrorKind::NoRandomness);
            }
            page("without a nonce")
        })
        .await;
    assert!(header(&failing, "content-security-policy").contains("script-src 'none';"), "{failing:?}");
    assert!(!failing.headers().contains_key("content-security-policy-report-only"), "a share needs a lot");
    entropy.fail(false);
    let mended = answer(layer, request(Scheme::Https, "app.example.com"), async |request: Request<()>| {
        page(Nonce::of(request.extensions()).unwrap().as_str())
    })
    .await;
    assert_ne!(text(&mended), "A".repeat(24), "bytes of nothing");
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn without_randomness_an_axum_handler_that_wants_a_nonce_is_not_called() {
    use tower::ServiceExt;

    let entropy = Arc::new(FixedEntropy::default());
    entropy.fail(true);
    let layer = Hardening::web().entropy(entropy).build().unwrap().layer();
    let page = axum::routing::get(async |_: Nonce| "a page");
    let app = axum::Router::new().route("/", page).layer(layer);
    let answer = app.oneshot(Request::get("/").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!format!("{:?}", answer.headers()).contains("nonce"));
}

#[tokio::test]
async fn a_taken_nonce_is_in_the_policy_and_the_page_is_not_stored() {
    let answer = answer(web(), request(Scheme::Http, "localhost"), async |request: Request<()>| {
        let nonce = Nonce::of(request.extensions()).unwrap();
        assert_eq!(nonce, Nonce::of(request.extensions()).unwrap(), "one nonce an answer");
        page(&format!("<script nonce=\"{nonce}\">"))
    })
    .await;
    let text = std::str::from_utf8(answer.body()).unwrap();
    let nonce = text.split('"').nth(1).unwrap();
    assert_eq!(nonce.len(), 24);
    let policy = header(&answer, "content-security-policy");
    assert_eq!(policy.matches(&format!("'nonce-{nonce}'")).count(), 2, "{policy}");
    assert_eq!(header(&answer, "cache-control"), "private, no-store");
}

#[tokio::test]
async fn no_two_answers_share_a_nonce() {
    let seen = Mutex::new(std::collections::HashSet::new());
    let layer = web();
    for _ in 0..500 {
        answer(layer.clone(), request(Scheme::Http, "localhost"), async |request: Request<()>| {
            let nonce = Nonce::of(request.extensions()).unwrap();
            assert!(seen.lock().unwrap().insert(nonce.to_string()));
            page("")
        })
        .await;
    }
}

#[tokio::test]
async fn a_304_carries_no_policy() {
    for take in [false, true] {
        let answer = answer(web(), request(Scheme::Http, "localhost"), async move |request: Request<()>| {
            if take {
                let _ = Nonce::of(request.extensions()).unwrap();
            }
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        })
        .await;
        assert!(!answer.headers().contains_key("content-security-policy"));
        assert!(!answer.headers().contains_key("cache-control"));
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn the_handlers_cache_control_wins() {
    let answer = answer(web(), request(Scheme::Http, "localhost"), async |request: Request<()>| {
        let _ = Nonce::of(request.extensions()).unwrap();
        let mut page = page("");
        page.headers_mut().insert("cache-control", "private, max-age=60".parse().unwrap());
        page
    })
    .await;
    assert_eq!(header(&answer, "cache-control"), "private, max-age=60");
}

/// Who reads a page in a shared cache knows the nonce of all who get the same copy.
#[tokio::test]
async fn no_shared_cache_keeps_a_page_with_a_nonce() {
    for (fields, expected) in [
        (&[("cache-control", "max-age=600")][..], "private, max-age=600"),
        (&[("cache-control", "public, S-MaxAge=600, max-age=60")], "private, max-age=60"),
        (
            &[("cache-control", "max-age=60"), ("cache-control", "Public, must-revalidate")],
            "private, max-age=60, must-revalidate",
        ),
        (&[("cache-control", "no-cache")], "private, no-cache"),
        (&[("cache-control", "private=\"set-cookie\", max-age=60")], "private, no-store"),
        (&[("cache-control", "")], "private"),
        (&[("cdn-cache-control", "max-age=600")], "private, no-store"),
        (
            &[("cache-control", "private, max-age=60"), ("surrogate-control", "max-age=600")],
            "private, max-age=60",
        ),
        (&[("cloudflare-cdn-cache-control", "max-age=9"), ("cache-control", "no-store")], "no-store"),
        (&[("cache-control", "PRIVATE, max-age=60")], "PRIVATE, max-age=60"),
    ] {
        let given = answer(web(), request(Scheme::Http, "localhost"), async |request: Request<()>| {
            let _ = Nonce::of(request.extensions()).unwrap();
            let mut page = page("");
            for (name, value) in fields {
                page.headers_mut().append(*name, value.parse().unwrap());
            }
            page
        })
        .await;
        let all: Vec<_> = given.headers().get_all("cache-control").iter().collect();
        assert_eq!(all, [expected], "{fields:?}");
        let left = given.headers().keys().filter(|name| name.as_str().contains("control")).count();
        assert_eq!(left, 1, "{fields:?}");
    }
    let without = answer(web(), request(Scheme::Http, "localhost"), async |_| {
        let mut page = page("");
        page.headers_mut().insert("cache-control", "public, max-age=600".parse().unwrap());
        page.headers_mut().insert("cdn-cache-control", "max-age=600".parse().unwrap());
        page
    })
    .await;
    assert_eq!(
        header(&without, "cache-control"),
        "public, max-age=600",
        "without a nonce it is the handler's"
    );
    assert_eq!(header(&without, "cdn-cache-control"), "max-age=600");
}

#[tokio::test]
async fn what_is_no_page_keeps_the_locked_policy() {
    let answer = answer(web(), request(Scheme::Http, "localhost"), async |request: Request<()>| {
        let _ = Nonce::of(request.extensions()).unwrap();
        json("{}")
    })
    .await;
    assert_eq!(header(&answer, "content-security-policy"), Csp::api().to_string());
}

#[tokio::test]
async fn strict_pages_without_nonce_run_no_script() {
    let edge = Hardening::web().csp(Csp::strict()).build().unwrap();
    let answer = answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| page("")).await;
    assert!(header(&answer, "content-security-policy").contains("script-src 'none';"));
}

#[tokio::test]
async fn without_a_place_there_is_no_nonce() {
    let nowhere = Hardening::web().csp(Csp::web().script_src([Source::SELF]).style_src([Source::SELF]));
    for layer in [nowhere.build().unwrap().layer(), HardeningLayer::off()] {
        answer(layer, request(Scheme::Http, "localhost"), async |request: Request<()>| {
            let error = Nonce::of(request.extensions()).unwrap_err();
            assert_eq!(error.kind(), NonceErrorKind::NoPlace);
            page("")
        })
        .await;
    }
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axum_handlers_take_it_as_an_argument() {
    use axum::response::Html;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn with(nonce: Nonce) -> Html<String> {
        Html(format!("<script nonce={nonce}></script>"))
    }
    let app = axum::Router::new().route("/", get(with)).layer(web());
    let request = Request::get("/").body(axum::body::Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("'nonce-"));

    let bare = axum::Router::new().route("/", get(with));
    let request = Request::get("/").body(axum::body::Body::empty()).unwrap();
    assert_eq!(bare.oneshot(request).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn what_old_browsers_need_beside_a_nonce_never_stands_alone() {
    let csp = Csp::web().script_src([
        Source::SELF,
        Source::NONCE,
        Source::dangerously_unsafe_inline(),
        Source::dangerously_any_https(),
    ]);
    let edge = Hardening::web().csp(csp).build().unwrap();
    let without = answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| page("hello")).await;
    assert!(header(&without, "content-security-policy").contains("script-src 'self' https:;"));
    let with = answer(edge.layer(), request(Scheme::Http, "localhost"), async |request: Request<()>| {
        Nonce::of(request.extensions()).unwrap();
        page("hello")
    })
    .await;
    assert!(header(&with, "content-security-policy").contains("'unsafe-inline' https:;"));
}
