//! Where browsers report to, and the policy that is only tried.

use std::sync::Arc;

use gambeson_core::{FixedEntropy, RequestFacts, Scheme};
use gambeson_hardening_headers::{Config, Csp, Hardening, HardeningLayer, Nonce, Override, Rollout, Source};
use http::{Request, StatusCode};
use proptest::prelude::*;

use crate::answers::{Answer, answer, header, json, page, request};

const PATH: &str = "/.well-known/reports";
const ENFORCED: &str = "content-security-policy";
const TRIED: &str = "content-security-policy-report-only";

fn built(edge: Hardening) -> HardeningLayer {
    edge.entropy(Arc::new(FixedEntropy::default())).build().unwrap().layer()
}

async fn over(scheme: Scheme, layer: &HardeningLayer) -> Answer {
    answer(layer.clone(), request(scheme, "app.example.com"), async |_| page("")).await
}

#[tokio::test]
async fn over_https_both_ways_are_named_and_over_http_the_one_that_works() {
    let layer = built(
        Hardening::web()
            .reports(PATH)
            .csp_report_only(Csp::strict(), Rollout::all())
            .named("embed", |set| set.frame_options(None)),
    );
    let https = over(Scheme::Https, &layer).await;
    for policy in [ENFORCED, TRIED] {
        let policy = header(&https, policy);
        assert!(policy.ends_with("; report-uri /.well-known/reports; report-to reports"), "{policy}");
    }
    assert_eq!(header(&https, "reporting-endpoints"), "reports=\"/.well-known/reports\"");

    let http = over(Scheme::Http, &layer).await;
    for policy in [ENFORCED, TRIED] {
        let policy = header(&http, policy);
        assert!(policy.ends_with("; report-uri /.well-known/reports"), "{policy}");
    }
    assert!(!http.headers().contains_key("reporting-endpoints"));

    let variant = answer(layer.clone(), request(Scheme::Https, "app.example.com"), async |_| {
        let mut page = page("");
        page.extensions_mut().insert(Override::named("embed"));
        page
    })
    .await;
    assert!(header(&variant, ENFORCED).contains("report-to reports"));
    let data = answer(layer, request(Scheme::Https, "app.example.com"), async |_| json("{}")).await;
    assert!(!data.headers().contains_key("reporting-endpoints") && !data.headers().contains_key(TRIED));
    assert_eq!(header(&data, ENFORCED), Csp::api().to_string());
}

#[tokio::test]
async fn a_policy_that_says_itself_where_it_reports_keeps_that() {
    let own = Csp::web().report_to("mine").unwrap().report_uri("https://collect.example/csp").unwrap();
    let layer = built(
        Hardening::web()
            .csp(own)
            .headers(|set| set.reporting_endpoint("mine", "https://collect.example/reports"))
            .reports(PATH),
    );
    let answer = over(Scheme::Https, &layer).await;
    assert!(header(&answer, ENFORCED).ends_with("report-uri https://collect.example/csp; report-to mine"));
    assert_eq!(
        header(&answer, "reporting-endpoints"),
        "mine=\"https://collect.example/reports\", reports=\"/.well-known/reports\""
    );
}

#[test]
fn names_and_paths_that_are_none_are_refused() {
    for name in ["", "Reports", "1st", "a b", "a\"b", "a;b", "a,b", "a\r\nb", &"a".repeat(65)] {
        assert!(Csp::web().report_to(name).is_err(), "{name:?}");
    }
    for uri in [
        "",
        "reports",
        "//evil.example/r",
        "/a b",
        "/a;b",
        "/a,b",
        "/a'b",
        "/a\"b",
        "/a#b",
        "ftp://a/b",
        "https://",
        "https:///b",
        "/\n",
    ] {
        assert!(Csp::web().report_uri(uri).is_err(), "{uri:?}");
    }
    for text in [
        "report-to",
        "report-to a b",
        "report-to a; report-to b",
        "report-uri /a; report-uri /b",
        "report-uri /a /b",
    ] {
        assert!(Csp::parse(text).is_err(), "{text:?}");
    }
    let longest = [("report-to", "a".repeat(64)), ("report-uri", format!("/{}", "a".repeat(499)))];
    for (directive, value) in longest {
        assert!(Csp::parse(&format!("{directive} {value}")).is_ok());
        assert!(Csp::parse(&format!("{directive} {value}a")).is_err(), "one more");
    }
    let both = Csp::parse("img-src 'self'; report-to reports; report-uri /r").unwrap();
    assert_eq!(Csp::parse(&both.to_string()).unwrap(), both);
    for path in [
        "",
        "/",
        "reports",
        "//reports",
        "/a//b",
        "/a?b",
        "/a#b",
        "/{id}",
        "/*",
        "/a/../b",
        "/a b",
        "https://app.example.com/r",
    ] {
        let error = Hardening::web().reports(path).build().unwrap_err();
        assert_eq!(error.problems()[0].field, "hardening-headers.reports.path", "{path:?}");
        assert_eq!(error.problems().len(), 1, "{error}");
    }
}

/// What an address or a path would have to hold to say more than where reports go.
const HOSTILE: [&str; 14] = [
    "/r\", x=\"https://evil.example",
    "/r\"",
    "/r, x",
    "/r,x",
    "/r;x",
    "/r; script-src *",
    "/r\r\nset-cookie: a=b",
    "/r\nx",
    "/r\0",
    "/r\\",
    "/r\t",
    "/r'",
    "/\u{e9}",
    "//evil.example/r",
];

#[test]
fn no_address_of_reports_says_more_than_where_they_go() {
    for hostile in HOSTILE {
        let named =
            Hardening::web().headers(|set| set.reporting_endpoint("mine", hostile)).build().unwrap_err();
        let [problem] = named.problems() else { panic!("{named}") };
        assert_eq!(problem.field, "hardening-headers.reporting-endpoints", "{hostile:?}");
        let path = Hardening::web().reports(hostile).build().unwrap_err();
        let [problem] = path.problems() else { panic!("{path}") };
        assert_eq!(problem.field, "hardening-headers.reports.path", "{hostile:?}");
        assert!(Csp::web().report_uri(hostile).is_err(), "{hostile:?}");
        let whole = format!("https://collect.example{hostile}");
        let named = Hardening::web().headers(|set| set.reporting_endpoint("mine", &*whole)).build();
        assert_eq!(named.is_err(), !hostile.starts_with("//"), "{whole:?}");
        let name = format!("mine{hostile}");
        let named = Hardening::web().headers(|set| set.reporting_endpoint(&*name, "/r")).build().unwrap_err();
        assert_eq!(named.problems().len(), 1, "{named}");
        let file = Config::default().reports(hostile.into()).public_origin("https://app.example.com");
        assert!(Hardening::from_config(&file).build().is_err(), "{hostile:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is taken is one member of the field, a plain string (RFC 9651 §3.2, §3.3.3).
    #[test]
    fn an_address_that_is_taken_is_one_string(
        start in prop::sample::select(vec!["", "/", "https://a", "https://[::1]", "/a"]),
        end in "[ -~\\r\\n\\t]{0,8}",
    ) {
        let address = format!("{start}{end}");
        let edge = Hardening::web().headers(|set| set.reporting_endpoint("mine", &*address));
        if let Ok(edge) = edge.build() {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let answer = runtime.block_on(over(Scheme::Https, &edge.layer()));
            let field = header(&answer, "reporting-endpoints");
            prop_assert_eq!(field, format!("mine=\"{address}\""));
            prop_assert!(!address.contains(['"', '\\', ',', ';', '\r', '\n', ' ']), "{}", address);
        }
    }
}

#[test]
fn what_leads_nowhere_is_refused_all_at_once() {
    let edge = Hardening::web()
        .csp(Csp::web().report_to("nowhere").unwrap())
        .csp_report_only(Csp::strict().report_to("neither").unwrap(), Rollout::percent(101))
        .headers(|set| set.reporting_endpoint("Bad", "http://collect.example"));
    let error = edge.build().unwrap_err();
    let found: Vec<_> =
        error.problems().iter().map(|problem| (problem.field.as_str(), problem.value.as_str())).collect();
    assert_eq!(
        found,
        [
            ("hardening-headers.reporting-endpoints", "Bad"),
            ("hardening-headers.reporting-endpoints", "http://collect.example"),
            ("hardening-headers.csp-report-only.percent", "101"),
            ("hardening-headers.csp.report-to", "nowhere"),
            ("hardening-headers.csp.report-to", "neither"),
        ]
    );
}

#[tokio::test]
async fn a_share_of_the_documents_carries_the_policy_that_is_tried() {
    for (rollout, least, most) in [
        (Rollout::all(), 1000, 1000),
        (Rollout::percent(0), 0, 0),
        // By FixedEntropy always the same ones.
        (Rollout::percent(10), 50, 150),
        (Rollout::percent(90), 850, 950),
    ] {
        let layer = built(Hardening::web().csp_report_only(Csp::strict(), rollout));
        let mut carried = 0;
        for _ in 0..1000 {
            let answer = over(Scheme::Https, &layer).await;
            assert!(answer.headers().contains_key(ENFORCED));
            carried += usize::from(answer.headers().contains_key(TRIED));
        }
        assert!((least..=most).contains(&carried), "{rollout:?}: {carried}");
    }
}

#[tokio::test]
async fn a_nonce_is_in_both_policies() {
    let layer = built(Hardening::web().csp_report_only(Csp::strict(), Rollout::all()));
    let with =
        answer(layer.clone(), request(Scheme::Https, "app.example.com"), async |request: Request<()>| {
            page(Nonce::of(request.extensions()).unwrap().as_str())
        })
        .await;
    let nonce = format!("'nonce-{}'", std::str::from_utf8(with.body()).unwrap());
    assert!(header(&with, ENFORCED).contains(&nonce) && header(&with, TRIED).contains(&nonce));
    assert_eq!(header(&with, "cache-control"), "private, no-store");

    let without = over(Scheme::Https, &layer).await;
    assert!(header(&without, TRIED).contains("script-src 'none'"), "{}", header(&without, TRIED));

    let only_tried = Hardening::web()
        .csp(Csp::web().script_src([Source::SELF]).style_src([Source::SELF]))
        .csp_report_only(Csp::strict(), Rollout::all());
    let with =
        answer(built(only_tried), request(Scheme::Https, "app.example.com"), async |request: Request<()>| {
            page(Nonce::of(request.extensions()).unwrap().as_str())
        })
        .await;
    assert!(header(&with, TRIED).contains("'nonce-") && !header(&with, ENFORCED).contains("nonce"));
    assert_eq!(header(&with, "cache-control"), "private, no-store");
}

#[tokio::test]
async fn it_is_left_off_where_it_would_mislead() {
    let layer =
        built(Hardening::web().csp_report_only(Csp::strict().upgrade_insecure_requests(), Rollout::all()));
    let of = async |app: fn(Request<()>) -> Answer| {
        answer(layer.clone(), request(Scheme::Https, "app.example.com"), async |request| app(request)).await
    };
    let not_modified = of(|_| {
        let mut answer = page("");
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    });
    assert!(!not_modified.await.headers().contains_key(TRIED));
    let own = of(|_| {
        let mut answer = page("");
        answer.headers_mut().insert(TRIED, "img-src 'none'".parse().unwrap());
        answer
    })
    .await;
    assert_eq!(own.headers().get_all(TRIED).iter().collect::<Vec<_>>(), ["img-src 'none'"]);
    let framed = of(|_| {
        let mut answer = page("");
        answer.extensions_mut().insert(Override::frame_ancestors([Source::SELF]));
        answer
    });
    assert!(!framed.await.headers().contains_key(TRIED));
    let plain = of(|_| page("")).await;
    assert!(!header(&plain, TRIED).contains("upgrade"), "browsers ignore it there, loudly");
}

/// As a browser reports of a sandboxed page: neither Fetch Metadata nor an origin.
fn report(kind: &str, path: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::post(path).header("host", "app.example.com").header("content-type", kind);
    request = request.header("origin", "null");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn reports_pass_the_cross_site_check_and_nothing_else_does() {
    let told = built(Hardening::web().reports(PATH));
    let silent = built(Hardening::web());
    let (csp, list) = ("application/csp-report", "application/reports+json; charset=utf-8");
    let passes = async |layer: &HardeningLayer, request: Request<()>| {
        let answer = answer(layer.clone(), request, async |_| json("")).await;
        answer.status() == StatusCode::OK
    };
    assert!(passes(&told, report(csp, PATH, &[])).await);
    assert!(passes(&told, report(list, PATH, &[])).await);
    assert!(passes(&told, report(csp, PATH, &[("sec-fetch-site", "cross-site")])).await);
    assert!(!passes(&silent, report(csp, PATH, &[])).await, "the control");
    for (request, why) in [
        (report("text/plain", PATH, &[]), "a form can send that"),
        (report("application/json", PATH, &[]), "no report"),
        (report(csp, "/.well-known/reports/", &[]), "another path"),
        (report(csp, "/notes", &[]), "another path"),
        (report(csp, PATH, &[("content-type", "text/plain")]), "two types"),
        (report(csp, PATH, &[("cookie", "a=b")]), "in somebody's name"),
        (report(csp, PATH, &[("authorization", "Basic YTpi")]), "in somebody's name"),
        (report(csp, PATH, &[("x-http-method-override", "DELETE")]), "in disguise"),
        (report(csp, &format!("{PATH}?_method=DELETE"), &[]), "in disguise"),
        (report(csp, PATH, &[("upgrade", "websocket")]), "in disguise"),
    ] {
        assert!(!passes(&told, request).await, "{why}");
    }
    let mut put = report(csp, PATH, &[]);
    *put.method_mut() = http::Method::PUT;
    assert!(!passes(&told, put).await);
    let mut certified = report(csp, PATH, &[]);
    let mut peer = gambeson_core::PeerInfo::new();
    peer.certificate_sha256 = Some([7; 32]);
    peer.host = Some("app.example.com".into());
    RequestFacts::ensure(&mut certified).set_peer(peer);
    assert!(!passes(&told, certified).await, "a certificate is somebody's name");
}
