//! Headers, panics, server errors.

use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{Authentication, Challenges, FixedEntropy, Principal, RequestFacts, RequestId, Scheme};
use gambeson_hardening_headers::{
    Config, Cors, Csp, Hardening, HardeningLayer, Hsts, KeepErrorBody, Override, Preset, Rollout, Source,
};
use gambeson_testing::contract::{self, Cases};
use http::{Request, Response, StatusCode};

use crate::answers::{Answer, answer, header, json, page, request, text};

fn web() -> HardeningLayer {
    Hardening::web().build().unwrap().layer()
}

fn status(status: StatusCode, mut answer: Answer) -> Answer {
    *answer.status_mut() = status;
    answer
}

async fn over(scheme: Scheme, host: &str, layer: HardeningLayer) -> Answer {
    answer(layer, request(scheme, host), async |_| page("hello")).await
}

#[tokio::test]
async fn pages_get_all_headers() {
    let answer = over(Scheme::Https, "app.example.com", web()).await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("strict-transport-security", "max-age=86400"),
    ] {
        assert_eq!(header(&answer, name), value, "{name}");
    }
    assert!(header(&answer, "permissions-policy").contains("camera=()"));
    assert!(header(&answer, "content-security-policy").starts_with("default-src 'none';"));
}

#[tokio::test]
async fn what_is_no_page_gets_the_short_ones() {
    let edge = Hardening::api().build().unwrap();
    let answer = answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| json("{}")).await;
    assert_eq!(header(&answer, "content-security-policy"), Csp::api().to_string());
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert!(!answer.headers().contains_key("permissions-policy"));
}

/// What says something about documents alone would be bytes in vain on other answers.
const OF_DOCUMENTS: [&str; 4] = [
    "permissions-policy",
    "cross-origin-opener-policy",
    "reporting-endpoints",
    "content-security-policy-report-only",
];

#[tokio::test]
async fn what_is_about_documents_is_on_documents_alone() {
    for preset in
        [Hardening::web, Hardening::strict, Hardening::api, Hardening::isolated, Hardening::downloads]
    {
        let tried = preset().csp_report_only(Csp::strict(), Rollout::all()).reports("/reports");
        let layer = tried.entropy(Arc::new(FixedEntropy::default())).build().unwrap().layer();
        let of = async |kind: Option<&'static str>| {
            answer(layer.clone(), request(Scheme::Https, "app.example.com"), async move |_| {
                let mut answer = Answer::new(Bytes::new());
                if let Some(kind) = kind {
                    answer.headers_mut().insert("content-type", kind.parse().unwrap());
                }
                answer
            })
            .await
        };
        for kind in ["text/html", "text/html; charset=utf-8", "TEXT/HTML", "application/xhtml+xml"] {
            let document = of(Some(kind)).await;
            for name in OF_DOCUMENTS {
                assert!(document.headers().contains_key(name), "{kind}: {name}");
            }
        }
        for kind in [
            Some("application/json"),
            Some("application/problem+json"),
            Some("image/svg+xml"),
            Some("image/png"),
            Some("text/css"),
            Some("text/javascript"),
            Some("text/plain; charset=utf-8"),
            Some("application/pdf"),
            Some("text/event-stream"),
            None,
        ] {
            let other = of(kind).await;
            for name in OF_DOCUMENTS {
                assert!(!other.headers().contains_key(name), "{kind:?}: {name}");
            }
            let policy = header(&other, "content-security-policy");
            assert!(
                policy.starts_with("default-src 'none'") || kind == Some("text/javascript"),
                "{kind:?}: {policy}"
            );
            assert_eq!(header(&other, "x-content-type-options"), "nosniff");
        }
    }
}

#[tokio::test]
async fn what_describes_a_body_is_the_apps_in_any_order_and_beside_any_policy() {
    let unprotected = || Hardening::web().csp(Csp::empty()).hsts(None).build().unwrap().layer();
    let typed = [("content-type", "text/html"), ("content-length", "2")];
    let sized = [("content-length", "2"), ("content-type", "application/json")];
    for fields in [typed, sized] {
        for layer in [web(), unprotected()] {
            let answer = answer(layer, request(Scheme::Https, "app.example.com"), async move |_| {
                let mut answer = Answer::new(Bytes::from_static(b"ok"));
                for (name, value) in fields {
                    answer.headers_mut().insert(name, http::HeaderValue::from_static(value));
                }
                answer
            })
            .await;
            for (name, value) in fields {
                assert_eq!(answer.headers().get_all(name).iter().collect::<Vec<_>>(), [value], "{fields:?}");
            }
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        }
    }
}

#[tokio::test]
async fn strict_transport_only_over_https_to_public_names() {
    let strict = |answer: &Answer| answer.headers().contains_key("strict-transport-security");
    assert!(strict(&over(Scheme::Https, "app.example.com:8443", web()).await));
    for (scheme, host) in [
        (Scheme::Http, "app.example.com"),
        (Scheme::Https, "localhost:3000"),
        (Scheme::Https, "127.0.0.1"),
        (Scheme::Https, "[::1]:3000"),
    ] {
        assert!(!strict(&over(scheme, host, web()).await), "{scheme:?} {host}");
    }
    let unknown = Request::get("https://app.example.com/").body(()).unwrap();
    let answer = answer(web(), unknown, async |_| page("")).await;
    assert!(!strict(&answer), "without the peer layer nothing is known");
}

#[tokio::test]
async fn strict_transport_says_what_was_asked_for_and_no_more() {
    for (hsts, expected) in [
        (Hsts::days(365), "max-age=31536000"),
        (Hsts::two_years(), "max-age=63072000; includeSubDomains"),
        (Hsts::two_years().dangerously_preload(), "max-age=63072000; includeSubDomains; preload"),
    ] {
        let layer = Hardening::web().hsts(hsts).build().unwrap().layer();
        let answer = over(Scheme::Https, "app.example.com", layer).await;
        assert_eq!(header(&answer, "strict-transport-security"), expected);
    }
}

#[tokio::test]
async fn upgrades_are_asked_for_over_https_only() {
    let layer = || {
        let csp = Csp::web().upgrade_insecure_requests();
        Hardening::web().csp(csp).build().unwrap().layer()
    };
    let asks =
        |answer: Answer| header(&answer, "content-security-policy").contains("upgrade-insecure-requests");
    assert!(!asks(over(Scheme::Http, "localhost", layer()).await));
    assert!(asks(over(Scheme::Https, "app.example.com", layer()).await));
}

#[tokio::test]
async fn the_handlers_headers_win_and_all_their_values_stay() {
    let answer = answer(web(), request(Scheme::Http, "localhost"), async |_| {
        let mut page = page("");
        let headers = page.headers_mut();
        headers.insert("x-frame-options", "SAMEORIGIN".parse().unwrap());
        headers.insert("content-security-policy", "default-src 'self'".parse().unwrap());
        headers.append("set-cookie", "a=1".parse().unwrap());
        headers.append("set-cookie", "b=2".parse().unwrap());
        headers.append("server", "nginx/1.2".parse().unwrap());
        headers.append("x-powered-by", "A".parse().unwrap());
        headers.append("x-powered-by", "B".parse().unwrap());
        page
    })
    .await;
    assert_eq!(header(&answer, "x-frame-options"), "SAMEORIGIN");
    let all = |name| answer.headers().get_all(name).iter().count();
    assert_eq!(header(&answer, "content-security-policy"), "default-src 'self'");
    assert_eq!((all("content-security-policy"), all("set-cookie")), (1, 2));
    assert_eq!((all("server"), all("x-powered-by")), (0, 0));
}

#[tokio::test]
async fn one_answer_may_be_framed() {
    let partner = Source::origin("https://partner.example").unwrap();
    let set = |set: gambeson_hardening_headers::HeaderSet| set.frame_options(None);
    let edge = Hardening::web().named("embed", set).build().unwrap();
    let framed = answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| {
        let mut page = page("");
        page.extensions_mut().insert(Override::frame_ancestors([partner.clone()]));
        page
    })
    .await;
    assert!(header(&framed, "content-security-policy").contains("frame-ancestors https://partner.example;"));
    assert!(!framed.headers().contains_key("x-frame-options"));
    let named = answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| {
        let mut page = page("");
        page.extensions_mut().insert(Override::named("embed"));
        page
    })
    .await;
    assert!(!named.headers().contains_key("x-frame-options"));
    assert!(over(Scheme::Http, "localhost", edge.layer()).await.headers().contains_key("x-frame-options"));
}

/// The policy that would say who may frame the answer is not sent: the field that says "nobody" must stay.
#[tokio::test]
async fn an_override_beside_a_policy_of_its_own_opens_nothing() {
    let partner = Source::origin("https://partner.example").unwrap();
    let framed = answer(web(), request(Scheme::Http, "localhost"), async |_| {
        let mut page = page("");
        page.headers_mut().insert("content-security-policy", "default-src 'self'".parse().unwrap());
        page.extensions_mut().insert(Override::frame_ancestors([partner.clone()]));
        page
    })
    .await;
    assert_eq!(header(&framed, "content-security-policy"), "default-src 'self'");
    assert_eq!(header(&framed, "x-frame-options"), "DENY");
}

#[tokio::test]
async fn what_is_no_page_may_be_framed_too() {
    let partner = Source::origin("https://partner.example").unwrap();
    let edge = Hardening::web().build().unwrap();
    let framed = answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| {
        let pdf = Response::builder().header("content-type", "application/pdf");
        let mut pdf = pdf.body(Bytes::new()).unwrap();
        pdf.extensions_mut().insert(Override::frame_ancestors([partner.clone()]));
        pdf
    })
    .await;
    let policy = header(&framed, "content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(policy.contains("frame-ancestors https://partner.example;"), "{policy}");
    assert!(!framed.headers().contains_key("x-frame-options"));
}

#[tokio::test]
async fn a_panic_is_a_500_without_detail() {
    let mut request = request(Scheme::Http, "localhost");
    let facts = RequestFacts::ensure(&mut request);
    let answer = answer(web(), request, async |request: Request<()>| {
        assert!(request.headers().contains_key("x-never"), "the database password is hunter2");
        page("")
    })
    .await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(header(&answer, "content-type"), "application/problem+json");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert!(text(&answer).contains("\"code\":\"panic\"") && !text(&answer).contains("hunter2"));
    assert_eq!(facts.rejection().unwrap().slug(), "panic");
}

#[tokio::test]
async fn a_panic_in_call_is_a_500_too() {
    use tower::{Layer, ServiceExt, service_fn};
    let app = web().layer(service_fn(|request: Request<()>| {
        assert!(request.headers().contains_key("x-never"), "in call");
        std::future::ready(Ok::<_, std::convert::Infallible>(page("").map(http_body_util::Full::new)))
    }));
    let answer = app.oneshot(request(Scheme::Http, "localhost")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

/// A future that panics, and again when it is dropped.
struct Twice;

impl Future for Twice {
    type Output = Result<Response<http_body_util::Full<Bytes>>, std::convert::Infallible>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::panic::panic_any(Payload)
    }
}

impl Drop for Twice {
    fn drop(&mut self) {
        panic!("and once more");
    }
}

/// What a panic carries may panic too.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("the payload");
    }
}

#[tokio::test]
async fn a_future_that_panics_again_while_it_is_dropped_is_a_500_too() {
    use tower::{Layer, ServiceExt, service_fn};
    let app = web().layer(service_fn(|_: Request<()>| Twice));
    let answer = app.oneshot(request(Scheme::Http, "localhost")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn server_errors_lose_their_bodies_unless_kept() {
    let failed = |answer: Answer| status(StatusCode::SERVICE_UNAVAILABLE, answer);
    let scrubbed = answer(web(), request(Scheme::Http, "localhost"), async move |_| {
        let mut answer = failed(page("at db.rs:12"));
        answer.headers_mut().insert("retry-after", "7".parse().unwrap());
        answer.headers_mut().insert("content-length", "11".parse().unwrap());
        answer
    })
    .await;
    assert_eq!(scrubbed.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&scrubbed, "content-type"), "application/problem+json");
    assert_eq!(header(&scrubbed, "retry-after"), "7");
    assert!(!scrubbed.headers().contains_key("content-length") && !text(&scrubbed).contains("db.rs"));
    assert!(!text(&scrubbed).contains("request_id"), "there is none");

    let named = request(Scheme::Http, "localhost");
    let id = RequestId::parse(b"r-1").unwrap();
    RequestFacts::of(named.extensions()).unwrap().set_request_id(id);
    let found = answer(web(), named, async move |_| failed(page("at db.rs:12"))).await;
    assert!(text(&found).contains("\"request_id\":\"r-1\""), "{}", text(&found));

    let kept = answer(web(), request(Scheme::Http, "localhost"), async move |_| {
        let mut answer = failed(page("planned work until nine"));
        answer.extensions_mut().insert(KeepErrorBody::new());
        answer
    })
    .await;
    assert_eq!(text(&kept), "planned work until nine");

    let problem = answer(web(), request(Scheme::Http, "localhost"), async move |_| {
        let kind = Response::builder().header("content-type", "application/problem+json");
        failed(kind.body(Bytes::from_static(b"{\"code\":\"mine\"}")).unwrap())
    })
    .await;
    assert_eq!(text(&problem), "{\"code\":\"mine\"}");

    let open = Hardening::web().scrub_5xx(false).build().unwrap();
    let left =
        answer(open.layer(), request(Scheme::Http, "localhost"), async move |_| failed(page("as it is")))
            .await;
    assert_eq!(text(&left), "as it is");
}

#[tokio::test]
async fn client_errors_keep_their_bodies() {
    let answer = answer(web(), request(Scheme::Http, "localhost"), async |_| {
        status(StatusCode::NOT_FOUND, page("no such note"))
    })
    .await;
    assert_eq!(text(&answer), "no such note");
}

#[tokio::test]
async fn switched_off_it_changes_nothing() {
    let answer = answer(HardeningLayer::off(), request(Scheme::Https, "app.example.com"), async |_| {
        let mut page = status(StatusCode::INTERNAL_SERVER_ERROR, page("as it is"));
        page.headers_mut().insert("server", "mine".parse().unwrap());
        page
    })
    .await;
    assert_eq!((text(&answer), answer.headers().len()), ("as it is", 2));
}

#[test]
fn a_build_lists_all_that_is_wrong() {
    let error = Hardening::web()
        .public_origin("app.example.com")
        .hosts(["https://x.example", "*.example.com"])
        .hsts(Hsts::days(30).dangerously_preload())
        .named("a", |set| set)
        .named("a", |set| set.hsts(None))
        .build()
        .unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
    assert!(
        fields.starts_with(&[
            "hardening-headers.named",
            "hardening-headers.public-origin",
            "hardening-headers.hosts",
            "hardening-headers.hosts"
        ]),
        "{error}"
    );
    assert!(fields.contains(&"hardening-headers.hsts"), "{error}");
}

#[tokio::test]
async fn a_configuration_builds_the_same() {
    let config = Config::default().preset(Preset::Api).csp("default-src 'self'");
    let edge = Hardening::from_config(&config).build().unwrap();
    let answer = over(Scheme::Http, "localhost", edge.layer()).await;
    assert_eq!(header(&answer, "content-security-policy"), "default-src 'self'");
    let error = Hardening::from_config(&Config::default().csp("script-src self")).build().unwrap_err();
    assert_eq!(error.problems()[0].field, "hardening-headers.csp");
}

#[cfg(feature = "serde")]
#[test]
fn an_unknown_key_is_an_error() {
    let config: Config = serde_json::from_str(r#"{"preset":"api","hsts-days":0}"#).unwrap();
    assert_eq!(config.hsts_days, Some(0));
    assert!(serde_json::from_str::<Config>(r#"{"hsts-day":1}"#).is_err());
}

#[tokio::test]
async fn keeps_the_laws_of_a_layer() {
    let edge = Hardening::web().hosts(["app.example.com"]).build().unwrap();
    let to = |host: &'static str| move || Request::get("/").header("host", host).body(()).unwrap();
    let cases = Cases::passing(to("app.example.com")).refusing(to("evil.example"));
    contract::check(move || edge.layer(), cases).await;
    contract::check(HardeningLayer::<gambeson_core::ProblemJson>::off, Cases::passing(to("any.example")))
        .await;
}

#[tokio::test]
async fn keeps_the_laws_of_a_layer_with_everything_on() {
    let edge = || {
        Hardening::strict()
            .public_origin("https://app.example.com")
            .hosts(["www.example.com"])
            .redirect_to_canonical()
            .cors(Cors::credentials(["https://admin.example.com"]))
            .build()
            .unwrap()
    };
    let post = |site: &'static str| {
        move || {
            let post = Request::post("/").header("host", "app.example.com").header("sec-fetch-site", site);
            post.header("origin", "https://app.example.com").body(()).unwrap()
        }
    };
    let preflight = || {
        let request = Request::options("/").header("host", "app.example.com");
        let request = request.header("origin", "https://evil.example");
        request.header("access-control-request-method", "POST").body(()).unwrap()
    };
    let passing = || Cases::passing(post("same-origin"));
    contract::check(move || edge().layer(), passing().refusing(post("cross-site"))).await;
    contract::check(move || edge().layer(), passing().refusing(preflight)).await;
}

#[tokio::test]
async fn what_a_recognised_person_sees_is_not_stored() {
    let signed_in = || {
        let mut request = request(Scheme::Https, "app.example.com");
        let alice = Principal::user("https://id.example", "alice").build();
        let facts = RequestFacts::ensure(&mut request);
        facts.authenticate(Authentication::Verified(alice, Challenges::none())).unwrap();
        request
    };
    let stored = |answer: &Answer| header(answer, "cache-control").to_owned();
    assert_eq!(stored(&answer(web(), signed_in(), async |_| page("")).await), "no-store");
    assert_eq!(stored(&answer(web(), signed_in(), async |_| json("")).await), "no-store");
    let own = answer(web(), signed_in(), async |_| {
        let mut asset = page("");
        asset.headers_mut().insert("cache-control", "public, max-age=31536000, immutable".parse().unwrap());
        asset
    });
    assert_eq!(stored(&own.await), "public, max-age=31536000, immutable");
    let unchanged = answer(web(), signed_in(), async |_| status(StatusCode::NOT_MODIFIED, page(""))).await;
    assert_eq!(stored(&unchanged), "");
    let anonymous = request(Scheme::Https, "app.example.com");
    RequestFacts::of(anonymous.extensions())
        .unwrap()
        .authenticate(Authentication::Anonymous(Challenges::none()))
        .unwrap();
    assert_eq!(stored(&answer(web(), anonymous, async |_| page("")).await), "");
    let off = Hardening::web().headers(|set| set.no_store_signed_in(false)).build().unwrap();
    assert_eq!(stored(&answer(off.layer(), signed_in(), async |_| page("")).await), "");
}

#[tokio::test]
async fn forms_may_lead_to_the_identity_provider() {
    let edge = Hardening::strict().form_action(["https://id.example"]).build().unwrap();
    let answer = over(Scheme::Https, "app.example.com", edge.layer()).await;
    let policy = header(&answer, "content-security-policy");
    for part in [
        "form-action 'self' https://id.example;",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    let error = Hardening::web().form_action(["id.example/login"]).build().unwrap_err();
    assert_eq!(error.problems()[0].field, "hardening-headers.csp-add.form-action");
}

#[tokio::test]
async fn forms_of_named_variants_lead_there_too() {
    let edge = Hardening::web()
        .named("embed", |set| set.frame_options(None))
        .named("locked", |set| set.csp(Csp::api()))
        .named("open", |set| set.csp(Csp::parse("default-src 'self'").unwrap()))
        .form_action(["https://id.example"])
        .build()
        .unwrap();
    let policy = async |name: &'static str| {
        let answer = answer(edge.layer(), request(Scheme::Http, "localhost"), async move |_| {
            let mut page = page("");
            page.extensions_mut().insert(Override::named(name));
            page
        });
        header(&answer.await, "content-security-policy").to_owned()
    };
    let embed = policy("embed").await;
    assert!(embed.contains("form-action 'self' https://id.example;"), "{embed}");
    assert_eq!(policy("locked").await, Csp::api().to_string(), "it says that forms lead nowhere");
    assert_eq!(policy("open").await, "default-src 'self'", "they lead everywhere, the app itself included");
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn works_inside_an_axum_router() {
    use tower::ServiceExt;
    let app = axum::Router::new()
        .route("/", axum::routing::get(async || "hello"))
        .layer((gambeson_hardening_headers::PeerLayer::new(Default::default()), web()));
    let request = Request::get("/").body(axum::body::Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["x-request-id"].len(), 32);
}
