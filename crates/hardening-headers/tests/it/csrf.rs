//! Cross-site requests.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{
    Access, EndpointSpec, Exempt, ManualClock, Mode, PeerInfo, Profile, RequestFacts, Scheme, Timestamp,
};
use gambeson_hardening_headers::{Cors, Csrf, Hardening, HardeningLayer};
use http::{Method, Request, StatusCode};
use proptest::prelude::*;

use crate::answers::{Answer, answer, header, page, text};

type Fields<'a> = &'a [(&'a str, &'a str)];

const HERE: &str = "https://app.example.com";
const ADMIN: &str = "https://admin.example.com";

/// A request over this scheme (if known) for the host of [`HERE`].
fn request(method: &str, scheme: Option<Scheme>, fields: Fields<'_>) -> Request<()> {
    let mut request = Request::builder().method(method).uri("/notes").header("host", "app.example.com");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut request = request.body(()).unwrap();
    let mut peer = PeerInfo::new();
    peer.scheme = scheme;
    peer.host = Some("app.example.com".into());
    RequestFacts::ensure(&mut request).set_peer(peer);
    request
}

async fn to(layer: HardeningLayer, request: Request<()>) -> Answer {
    answer(layer, request, async |_| page("done")).await
}

async fn passes(edge: Hardening, method: &str, fields: Fields<'_>) -> bool {
    let layer = edge.build().unwrap().layer();
    let answer = to(layer, request(method, Some(Scheme::Https), fields)).await;
    match answer.status() {
        StatusCode::OK => true,
        StatusCode::FORBIDDEN => false,
        other => panic!("{other}"),
    }
}

/// The cases of the algorithm that Go's standard library made the common one, in a table.
#[tokio::test]
async fn the_common_algorithm() {
    let site = "sec-fetch-site";
    for (method, fields, expected) in [
        ("POST", &[(site, "same-origin")][..], true),
        ("POST", &[(site, "none")], true),
        ("POST", &[(site, "same-site")], false),
        ("POST", &[(site, "cross-site")], false),
        ("POST", &[(site, "SAME-ORIGIN")], false),
        ("POST", &[(site, "nonsense")], false),
        ("POST", &[(site, "")], false),
        ("POST", &[], true),
        ("POST", &[("origin", HERE)], true),
        ("POST", &[("origin", "https://app.example.com:443")], true),
        ("POST", &[("origin", "https://evil.example")], false),
        ("POST", &[("origin", "null")], false),
        ("POST", &[("origin", "")], false),
        ("POST", &[("origin", HERE), (site, "cross-site")], false),
        ("POST", &[("origin", "null"), (site, "same-origin")], true),
        ("PUT", &[(site, "cross-site")], false),
        ("PATCH", &[(site, "cross-site")], false),
        ("DELETE", &[(site, "cross-site")], false),
        ("TRACE", &[(site, "cross-site")], false),
        ("FROBNICATE", &[(site, "cross-site")], false),
        ("GET", &[(site, "cross-site"), ("origin", "https://evil.example")], true),
        ("HEAD", &[(site, "cross-site")], true),
        ("OPTIONS", &[(site, "cross-site"), ("origin", "https://evil.example")], true),
    ] {
        assert_eq!(passes(Hardening::web(), method, fields).await, expected, "{method} {fields:?}");
        assert_eq!(passes(Hardening::api(), method, fields).await, expected, "api: {method} {fields:?}");
    }
}

#[tokio::test]
async fn origins_are_compared_whole() {
    for origin in [
        "https://app.example.com.evil.example",
        "https://evilapp.example.com",
        "https://example.com",
        "https://app.example.com:8443",
        "https://user@app.example.com",
        "https://app.example.com/",
        "http://app.example.com",
        "ftp://app.example.com",
        "app.example.com",
        "HTTPS://evil.example",
    ] {
        assert!(!passes(Hardening::web(), "POST", &[("origin", origin)]).await, "{origin}");
        let declared = Hardening::web().public_origin(HERE);
        assert!(!passes(declared, "POST", &[("origin", origin)]).await, "declared: {origin}");
    }
}

/// The lesson of a check that never ran, because a server's requests carry no scheme: it is compared where it is known or declared.
#[tokio::test]
async fn the_scheme_is_compared_where_it_is_known() {
    let insecure = [("origin", "http://app.example.com")];
    let status = async |edge: Hardening, scheme| {
        to(edge.build().unwrap().layer(), request("POST", scheme, &insecure)).await.status()
    };
    assert_eq!(status(Hardening::web(), Some(Scheme::Https)).await, StatusCode::FORBIDDEN);
    assert_eq!(status(Hardening::web(), Some(Scheme::Http)).await, StatusCode::OK);
    assert_eq!(status(Hardening::web(), None).await, StatusCode::OK, "nothing to compare it with");
    let declared = || Hardening::web().public_origin(HERE);
    assert_eq!(status(declared(), None).await, StatusCode::FORBIDDEN);
    assert_eq!(
        status(declared(), Some(Scheme::Http)).await,
        StatusCode::FORBIDDEN,
        "behind a proxy that ends TLS"
    );
    let here = request("POST", Some(Scheme::Http), &[("origin", HERE)]);
    assert_eq!(to(declared().build().unwrap().layer(), here).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn without_the_peer_layer_the_host_is_the_requests_own() {
    let layer = Hardening::web().build().unwrap().layer();
    for (origin, expected) in [(HERE, StatusCode::OK), ("https://evil.example", StatusCode::FORBIDDEN)] {
        let request = Request::post("/").header("host", "app.example.com").header("origin", origin);
        assert_eq!(to(layer.clone(), request.body(()).unwrap()).await.status(), expected, "{origin}");
    }
    let nameless = Request::post("/").header("origin", HERE).body(()).unwrap();
    assert_eq!(to(layer, nameless).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn handshakes_and_other_methods_in_disguise_count_as_unsafe() {
    let site = ("sec-fetch-site", "cross-site");
    for fields in [
        &[site, ("upgrade", "websocket"), ("connection", "upgrade")][..],
        &[site, ("x-http-method-override", "DELETE")],
        &[site, ("x-http-method", "DELETE")],
        &[site, ("x-method-override", "DELETE")],
        &[("origin", "https://evil.example"), ("upgrade", "websocket")],
    ] {
        assert!(!passes(Hardening::web(), "GET", fields).await, "{fields:?}");
    }
    let own = [("origin", HERE), ("sec-fetch-site", "same-origin"), ("upgrade", "websocket")];
    assert!(passes(Hardening::web(), "GET", &own).await);
    let layer = Hardening::web().build().unwrap().layer();
    for (path, expected) in [
        ("/a?_method=DELETE", StatusCode::FORBIDDEN),
        ("/a?b=1&_method=DELETE", StatusCode::FORBIDDEN),
        ("/a?b=1;_method=DELETE", StatusCode::FORBIDDEN),
        ("/a?%5Fmethod=DELETE", StatusCode::FORBIDDEN),
        ("/a?b&%5fme%74hod", StatusCode::FORBIDDEN),
        ("/a?payment_method=card", StatusCode::OK),
        ("/a?b=_method&_metho%5&_method%&%5F", StatusCode::OK),
    ] {
        let get = Request::get(path).header("host", "a").header("sec-fetch-site", "cross-site");
        assert_eq!(to(layer.clone(), get.body(()).unwrap()).await.status(), expected, "{path}");
    }
}

#[tokio::test]
async fn fields_that_are_there_twice_are_refused() {
    for name in ["origin", "sec-fetch-site"] {
        let value = if name == "origin" { HERE } else { "same-origin" };
        assert!(passes(Hardening::web(), "POST", &[(name, value)]).await);
        assert!(!passes(Hardening::web(), "POST", &[(name, value), (name, value)]).await, "{name}");
    }
}

#[tokio::test]
async fn stated_origins_are_trusted_exactly() {
    let trusting = || Hardening::web().csrf(Csrf::new().trust(["https://Admin.example.com:443"]));
    let cors = || Hardening::web().cors(Cors::credentials(["https://admin.example.com"]));
    for edge in [trusting, cors] as [fn() -> Hardening; 2] {
        for site in ["same-site", "cross-site"] {
            let from = |origin| [("origin", origin), ("sec-fetch-site", site)];
            assert!(passes(edge(), "POST", &from("https://admin.example.com")).await);
            for other in [
                "http://admin.example.com",
                "https://admin.example.com:8443",
                "https://xadmin.example.com",
                "https://admin.example.comx",
                "https://admin.example.com.evil.example",
                "null",
            ] {
                assert!(!passes(edge(), "POST", &from(other)).await, "{other}");
            }
        }
        assert!(passes(edge(), "POST", &[("origin", "https://admin.example.com")]).await);
    }
}

/// What CORS lists may act in a visitor's name only as CORS says: by those methods, and with credentials.
#[tokio::test]
async fn cors_trusts_whom_it_lets_act_and_in_nothing_else() {
    let post = [("origin", ADMIN), ("sec-fetch-site", "same-site"), ("cookie", "__Host-session=1")];
    let with = |more: &[(&'static str, &'static str)]| [&post[..], more].concat();
    let credentials = || Hardening::web().cors(Cors::credentials([ADMIN]));
    assert!(passes(credentials(), "POST", &post).await);
    assert!(!passes(credentials(), "DELETE", &post).await, "a method that is not listed");
    for more in [("upgrade", "websocket"), ("x-http-method-override", "DELETE")] {
        assert!(!passes(credentials(), "GET", &with(&[more])).await, "{more:?} is nothing that CORS lists");
    }
    let reading = || Hardening::web().cors(Cors::credentials([ADMIN]).methods([Method::GET]));
    assert!(!passes(reading(), "POST", &post).await);

    let null = || Hardening::web().cors(Cors::credentials([ADMIN]).dangerously_null());
    let framed = [("origin", "null"), ("sec-fetch-site", "cross-site"), ("cookie", "__Host-session=1")];
    assert!(!passes(null(), "POST", &framed).await, "every page can have the origin null");
    assert!(!passes(null(), "POST", &framed[..1]).await);
    assert!(passes(null(), "POST", &post).await);
}

#[tokio::test]
async fn without_credentials_a_listed_origin_sends_in_nobodys_name() {
    let listed = || Hardening::web().cors(Cors::origins([ADMIN]));
    let fetched = [("origin", ADMIN), ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")];
    let with = |more| [&fetched[..], &[more]].concat();
    assert!(passes(listed(), "POST", &fetched).await);
    assert!(!passes(listed(), "DELETE", &fetched).await, "not listed");
    assert!(!passes(listed(), "POST", &with(("cookie", "__Host-session=1"))).await);
    assert!(!passes(listed(), "POST", &with(("authorization", "Basic YTpi"))).await);
    let form = [fetched[0], fetched[1], ("sec-fetch-mode", "navigate"), ("cookie", "__Host-session=1")];
    assert!(!passes(listed(), "POST", &form).await, "a plain form needs no preflight");
    let other = [("origin", "https://any.example"), ("sec-fetch-site", "cross-site"), fetched[2]];
    assert!(!passes(listed(), "POST", &other).await);

    let mut certified = request("POST", Some(Scheme::Https), &[]);
    certified.headers_mut().insert("origin", ADMIN.parse().unwrap());
    let mut peer = RequestFacts::of(certified.extensions()).unwrap().peer().unwrap().clone();
    peer.certificate_sha256 = Some([7; 32]);
    certified.extensions_mut().clear();
    RequestFacts::ensure(&mut certified).set_peer(peer);
    let answer = to(listed().build().unwrap().layer(), certified).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "browsers show certificates by themselves");
}

#[test]
fn who_can_be_spoken_for_is_not_trusted() {
    let wrong = |csrf: Csrf, profile| match Hardening::web().csrf(csrf).run_in(profile).build() {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let [http, local] =
        ["http://admin.example.com", "http://localhost:5173"].map(|origin| Csrf::new().trust([origin]));
    for (csrf, profile) in
        [(&http, Profile::Production), (&http, Profile::Development), (&local, Profile::Production)]
    {
        let error = wrong(csrf.clone(), profile);
        assert!(error.contains("csrf.trusted-origins") && error.contains("dangerously-http"), "{error}");
        assert_eq!(wrong(csrf.clone().dangerously_http(), profile), "");
    }
    assert_eq!(wrong(local, Profile::Development), "", "a developer's own machine");
}

#[tokio::test]
async fn what_everybody_may_read_everybody_may_send_without_credentials() {
    let from = |more: Vec<(&'static str, &'static str)>| {
        [vec![("origin", "https://any.example"), ("sec-fetch-site", "cross-site")], more].concat()
    };
    let public = || Hardening::api().cors(Cors::public());
    assert!(passes(public(), "POST", &from(vec![("sec-fetch-mode", "cors")])).await);
    assert!(!passes(public(), "DELETE", &from(vec![("sec-fetch-mode", "cors")])).await, "not listed");
    for more in [
        vec![("sec-fetch-mode", "cors"), ("cookie", "session=1")],
        vec![("sec-fetch-mode", "cors"), ("authorization", "Basic YTpi")],
        vec![("sec-fetch-mode", "navigate")],
        vec![("sec-fetch-mode", "no-cors")],
        vec![("sec-fetch-mode", "websocket"), ("upgrade", "websocket")],
    ] {
        assert!(!passes(public(), "POST", &from(more.clone())).await, "{more:?}");
    }
}

#[tokio::test]
async fn a_token_that_only_scripts_can_add_passes_without_the_session_cookie() {
    let from = |more: Vec<(&'static str, &'static str)>| {
        [vec![("origin", "https://any.example"), ("sec-fetch-site", "cross-site")], more].concat()
    };
    let plain = Hardening::web;
    let named = || Hardening::web().csrf(Csrf::new().session_cookies(["__Host-session"]));
    let bearer = ("authorization", "Bearer abc");
    for (edge, more, expected) in [
        (plain as fn() -> Hardening, vec![bearer], true),
        (plain, vec![("authorization", "dpop abc")], true),
        (plain, vec![bearer, ("cookie", "theme=dark")], false),
        (named, vec![bearer, ("cookie", "theme=dark")], true),
        (named, vec![bearer, ("cookie", "theme=dark; __Host-session=1")], false),
        (named, vec![bearer, ("cookie", "theme=dark"), ("cookie", "__Host-session=1")], false),
        (named, vec![("cookie", "theme=dark")], false),
        (plain, vec![("authorization", "Basic YTpi")], false),
        (plain, vec![("authorization", "Negotiate abc")], false),
        (plain, vec![("authorization", "Bearer")], false),
        (plain, vec![bearer, ("authorization", "Basic YTpi")], false),
    ] {
        assert_eq!(passes(edge(), "POST", &from(more.clone())).await, expected, "{more:?}");
    }
}

#[tokio::test]
async fn endpoints_are_exempt_by_their_whole_path() {
    let csrf = Csrf::new().exempt(Method::POST, "/hooks/payments", "signed by the payment provider");
    let mut exempt = Exempt::default();
    exempt.csrf = true;
    let logout = EndpointSpec::new(Method::POST, "/logout/back", Access::Public("signed token".into()));
    let layer = Hardening::web().csrf(csrf).exempt(&[logout.exempt(exempt)]).build().unwrap().layer();
    for (method, path, expected) in [
        (Method::POST, "/hooks/payments", StatusCode::OK),
        (Method::POST, "/logout/back", StatusCode::OK),
        (Method::PUT, "/hooks/payments", StatusCode::FORBIDDEN),
        (Method::POST, "/hooks/payments/", StatusCode::FORBIDDEN),
        (Method::POST, "//hooks/payments", StatusCode::FORBIDDEN),
        (Method::POST, "/hooks/payments/../../notes", StatusCode::FORBIDDEN),
        (Method::POST, "/hooks", StatusCode::FORBIDDEN),
    ] {
        let request = Request::builder().method(&method).uri(path).header("sec-fetch-site", "cross-site");
        let request = request.header("host", "app.example.com").body(()).unwrap();
        assert_eq!(to(layer.clone(), request).await.status(), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_refusal_tells_strangers_nothing_and_developers_what_to_do() {
    let from = request("POST", None, &[("origin", "http://127.0.0.1:3000")]);
    let refused =
        async |edge: Hardening, request: Request<()>| to(edge.build().unwrap().layer(), request).await;
    let answer = refused(Hardening::web().public_origin(HERE), from).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert!(text(&answer).contains("\"code\":\"cross-site\"") && !text(&answer).contains("127.0.0.1"));
    let from = request("POST", None, &[("origin", "http://127.0.0.1:3000")]);
    let developing = Hardening::web().public_origin(HERE).run_in(Profile::Development);
    let answer = refused(developing, from).await;
    for part in ["http://127.0.0.1:3000", HERE, "hardening-headers.csrf.trusted-origins", "public-origin"] {
        assert!(text(&answer).contains(part), "{part}: {}", text(&answer));
    }
}

#[tokio::test]
async fn observing_lets_pass_until_its_date() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
    let until = Timestamp::from_unix_seconds(1_060);
    let csrf = Csrf::new().mode(Mode::Observe { until });
    let layer = Hardening::web().csrf(csrf).clock(Arc::new(clock.clone())).build().unwrap().layer();
    let cross = || request("POST", None, &[("sec-fetch-site", "cross-site")]);
    assert_eq!(to(layer.clone(), cross()).await.status(), StatusCode::OK);
    assert_eq!(layer.observed(), 1);
    clock.advance(Duration::from_secs(60));
    assert_eq!(to(layer.clone(), cross()).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(layer.observed(), 1);
    assert!(
        passes(Hardening::web().csrf(Csrf::dangerously_off()), "POST", &[("sec-fetch-site", "cross-site")])
            .await
    );
}

#[test]
fn a_build_lists_what_is_wrong_with_it() {
    let csrf = Csrf::new()
        .trust(["admin.example.com", "https://*.example.com", "null"])
        .session_cookies(["a b"])
        .exempt(Method::POST, "/hooks/{id}", "signed")
        .exempt(Method::POST, "/hook", " ");
    let error = Hardening::web().csrf(csrf).build().unwrap_err();
    assert_eq!(error.problems().len(), 6, "{error}");
}

fn unsafe_method() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("POST".to_owned()),
        Just("PUT".to_owned()),
        Just("DELETE".to_owned()),
        "[A-Z]{1,8}".prop_filter("unsafe", |m| !matches!(m.as_str(), "GET" | "HEAD" | "OPTIONS" | "CONNECT")),
    ]
}

fn foreign_origin() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        "https?://[a-z]{1,6}(\\.[a-z]{1,6}){0,2}(:[1-9][0-9]{1,3})?",
        "https?://app\\.example\\.com(:[1-9][0-9]{1,3}|\\.[a-z]{2,5}|[a-z]{1,4}|/)",
        "https?://[a-z.]{1,4}app\\.example\\.com",
        "http://(app|admin)\\.example\\.com",
        "[ -~]{0,30}",
    ]
    .prop_filter("foreign", |origin| {
        let own = ["https://app.example.com", "https://app.example.com:443", "https://admin.example.com"];
        !own.iter().any(|own| own.eq_ignore_ascii_case(origin.trim()))
    })
}

/// Policies, each with an origin that it names or knows and that may not act in a visitor's name all the same.
fn policy() -> impl Strategy<Value = (Cors, &'static str)> {
    prop_oneof![
        Just((Cors::public(), "https://any.example")),
        Just((Cors::credentials([ADMIN]), "http://admin.example.com")),
        Just((Cors::credentials([ADMIN]).dangerously_null(), "null")),
        Just((Cors::credentials([ADMIN]).methods([Method::GET]), ADMIN)),
        Just((Cors::origins(["https://widgets.example.com"]), "https://widgets.example.com")),
    ]
}

proptest! {
    /// What browsers send for another site's page: a foreign origin, Fetch Metadata that says so or none, the session cookie.
    #[test]
    fn no_foreign_page_acts_with_the_session_cookie(
        method in unsafe_method(),
        origin in foreign_origin(),
        site in proptest::option::of(prop_oneof![Just("cross-site"), Just("same-site"), Just("x")]),
        mode in proptest::option::of(prop_oneof![Just("cors"), Just("no-cors"), Just("navigate")]),
        bearer: bool,
        declared: bool,
        scheme in prop_oneof![Just(Some(Scheme::Https)), Just(None)],
        (cors, known) in policy(),
        by_known: bool,
    ) {
        // Without a known or declared scheme, http and https of the own host can't be told apart.
        let scheme = if declared { scheme } else { Some(Scheme::Https) };
        let origin = if by_known { known } else { origin.trim() };
        let edge = Hardening::web().csrf(Csrf::new().session_cookies(["__Host-session"])).cors(cors);
        let edge = if declared { edge.public_origin(HERE) } else { edge };
        let mut fields = vec![("origin", origin), ("cookie", "a=b; __Host-session=secret")];
        fields.extend(site.map(|site| ("sec-fetch-site", site)));
        fields.extend(mode.map(|mode| ("sec-fetch-mode", mode)));
        fields.extend(bearer.then_some(("authorization", "Bearer abc")));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(to(edge.build().unwrap().layer(), request(&method, scheme, &fields)));
        prop_assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
}

/// Who sees a refused GET must learn what made it more than one.
#[tokio::test]
async fn a_disguised_get_is_refused_with_what_gave_it_away() {
    let edge = || Hardening::web().run_in(Profile::Development).build().unwrap().layer();
    let said = async |path: &str, fields: Fields<'_>| {
        let mut request = request("GET", Some(Scheme::Https), &[("sec-fetch-site", "cross-site")]);
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in fields {
            request.headers_mut().insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        text(&to(edge(), request).await).to_owned()
    };
    for (path, fields, told) in [
        ("/notes?a=1&%5Fmethod=delete", &[][..], "_method in its query"),
        ("/notes", &[("x-http-method-override", "DELETE")], "X-HTTP-Method-Override"),
        ("/notes", &[("x-method-override", "DELETE")], "X-Method-Override"),
        ("/notes", &[("upgrade", "websocket")], "Upgrade"),
    ] {
        let said = said(path, fields).await;
        assert!(said.contains(told) && said.contains("no Origin"), "{told}: {said}");
    }
    let named = said("/notes", &[("upgrade", "websocket"), ("origin", "https://evil.example")]).await;
    assert!(named.contains("https://evil.example") && !named.contains("no Origin"), "{named}");
}
