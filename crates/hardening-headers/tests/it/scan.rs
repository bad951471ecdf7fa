//! What graders would say, from within a test.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use gambeson_hardening_headers::check::{Finding, Level};
use gambeson_hardening_headers::scan::{Answer, Asked, Observed, Scan, Step, observatory, oshp};
use gambeson_hardening_headers::{Cookies, Cors, Csp, Hardening, Hsts, Nonce, Rollout};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Service, service_fn};

/// A page whose scripts are pinned; `{nonce}` is the answer's.
pub(crate) const PINNED: &str = "<!doctype html><title>a</title><script nonce=\"{nonce}\" src=\"/a.js\" integrity=\"sha384-abc\"></script>";

/// A cookie that nobody finds fault with.
pub(crate) const COOKIE: &str = "__Host-session=x; Secure; HttpOnly; SameSite=Lax; Path=/";

/// An app with one page, which takes the nonce, and an endpoint.
pub(crate) fn app(
    page: &'static str,
    cookie: Option<&'static str>,
) -> impl Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    service_fn(move |request: Request<Full<Bytes>>| {
        let nonce = Nonce::of(request.extensions()).map(|nonce| nonce.to_string()).unwrap_or_default();
        let (kind, body) = match request.uri().path() {
            "/" => ("text/html; charset=utf-8", page.replace("{nonce}", &nonce)),
            _ => ("application/json", "{}".to_owned()),
        };
        let mut response = Response::builder().header("content-type", kind);
        if let Some(cookie) = cookie {
            response = response.header("set-cookie", cookie);
        }
        let response = response.body(Full::new(Bytes::from(body))).unwrap();
        async move { Ok(response) }
    })
}

/// What takes an edge to the best score.
pub(crate) fn best(edge: Hardening) -> Hardening {
    edge.hsts(Hsts::two_years())
}

fn own(edge: Hardening) -> Hardening {
    edge.public_origin("https://app.example.com")
}

/// What an assertion says when it fails.
fn said(assertion: impl FnOnce()) -> String {
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(assertion)).unwrap_err();
    *panicked.downcast::<String>().unwrap()
}

fn ids(found: &[Finding]) -> Vec<&'static str> {
    found.iter().map(Finding::id).collect()
}

fn set(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(*name, value.parse().unwrap());
    }
    map
}

#[tokio::test]
async fn presets_get_the_scores_that_they_promise() {
    for preset in [Hardening::web(), Hardening::strict(), Hardening::api()] {
        let scan = own(preset).build().unwrap().scan(app("<!doctype html>", None), ["/", "/api/x"]).await;
        scan.assert_observatory(120);
        assert_eq!((scan.observatory().score, scan.observatory().grade), (120, "A+"));
    }
    let web = own(best(Hardening::web())).build().unwrap().scan(app(PINNED, None), ["/"]).await;
    assert_eq!(web.observatory().score, 135, "{web}");
    let strict = own(best(Hardening::strict())).build().unwrap();
    let strict = strict.scan(app(PINNED, Some(COOKIE)), ["/"]).await;
    assert_eq!(strict.observatory().score, 140, "{strict}");
}

#[tokio::test]
async fn a_score_that_is_missed_comes_with_its_table() {
    let scan =
        own(Hardening::web()).build().unwrap().scan(app("<!doctype html>", None), ["/api/x", "/"]).await;
    let table = said(|| scan.assert_observatory(130));
    assert!(table.starts_with("/api/x: less than 130\nMDN HTTP Observatory: 120 (A+)\n"), "{table}");
    let row = "\n   -10  strict-transport-security       hsts-implemented-max-age-less-than-six-months";
    assert!(table.contains(row), "{table}");
    assert_eq!(table.lines().count(), 12);
}

#[tokio::test]
async fn plain_http_counts_when_it_is_reached() {
    let build = || own(Hardening::web().hosts(["www.example.com"])).build().unwrap();
    let scan = build().scan(app("<!doctype html>", None), ["/"]).await.counting_http();
    assert_eq!(scan.observatory().score, 70, "{scan}");
    let redirecting = |status: StatusCode, to: &'static str| {
        let fields = set(&[("content-type", "text/html; charset=utf-8")]);
        let answer = Answer::from(fields);
        let steps = [Step::new("http://app.example.com/", status.as_u16()), Step::new(to, 200)];
        let grade = observatory(&Observed::new("app.example.com", &answer).over_http(&steps));
        grade.outcomes[3].result
    };
    let moved = StatusCode::MOVED_PERMANENTLY;
    assert_eq!(redirecting(moved, "https://app.example.com/"), "redirection-to-https");
    assert_eq!(redirecting(moved, "https://other.example/"), "redirection-off-host-from-http");
    assert_eq!(redirecting(moved, "http://app.example.com/x"), "redirection-not-to-https");
}

#[tokio::test]
async fn a_stranger_that_may_read_everything_costs_half() {
    let open = service_fn(async |_: Request<Full<Bytes>>| {
        let answer = Response::builder().header("content-type", "application/json");
        let answer =
            answer.header("access-control-allow-origin", "https://http-observatory.security.mozilla.org");
        let answer = answer.header("access-control-allow-credentials", "true");
        Ok::<_, Infallible>(answer.body(Full::new(Bytes::from("{}"))).unwrap())
    });
    let scan = own(Hardening::api()).build().unwrap().scan(open, ["/"]).await;
    assert_eq!(scan.observatory().score, 40, "{scan}");
    assert!(ids(&scan.findings()).contains(&"HH137"), "{scan}");
    let listed =
        own(Hardening::api()).cors(Cors::credentials(["https://admin.example.com"])).build().unwrap();
    let scan = listed.scan(app("<!doctype html>", None), ["/api/x"]).await;
    assert!(!ids(&scan.findings()).contains(&"HH137"), "{scan}");
}

#[tokio::test]
async fn the_secure_headers_project_is_met_by_who_wants_to() {
    let exact: [(&str, &str); 9] = [
        ("x-permitted-cross-domain-policies", "none"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cache-control", "no-store, max-age=0"),
        ("x-dns-prefetch-control", "off"),
        ("content-type", "text/html; charset=utf-8"),
        ("cross-origin-opener-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("permissions-policy", FEATURES_OFF),
    ];
    let exacting = service_fn(move |_: Request<Full<Bytes>>| {
        let fields =
            exact.iter().fold(Response::builder(), |answer, (name, value)| answer.header(*name, *value));
        std::future::ready(Ok::<_, Infallible>(
            fields.body(Full::new(Bytes::from("<!doctype html>"))).unwrap(),
        ))
    });
    let edge = own(best(Hardening::strict())).build().unwrap();
    let scan = edge.scan(exacting, ["/"]).await;
    scan.assert_oshp();
    let cleared = set(&[("clear-site-data", "\"cache\",\"cookies\",\"storage\"")]);
    scan.clone().logout(cleared).assert_oshp();
    let failing = scan.logout(HeaderMap::new()).oshp();
    assert_eq!(failing.failing().collect::<Vec<_>>(), ["clear-site-data"], "{failing}");
}

const FEATURES_OFF: &str = "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), clipboard-write=(), \
    cross-origin-isolated=(), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), \
    gyroscope=(), hid=(), idle-detection=(), interest-cohort=(), keyboard-map=(), magnetometer=(), microphone=(), midi=(), \
    payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), sync-xhr=(self), \
    unload=(), usb=(), web-share=(), xr-spatial-tracking=()";

/// For each test of the project what passes, and what almost does.
const OSHP: [(&str, &[&str], &[&str]); 13] = [
    (
        "strict-transport-security",
        &["max-age=63072000; includeSubDomains", "max-age=63072000; includeSubDomains; preload"],
        &[
            "max-age=63072000",
            "max-age=63072001; includeSubDomains",
            "max-age=63072000; includesubdomains",
            "",
        ],
    ),
    ("x-frame-options", &["deny", "DENY"], &["Deny", "SAMEORIGIN"]),
    ("x-content-type-options", &["nosniff"], &["NOSNIFF", "nosniff, nosniff"]),
    (
        "content-security-policy",
        &["default-src 'none'", ""],
        &["script-src 'unsafe-inline'", "script-src 'wasm-unsafe-eval'"],
    ),
    ("x-permitted-cross-domain-policies", &["none"], &["master-only"]),
    ("referrer-policy", &["no-referrer"], &["same-origin", "no-referrer, same-origin"]),
    ("cross-origin-embedder-policy", &["require-corp"], &["credentialless"]),
    ("cross-origin-opener-policy", &["same-origin"], &["same-origin-allow-popups"]),
    ("cross-origin-resource-policy", &["same-origin"], &["same-site"]),
    ("cache-control", &["no-store, max-age=0"], &["no-store", "no-store,max-age=0"]),
    ("x-dns-prefetch-control", &["off"], &["on"]),
    ("permissions-policy", &[FEATURES_OFF], &["", "camera=()"]),
    (
        "clear-site-data",
        &["\"cache\",\"cookies\",\"storage\""],
        &["\"*\"", "\"cache\", \"cookies\", \"storage\""],
    ),
];

/// The 17 tests of the project's suite of 2026-03-07, each for itself.
#[test]
fn each_test_of_the_secure_headers_project_decides_as_the_project_does() {
    let of = |field: &'static str, value: Option<&str>| {
        let fields: Vec<(&'static str, &str)> = value.map(|value| (field, value)).into_iter().collect();
        let answer = Answer::from(set(&fields));
        let result = oshp(&answer, Some(&answer));
        result.tests.iter().find(|test| test.field == field).unwrap().passes
    };
    for (field, good, bad) in OSHP {
        for value in good {
            assert_eq!(of(field, Some(value)), Some(true), "{field}: {value}");
        }
        for value in bad {
            assert_eq!(of(field, Some(value)), Some(false), "{field}: {value}");
        }
        assert_eq!(of(field, None), Some(false), "{field}");
    }
    for field in ["feature-policy", "public-key-pins", "expect-ct", "x-xss-protection"] {
        assert_eq!((of(field, Some("0")), of(field, None)), (Some(false), Some(true)), "{field}");
    }
    let sync = FEATURES_OFF.replace("sync-xhr=(self)", "sync-xhr=()");
    assert_eq!(of("permissions-policy", Some(&sync)), Some(true));
    for feature in FEATURES_OFF.split(", ") {
        let without = FEATURES_OFF.replace(feature, "x=()");
        assert_eq!(of("permissions-policy", Some(&without)), Some(false), "{feature}");
    }
}

#[tokio::test]
async fn what_the_secure_headers_project_misses_is_told() {
    let scan = own(Hardening::web()).build().unwrap().scan(app("<!doctype html>", None), ["/"]).await;
    let failing = scan.oshp();
    let expected = [
        "strict-transport-security",
        "x-permitted-cross-domain-policies",
        "referrer-policy",
        "cross-origin-embedder-policy",
        "cache-control",
        "x-dns-prefetch-control",
        "permissions-policy",
    ];
    assert_eq!(failing.failing().collect::<Vec<_>>(), expected, "{failing}");
    assert_eq!(failing.tests.len(), 17);
    let table = said(|| scan.assert_oshp());
    assert!(table.contains("no  x-dns-prefetch-control             none; wanted: off"), "{table}");
    let old = oshp(
        &Answer::from(set(&[
            ("x-xss-protection", "0"),
            ("content-security-policy", "script-src 'unsafe-eval'"),
        ])),
        None,
    );
    for field in ["x-xss-protection", "content-security-policy"] {
        assert!(old.failing().any(|failing| failing == field), "{old}");
    }
}

#[tokio::test]
async fn the_presets_meet_level_two_and_three_as_far_as_answers_show() {
    for preset in [Hardening::web(), Hardening::strict(), Hardening::api()] {
        let edge = own(best(preset)).build().unwrap();
        let scan = edge.scan(app(PINNED, Some(COOKIE)), ["/", "/api/x"]).await;
        scan.assert_asvs(Level::L2);
        // Where nothing else is said violations are reported nowhere; the rest of level 3 holds.
        let left = ids(&scan.findings());
        assert!(left.iter().all(|id| *id == "HH143"), "{scan}");
        assert!(said(|| scan.assert_asvs(Level::L3)).contains("HH143 (ASVS 3.4.7)"));
    }
    let short = own(Hardening::web()).build().unwrap().scan(app("", None), ["/"]).await;
    let table = said(|| short.assert_asvs(Level::L1));
    assert!(table.starts_with("OWASP ASVS 5 L1: 1 findings\n  L1  HH135 (ASVS 3.4.1)"), "{table}");
    assert!(table.ends_with("[/: strict-transport-security = max-age=86400]"), "{table}");
}

/// What the scan finds in an answer with these fields that no layer has touched.
fn bare(fields: &[(&'static str, &'static str)], body: &'static str) -> Vec<String> {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.headers_mut() = set(fields);
    let app =
        service_fn(move |_: Request<Full<Bytes>>| std::future::ready(Ok::<_, Infallible>(answer.clone())));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let scan = runtime.block_on(Scan::of(app, "app.example.com", ["/x"]));
    scan.findings().iter().map(ToString::to_string).collect()
}

/// Id, what an answer says, and a part of what the scan says.
pub(crate) fn samples() -> Vec<(&'static str, Vec<String>, &'static str)> {
    let cookie = |line: &'static str| bare(&[("set-cookie", line)], "");
    let long: &'static str = Box::leak(format!("__Host-a={}; Secure", "x".repeat(4096)).into_boxed_str());
    let policy =
        |text: &'static str| bare(&[("content-type", "text/html"), ("content-security-policy", text)], "");
    vec![
        ("HH130", cookie("a=b; HttpOnly"), "[/x: set-cookie a]"),
        ("HH131", cookie("a=b; Secure"), "set SameSite"),
        ("HH132", cookie("__Secure-a=b; Secure"), "[/x: set-cookie __Secure-a]"),
        ("HH133", cookie("__Host-a=b; Secure"), "scripts can read"),
        ("HH134", cookie(long), "longer than browsers keep"),
        ("HH135", bare(&[("strict-transport-security", "max-age=86400")], ""), "= max-age=86400]"),
        ("HH136", bare(&[("strict-transport-security", "max-age=31536000")], ""), "subdomains"),
        (
            "HH137",
            bare(&[("access-control-allow-origin", "null")], ""),
            "access-control-allow-origin = null]",
        ),
        ("HH138", policy("default-src 'self'; object-src 'none'"), "base-uri 'none'"),
        ("HH139", policy("default-src 'self'; object-src 'none'; base-uri 'none'"), "no nonce or hash"),
        ("HH140", bare(&[], ""), "x-content-type-options"),
        ("HH141", bare(&[("referrer-policy", "no-referrer, unsafe-url")], ""), "= no-referrer, unsafe-url]"),
        ("HH142", policy("default-src 'none'"), "every page may frame"),
        ("HH143", policy("default-src 'none'"), "reported nowhere"),
        ("HH144", bare(&[("content-type", "text/html")], ""), "shares its window"),
        ("HH145", bare(&[("cross-origin-resource-policy", "cross-origin")], ""), "= cross-origin]"),
        ("HH146", bare(&[("content-type", "text/html")], ""), "content-type = text/html]"),
        ("HH147", redirected(), "[/api = redirects]"),
        ("HH148", bare(&[("server", "nginx/1.2")], ""), "[/x: server = nginx/1.2]"),
        ("HH149", unheard(), "[/: /.well-known/reports = 404]"),
    ]
}

/// A page whose browsers report to where there is nothing.
fn unheard() -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let scan = runtime.block_on(reporting(StatusCode::NOT_FOUND, own(Hardening::web()).reports(REPORTS)));
    scan.findings().iter().map(ToString::to_string).collect()
}

const REPORTS: &str = "/.well-known/reports";

/// The scan of a page under this edge, where posts get this status.
async fn reporting(status: StatusCode, edge: Hardening) -> Scan {
    let app = service_fn(move |request: Request<Full<Bytes>>| {
        let status = if request.method() == http::Method::POST { status } else { StatusCode::OK };
        let answer = Response::builder().status(status).header("content-type", "text/html; charset=utf-8");
        std::future::ready(Ok::<_, Infallible>(answer.body(Full::new(Bytes::new())).unwrap()))
    });
    edge.build().unwrap().scan(app, ["/"]).await
}

#[tokio::test]
async fn who_takes_reports_is_asked_and_nobody_elses_address() {
    let lost = async |status, edge| ids(&reporting(status, edge).await.findings()).contains(&"HH149");
    let told = || own(Hardening::web()).reports(REPORTS);
    let unheard = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::UNAUTHORIZED];
    for status in unheard.into_iter().chain([StatusCode::SEE_OTHER]) {
        assert!(lost(status, told()).await, "{status}");
    }
    for status in [StatusCode::NO_CONTENT, StatusCode::BAD_REQUEST] {
        assert!(!lost(status, told()).await, "{status}");
    }
    let tried = own(Hardening::web()).csp_report_only(Csp::strict(), Rollout::percent(100)).reports(REPORTS);
    assert!(lost(StatusCode::NOT_FOUND, tried).await);
    let elsewhere = Csp::web().report_uri("https://reports.example.com/a").unwrap();
    assert!(!lost(StatusCode::NOT_FOUND, own(Hardening::web()).csp(elsewhere)).await);
}

#[cfg(all(feature = "axum", feature = "reports"))]
#[tokio::test]
async fn the_collector_takes_them() {
    use gambeson_hardening_headers::reports::Reports;
    let reports = Reports::builder(REPORTS).public_origin("https://app.example.com").build().unwrap();
    let router = axum::Router::new()
        .route("/", axum::routing::get(async || axum::response::Html("<!doctype html>")))
        .route(REPORTS, reports.method_router());
    let edge = own(best(Hardening::strict())).reports(REPORTS).build().unwrap();
    let scan = edge.scan(router, ["/"]).await;
    assert!(!ids(&scan.findings()).iter().any(|id| ["HH143", "HH149"].contains(id)), "{scan}");
    assert!(reports.violations().is_empty(), "nothing was made up");
}

/// An endpoint that leads clients from http to https.
fn redirected() -> Vec<String> {
    let app = service_fn(async |request: Request<Full<Bytes>>| {
        let secure = request.extensions().get::<gambeson_hardening_headers::Connection>().unwrap().tls;
        let answer = match secure {
            true => Response::builder().header("content-type", "application/json"),
            false => Response::builder().status(308).header("location", "https://app.example.com/api"),
        };
        Ok::<_, Infallible>(answer.body(Full::new(Bytes::new())).unwrap())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let scan = runtime.block_on(Scan::of(app, "app.example.com", ["/api"]));
    scan.findings().iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_answer_has_none_of_it_and_no_cookie_is_told() {
    let found = bare(
        &[
            ("set-cookie", COOKIE),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("content-type", "text/html; charset=utf-8"),
            (
                "content-security-policy",
                "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; report-to a",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ],
        "<!doctype html>",
    );
    assert!(found.is_empty(), "{found:#?}");
    let found = bare(&[("set-cookie", "session=hunter2")], "").join("\n");
    assert!(found.contains("HH130") && !found.contains("hunter2"), "{found}");
}

/// A page that is not there has the headers of one that is.
#[test]
fn an_answer_of_another_status_fails_the_scan() {
    let scan = |asked: Asked, status: u16| {
        let scanned = AssertUnwindSafe(|| {
            let app = service_fn(move |_: Request<Full<Bytes>>| {
                let answer = Response::builder().status(status).body(Full::new(Bytes::new())).unwrap();
                std::future::ready(Ok::<_, Infallible>(answer))
            });
            let edge = own(Hardening::web()).build().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            drop(runtime.block_on(edge.scan(app, [asked])));
        });
        std::panic::catch_unwind(scanned).map_err(|why| *why.downcast::<String>().unwrap())
    };
    let why = scan("/typo".into(), 404).unwrap_err();
    assert!(why.contains("/typo is 404 Not Found") && why.contains("by its status"), "{why}");
    assert!(scan("/".into(), 503).is_err());
    assert!(scan("/".into(), 303).is_ok());
    let missing = || Asked::new("/typo").status(StatusCode::NOT_FOUND);
    assert!(scan(missing(), 404).is_ok());
    let why = scan(missing(), 200).unwrap_err();
    assert!(why.contains("/typo is 200 OK, and 404 Not Found was asked for"), "{why}");
}

#[test]
fn an_app_that_fails_and_a_path_that_is_none_are_told() {
    let scan = |fails: bool, path: &'static str| {
        said(|| {
            let edge = own(Hardening::web()).build().unwrap();
            let app = service_fn(move |_: Request<Full<Bytes>>| {
                let answer = Response::new(Full::new(Bytes::new()));
                std::future::ready(if fails { Err("no database") } else { Ok(answer) })
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(edge.scan(app, [path]));
        })
    };
    assert_eq!(scan(true, "/"), "the scan got no answer: \"no database\"");
    assert!(scan(false, "a b").starts_with("the scan got no answer: \"a b\" is no path"));
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn a_router_of_axum_is_scanned_as_it_is() {
    use axum::Router;
    use axum::routing::get;
    let router = || Router::new().route("/", get(async || axum::response::Html("<!doctype html>")));
    let edge = own(best(Hardening::web())).build().unwrap();
    edge.scan(router(), ["/"]).await.assert_observatory(130);
    let bare = Scan::of(router(), "app.example.com", ["/"]).await;
    assert!(bare.observatory().score < 60, "{bare}");
}

#[tokio::test]
async fn what_an_edge_silences_or_lets_scripts_read_is_no_finding_of_its_scan() {
    let read = "__Host-theme=dark; Secure; SameSite=Lax; Path=/";
    let edge = |cookies: Cookies| own(best(Hardening::strict())).cookies(cookies);
    let scan =
        async |edge: Hardening, cookie| edge.build().unwrap().scan(app(PINNED, Some(cookie)), ["/"]).await;
    let theme = || edge(Cookies::new().readable(["__Host-theme"]));
    scan(theme(), read).await.assert_asvs(Level::L2);
    let other = scan(theme(), "__Secure-a=b; Secure; SameSite=Lax; Path=/").await;
    assert_eq!(ids(&other.findings()), ["HH143", "HH132"], "{other}");
    let left =
        scan(theme().silence("HH132", "all hosts share it"), "__Secure-a=b; Secure; SameSite=Lax").await;
    left.assert_asvs(Level::L2);
    let shown = left.to_string();
    assert!(shown.contains("silenced: 1 findings\n  L2  HH132"), "{shown}");
    let off = scan(edge(Cookies::dangerously_off()), read).await;
    assert!(ids(&off.findings()).contains(&"HH133"), "{off}");
}
