//! What is taken, and what is answered.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use gambeson_core::{Access, Profile};
use gambeson_hardening_headers::reports::{Blocked, ReportKind, Reports};
use gambeson_hardening_headers::{Config, ReportsConfig};
use http_body::{Body, Frame};

use super::*;

#[tokio::test]
async fn both_formats_tell_the_same() {
    let reports = reports();
    post(&reports, CSP, single("img-src", "https://cdn.example.com/cat.png?token=s").to_string()).await;
    post(
        &reports,
        "Application/Reports+JSON; charset=utf-8",
        json!([listed("img-src", "https://cdn.example.com/dog.png")]).to_string(),
    )
    .await;
    // One without the list, as some browsers send it.
    post(&reports, LIST, listed("img-src", "https://CDN.example.com:443/").to_string()).await;
    let [violation] = reports.violations().try_into().unwrap();
    assert_eq!(violation.directive, "img-src");
    assert_eq!(violation.blocked, Blocked::Origin { origin: "https://cdn.example.com".into(), own: false });
    assert_eq!((&*violation.path, violation.count, violation.report_only), ("/notes", 3, false));
    assert_eq!(violation.sample, None);
    assert_eq!(reports.counts().kept, 3);
    assert_eq!(reports.counts().of_kind(ReportKind::CspViolation), 3);
}

#[tokio::test]
async fn a_violation_is_one_by_directive_source_page_and_whether_it_was_enforced() {
    let clock = clock();
    let reports = Reports::builder(PATH).clock(Arc::new(clock.clone())).build().unwrap();
    let mut tried = listed("img-src", "https://cdn.example.com/");
    tried["body"]["disposition"] = "report".into();
    let mut elsewhere = listed("img-src", "https://cdn.example.com/");
    elsewhere["body"]["documentURL"] = "https://app.example.com/other?q=secret#f".into();
    let all = [
        listed("img-src", "https://cdn.example.com/"),
        tried,
        elsewhere,
        listed("font-src", "https://cdn.example.com/"),
        listed("img-src", "https://cdn.example.com:8443/"),
    ];
    post(&reports, LIST, json!(all).to_string()).await;
    clock.advance(Duration::from_secs(90));
    post(&reports, LIST, json!([all[0]]).to_string()).await;
    let violations = reports.violations();
    assert_eq!(violations.len(), 5, "{violations:?}");
    assert_eq!(violations[0].count, 2);
    assert_eq!(violations[0].last.since(violations[0].first), Duration::from_secs(90));
    assert_eq!(&*violations[2].path, "/other");
    reports.clear();
    assert_eq!((reports.violations().len(), reports.counts().kept), (0, 6));
}

#[tokio::test]
async fn older_browsers_name_the_directive_with_its_value() {
    let reports = reports();
    let old = json!({"csp-report": {
        "document-uri": PAGE, "violated-directive": "img-src 'self' data:", "blocked-uri": "https://cdn.example.com"
    }});
    post(&reports, CSP, old.to_string()).await;
    assert_eq!(reports.violations()[0].directive, "img-src");
}

#[tokio::test]
async fn what_was_blocked_is_one_of_few_things() {
    let reports = reports();
    for (blocked, expected) in [
        ("inline", Blocked::Inline),
        ("eval", Blocked::Eval),
        ("wasm-eval", Blocked::WasmEval),
        ("trusted-types-sink", Blocked::TrustedTypes),
        ("data", Blocked::Scheme("data")),
        ("blob:https://app.example.com/1b7e", Blocked::Scheme("blob")),
        ("wss", Blocked::Scheme("wss")),
        (
            "https://app.example.com/own.js",
            Blocked::Origin { origin: "https://app.example.com".into(), own: true },
        ),
        ("wss://app.example.com/live", Blocked::Origin { origin: "wss://app.example.com".into(), own: true }),
        ("http://app.example.com/", Blocked::Origin { origin: "http://app.example.com".into(), own: false }),
    ] {
        reports.clear();
        tell(&reports, "script-src-elem", blocked).await;
        assert_eq!(reports.violations()[0].blocked, expected, "{blocked}");
    }
    reports.clear();
    for blocked in
        ["", "nonsense", "https://", "https://u:p@evil.example/", "javascript:alert(1)", "https", "'self'"]
    {
        tell(&reports, "script-src-elem", blocked).await;
    }
    let schemes_alone = reports.violations();
    assert_eq!(schemes_alone.len(), 1, "{schemes_alone:?}");
    assert_eq!(reports.counts().malformed, 6);
    tell(&reports, "no-such-src", "inline").await;
    assert_eq!(reports.counts().malformed, 7);
}

#[tokio::test]
async fn only_reports_are_read_and_nothing_is_told() {
    let reports = builder(ReportsConfig::new(PATH).body(64)).build().unwrap();
    let refused = async |request| {
        let answer = send(&reports, request).await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers().contains_key("allow"), answer.status() == StatusCode::METHOD_NOT_ALLOWED);
        answer.status()
    };
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS, Method::DELETE] {
        let mut request = request(CSP, "{}");
        *request.method_mut() = method;
        let answer = send(&reports, request).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()["allow"], "POST");
    }
    for kind in [
        "application/json",
        "text/plain",
        "application/csp-reports",
        "",
        "application/csp-report, text/plain",
    ] {
        assert_eq!(refused(request(kind, "{}")).await, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let mut twice = request(CSP, "{}");
    twice.headers_mut().append("content-type", LIST.parse().unwrap());
    assert_eq!(refused(twice).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(refused(request(CSP, " ".repeat(65))).await, StatusCode::PAYLOAD_TOO_LARGE);
    for body in ["", "{", "null", "[]", "{}", "[{}]", "garbage", &" ".repeat(64)] {
        assert_eq!(refused(request(LIST, body.to_owned())).await, StatusCode::NO_CONTENT, "{body:?}");
    }
    assert!(reports.violations().is_empty());
}

/// A body that says nothing of its length, and one that breaks off.
#[tokio::test]
async fn a_body_that_comes_in_pieces_is_bounded_too() {
    let reports = builder(ReportsConfig::new(PATH).body(1000)).build().unwrap();
    let sent = async |text: &str, whole: bool| {
        let pieces = text.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
        let request = request(LIST, "").map(|_| Pieces { pieces, whole });
        reports.service::<Empty<Bytes>>().oneshot(request).await.unwrap().status()
    };
    let text = json!([listed("img-src", "https://cdn.example.com/")]).to_string();
    assert_eq!(sent(&text, true).await, StatusCode::NO_CONTENT);
    assert_eq!(reports.violations().len(), 1);
    assert_eq!(sent(&" ".repeat(1001), true).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(sent(&text, false).await, StatusCode::BAD_REQUEST);
    assert_eq!(reports.counts().kept, 1, "what broke off is not kept");
}

struct Pieces {
    pieces: VecDeque<Bytes>,
    whole: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(match self.pieces.pop_front() {
            Some(piece) => Some(Ok(Frame::data(piece))),
            None if self.whole => None,
            None => Some(Err(std::io::Error::other("gone"))),
        })
    }
}

#[tokio::test]
async fn extensions_and_pages_of_others_are_counted_apart() {
    let reports = reports();
    let mut injected = listed("script-src-elem", "inline");
    injected["body"]["sourceFile"] = "moz-extension://1f9c/content.js".into();
    let mut about = listed("img-src", "https://cdn.example.com/");
    about["body"]["documentURL"] = "about:blank".into();
    let noise = json!([
        listed("script-src-elem", "chrome-extension://abc/x.js"),
        listed("script-src-elem", "chrome-extension"),
        listed("img-src", "safari-web-extension://abc"),
        listed("frame-src", "about"),
        injected,
        about,
    ]);
    post(&reports, LIST, noise.to_string()).await;
    assert_eq!((reports.counts().noise, reports.violations().len()), (6, 0));

    let foreign: Vec<Value> = [
        "https://evil.example/elsewhere",
        "https://app.example.com:8443/",
        "https://app.example.com.evil.example/",
    ]
    .into_iter()
    .map(|page| {
        let mut report = listed("img-src", "https://cdn.example.com/");
        report["body"]["documentURL"] = page.into();
        report
    })
    .collect();
    post(&reports, LIST, json!(foreign).to_string()).await;
    assert_eq!((reports.counts().foreign, reports.violations().len()), (3, 0));

    let declared = builder(PATH.into()).public_origin("https://app.example.com").build().unwrap();
    let mut behind =
        request(LIST, json!([listed("img-src", "https://cdn.example.com/"), foreign[0]]).to_string());
    behind.headers_mut().insert("host", "10.0.3.7".parse().unwrap());
    assert_eq!(send(&declared, behind).await.status(), StatusCode::NO_CONTENT);
    assert_eq!((declared.counts().foreign, declared.violations().len()), (1, 1));
    assert_eq!(&*declared.violations()[0].path, "/notes", "the one about its own page is kept");
}

#[tokio::test]
async fn other_kinds_are_counted_by_kind() {
    let reports = reports();
    let of = |kind: &str| json!({"type": kind, "age": 0, "url": PAGE, "body": {"blockedURL": "x"}});
    let kinds = ["integrity-violation", "coep", "coop", "deprecation", "coep", "no-such-kind", "other"];
    post(&reports, LIST, json!(kinds.map(of)).to_string()).await;
    let counts = reports.counts();
    for (kind, count) in [
        (ReportKind::IntegrityViolation, 1),
        (ReportKind::EmbedderPolicy, 2),
        (ReportKind::OpenerPolicy, 1),
        (ReportKind::Deprecation, 1),
        (ReportKind::Other, 2),
        (ReportKind::CspViolation, 0),
        (ReportKind::Crash, 0),
    ] {
        assert_eq!(counts.of_kind(kind), count, "{kind:?}");
    }
    assert_eq!((counts.kept, counts.malformed), (0, 0));
}

#[tokio::test]
async fn samples_are_kept_only_where_that_is_asked_for() {
    let mut report = listed("script-src-elem", "inline");
    report["body"]["sample"] = "const key = \"hunter2\"; \u{1b}[31m and so on and so on and so on".into();
    for samples in [false, true] {
        let reports = builder(ReportsConfig::new(PATH).samples(samples)).build().unwrap();
        post(&reports, LIST, json!([report]).to_string()).await;
        let [violation] = reports.violations().try_into().unwrap();
        assert_eq!(violation.sample.is_some(), samples);
        let shown = format!("{violation:?}{:?}", reports.suggest(&gambeson_hardening_headers::Csp::web()));
        assert_eq!(shown.contains("hunter2"), samples);
        assert!(!shown.contains('\u{1b}'));
    }
}

/// Some browsers send a sample, others none; the first one stays.
#[tokio::test]
async fn a_sample_is_kept_whoever_sends_it_first() {
    let reports = builder(ReportsConfig::new(PATH).samples(true)).build().unwrap();
    for (sample, kept) in
        [("", None), ("go(1)", Some("go(1)")), ("go(2)", Some("go(1)")), ("", Some("go(1)"))]
    {
        let mut report = listed("script-src-elem", "inline");
        report["body"]["sample"] = sample.into();
        post(&reports, LIST, json!([report]).to_string()).await;
        assert_eq!(reports.violations()[0].sample.as_deref(), kept, "{sample:?}");
    }
    assert_eq!(reports.violations().len(), 1);
}

#[test]
fn what_is_wrong_is_listed_at_once() {
    let wrong = ReportsConfig::new("reports").body(0).entries(5000).per_minute(0);
    let fields = |error: gambeson_core::ConfigError| -> Vec<String> {
        error.problems().iter().map(|problem| problem.field.replace("hardening-headers.", "")).collect()
    };
    let error = builder(wrong.clone()).public_origin("app").build().unwrap_err();
    let all = ["reports.path", "reports.body", "reports.entries", "reports.per-minute", "public-origin"];
    assert_eq!(fields(error), all);
    let config = Config::default().reports(wrong).public_origin("app");
    let mut found = fields(config.layers(Profile::Development, &[]).unwrap_err());
    found.sort();
    let mut all = all;
    all.sort_unstable();
    assert_eq!(found, all, "the same from a file");
    assert!(Reports::from_config(&Config::default(), Profile::Production).unwrap().is_none());
}

#[test]
fn its_endpoint_is_public_and_not_exempt_from_anything() {
    let endpoint = reports().endpoint();
    assert_eq!((endpoint.method, &*endpoint.template), (Method::POST, PATH));
    assert!(matches!(endpoint.access, Access::Public(_)));
    // The cross-site check lets reports alone through, where Hardening::reports names the path.
    assert_eq!(endpoint.exempt, gambeson_core::Exempt::default());
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axum_mounts_it_behind_the_edge() {
    use axum::body::Body as AxumBody;
    use gambeson_hardening_headers::{Hardening, PeerLayer, TrustedProxies};

    let reports = reports();
    let edge = Hardening::web().public_origin("https://app.example.com").reports(PATH).build().unwrap();
    let app = axum::Router::new()
        .route(&reports.endpoint().template, reports.method_router())
        .layer(edge.layer())
        .layer(PeerLayer::new(TrustedProxies::none()));
    // As a browser sends it for a sandboxed page.
    let mut sandboxed =
        request(LIST, json!([listed("img-src", "https://cdn.example.com/")]).to_string()).map(AxumBody::new);
    sandboxed.headers_mut().insert("origin", "null".parse().unwrap());
    let answer = app.clone().oneshot(sandboxed).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(reports.violations().len(), 1);
    let get = Request::get(PATH).header("host", "app.example.com").body(AxumBody::empty()).unwrap();
    let answer = app.oneshot(get).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap())
    );
}
