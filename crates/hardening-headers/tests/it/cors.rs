//! Which other origins may read answers.

use std::time::Duration;

use gambeson_core::{Profile, Rejection, RejectionClass, RequestFacts};
use gambeson_hardening_headers::{Cors, Hardening, HardeningLayer};
use http::{Method, Request, StatusCode, header as name};

use crate::answers::{Answer, answer, header, json, page, text};

const ADMIN: &str = "https://admin.example.com";

fn listed() -> Cors {
    Cors::credentials([ADMIN, "http://localhost:5173"]).methods([Method::GET, Method::DELETE])
}

fn layer(cors: Cors) -> HardeningLayer {
    Hardening::api().cors(cors).run_in(Profile::Development).build().unwrap().layer()
}

fn from(method: &str, origin: &str, more: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri("/notes").header("host", "api.example.com");
    request = request.header("origin", origin);
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn preflight(origin: &str, method: &str, fields: &str) -> Request<()> {
    let more = [("access-control-request-method", method), ("access-control-request-headers", fields)];
    from("OPTIONS", origin, &more)
}

async fn to(layer: HardeningLayer, request: Request<()>) -> Answer {
    answer(layer, request, async |_| json("{}")).await
}

#[tokio::test]
async fn a_preflight_is_answered_before_the_app() {
    let request = preflight(ADMIN, "DELETE", "content-type,Authorization");
    let answer = answer(layer(listed()), request, async |_| panic!("the app is not asked")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(answer.body().is_empty());
    for (name, value) in [
        ("access-control-allow-origin", ADMIN),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, DELETE"),
        ("access-control-allow-headers", "authorization, content-type"),
        ("access-control-max-age", "600"),
        ("vary", "Origin"),
        ("x-content-type-options", "nosniff"),
        ("content-type", ""),
    ] {
        assert_eq!(header(&answer, name), value, "{name}");
    }
}

#[tokio::test]
async fn preflights_for_what_is_not_listed_are_refused() {
    for (request, setting) in [
        (preflight("https://evil.example", "DELETE", ""), "cors.origins"),
        (preflight("https://admin.example.com.evil.example", "DELETE", ""), "cors.origins"),
        (preflight("https://xadmin.example.com", "DELETE", ""), "cors.origins"),
        (preflight("http://admin.example.com", "DELETE", ""), "cors.origins"),
        (preflight("https://admin.example.com:8443", "DELETE", ""), "cors.origins"),
        (preflight("null", "DELETE", ""), "cors.origins"),
        (preflight(ADMIN, "PUT", ""), "cors.methods"),
        (preflight(ADMIN, "delete", ""), "cors.methods"),
        (preflight(ADMIN, "DELETE", "content-type,x-other"), "cors.headers"),
    ] {
        let listed_origin = header_of(&request, "origin") == ADMIN;
        let edge = Hardening::api().cors(listed()).run_in(Profile::Development).build().unwrap();
        let answer = to(edge.layer(), request).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(text(&answer).contains("\"code\":\"cors-preflight\""));
        assert!(text(&answer).contains(setting), "{}", text(&answer));
        assert_eq!(header(&answer, "vary"), "Origin");
        assert_eq!(answer.headers().contains_key("access-control-allow-origin"), listed_origin);
    }
}

fn header_of<'a>(request: &'a Request<()>, name: &str) -> &'a str {
    request.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn listed_origins_read_answers_and_others_do_not() {
    let answer = to(layer(listed()), from("GET", ADMIN, &[])).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "access-control-allow-origin"), ADMIN);
    assert_eq!(header(&answer, "access-control-allow-credentials"), "true");
    assert!(header(&answer, "access-control-expose-headers").contains("x-request-id"));
    for origin in ["https://evil.example", "null", "", "https://admin.example.com/"] {
        let answer = to(layer(listed()), from("GET", origin, &[])).await;
        assert_eq!(answer.status(), StatusCode::OK, "reading is not refused, only not shared");
        assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("access-control")), "{origin}");
        assert_eq!(header(&answer, "vary"), "Origin", "{origin}");
    }
    let twice = from("GET", ADMIN, &[("origin", ADMIN)]);
    assert!(!to(layer(listed()), twice).await.headers().contains_key("access-control-allow-origin"));
    let none = Request::get("/").header("host", "a").body(()).unwrap();
    assert_eq!(
        header(&to(layer(listed()), none).await, "vary"),
        "Origin",
        "caches must know that it depends"
    );
}

#[tokio::test]
async fn refused_answers_can_be_read_by_listed_origins() {
    let unauthorized = answer(layer(listed()), from("GET", ADMIN, &[]), async |request: Request<()>| {
        let facts = RequestFacts::of(request.extensions()).unwrap();
        let status = StatusCode::UNAUTHORIZED;
        facts.set_rejection(Rejection::new("app", RejectionClass::Credential, "no", status));
        let mut answer = json("{}");
        *answer.status_mut() = status;
        answer
    })
    .await;
    assert_eq!(unauthorized.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&unauthorized, "access-control-allow-origin"), ADMIN);
    let hosts = Hardening::api()
        .cors(listed())
        .hosts(["other.example"])
        .run_in(Profile::Development)
        .build()
        .unwrap();
    let misdirected = to(hosts.layer(), from("GET", ADMIN, &[])).await;
    assert_eq!(misdirected.status(), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(header(&misdirected, "access-control-allow-origin"), ADMIN);
    let panicked = answer(layer(listed()), from("GET", ADMIN, &[]), async |_| panic!("no")).await;
    assert_eq!(header(&panicked, "access-control-allow-origin"), ADMIN);
    let evil = from("POST", "https://evil.example", &[("sec-fetch-site", "cross-site")]);
    let cross_site = to(layer(listed()), evil).await;
    assert_eq!(cross_site.status(), StatusCode::FORBIDDEN);
    assert_eq!(header(&cross_site, "vary"), "Origin");
    assert!(!cross_site.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn everybody_reads_what_is_public() {
    let answer = to(layer(Cors::public()), from("GET", "https://any.example", &[])).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    assert!(!answer.headers().contains_key("vary"), "the same for everybody");
    let answer = to(layer(Cors::public()), from("GET", "null", &[])).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
}

#[tokio::test]
async fn what_the_app_wrote_stays() {
    let answer = answer(layer(listed()), from("GET", ADMIN, &[]), async |_| {
        let mut page = page("");
        page.headers_mut().insert("vary", "Accept-Encoding, ORIGIN".parse().unwrap());
        page.headers_mut().insert("access-control-allow-origin", "https://own.example".parse().unwrap());
        page
    })
    .await;
    assert_eq!(answer.headers().get_all("vary").iter().count(), 1);
    assert_eq!(header(&answer, "access-control-allow-origin"), "https://own.example");
    assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    let encoded = crate::answers::answer(layer(listed()), from("GET", ADMIN, &[]), async |_| {
        let mut page = page("");
        page.headers_mut().insert("vary", "Accept-Encoding".parse().unwrap());
        page
    })
    .await;
    let vary: Vec<_> = encoded.headers().get_all("vary").iter().collect();
    assert_eq!(vary, ["Accept-Encoding", "Origin"]);
}

#[tokio::test]
async fn private_networks_are_granted_when_said() {
    let ask = || {
        let more =
            [("access-control-request-method", "GET"), ("access-control-request-private-network", "true")];
        from("OPTIONS", ADMIN, &more)
    };
    let allowed = |answer: Answer| header(&answer, "access-control-allow-private-network").to_owned();
    assert_eq!(allowed(to(layer(listed()), ask()).await), "");
    assert_eq!(allowed(to(layer(listed().private_network()), ask()).await), "true");
    assert_eq!(allowed(to(layer(listed().private_network()), preflight(ADMIN, "GET", "")).await), "");
}

#[tokio::test]
async fn an_options_request_that_is_no_preflight_is_the_apps() {
    let plain = from("OPTIONS", ADMIN, &[]);
    assert_eq!(to(layer(listed()), plain).await.status(), StatusCode::OK);
    let without = Hardening::api().build().unwrap().layer();
    assert_eq!(
        to(without, preflight(ADMIN, "GET", "")).await.status(),
        StatusCode::OK,
        "no CORS, no preflights"
    );
}

#[test]
fn what_lets_in_whom_nobody_meant_is_refused_when_built() {
    let wrong_in = |profile, cors: Cors| match Hardening::api().cors(cors).run_in(profile).build() {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(|problem| problem.field.clone()).collect(),
    };
    let wrong = |cors| wrong_in(Profile::Production, cors);
    let listed = || Cors::credentials([ADMIN]);
    let origins =
        ["*", "null", "https://*.example.com", "example.com", "https://a.example/", "http://a.example"];
    assert_eq!(wrong(Cors::credentials(origins)).len(), 6);
    let mut both = Cors::public();
    both.credentials = true;
    assert_eq!(wrong(both), ["hardening-headers.cors.credentials"]);
    assert_eq!(wrong(Cors::public().private_network()), ["hardening-headers.cors.private-network"]);
    assert_eq!(wrong(Cors::credentials::<&str>([])), ["hardening-headers.cors.origins"]);
    assert_eq!(wrong(listed().max_age(Duration::from_secs(86_401))), ["hardening-headers.cors.max-age"]);
    assert_eq!(wrong(listed().methods([Method::TRACE, Method::CONNECT])).len(), 2);
    assert_eq!(wrong(listed().methods([])), ["hardening-headers.cors.methods"]);
    let mut wildcards = listed();
    wildcards.methods = vec!["*".into(), "get".into()];
    wildcards.headers = vec!["*".into(), "a b".into()];
    wildcards.expose = vec!["*".into()];
    assert_eq!(wrong(wildcards).len(), 5);
    let local = Cors::credentials(["http://localhost:5173"]);
    assert!(wrong_in(Profile::Development, local.clone()).is_empty(), "a developer's own machine");
    assert_eq!(wrong(local.clone()), ["hardening-headers.cors.origins"], "anybody's in production");
    assert!(wrong(local.dangerously_http()).is_empty());
    assert!(wrong(Cors::credentials(["http://a.example"]).dangerously_http()).is_empty());
    assert!(wrong(Cors::origins([ADMIN]).dangerously_null().headers([name::CONTENT_TYPE])).is_empty());
}
