//! The HTTP edge around real log-ins and tokens: who guesses pays, and how a page's long channels know their caller.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use gambeson::Profile;
use gambeson::Stack;
use gambeson::hardening_headers::{
    Connection, EdgeLimitLayer, EdgeRate, Hardening, Limits, LimitsLayer, PeerLayer, TrustedProxies,
};
use gambeson::oidc_auth::{AuthLayer, Caller, Issuer, Login, LoginLayer, Verifier};
use gambeson::rbac::{PolicyHandle, Routes, need, public};
use gambeson_testing::{Browser, DevClient, DevIdp, ManualClock};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

const ORIGIN: &str = "http://127.0.0.1:3000";
const BURST: usize = 20;
const ATTACKER: &str = "192.0.2.7:4711";
const HONEST: &str = "198.51.100.3:4711";

struct Scene {
    idp: DevIdp,
    app: Router,
}

impl Scene {
    async fn start() -> Self {
        let client = DevClient::public("web").redirect_uri(format!("{ORIGIN}/login/callback"));
        let idp =
            DevIdp::builder().bind("127.0.0.1:0").audience("notes").client(client).start().await.unwrap();
        let policy: PolicyHandle = crate::POLICY.parse().unwrap();
        let (router, authorize): (Router, _) = Routes::new(&policy)
            .get("/", public("the front door"), async || "welcome")
            .get("/live", need("notes:read"), async |Caller(who): Caller| who.subject().to_owned())
            .post("/live", need("notes:read"), async || "said")
            .into_parts()
            .unwrap();
        let issuer = || Issuer::discover(idp.issuer());
        let verifier = Verifier::builder(issuer()).audience("notes").run_in(Profile::Development);
        let tokens = AuthLayer::new(verifier.build().unwrap());
        let login = Login::builder(issuer(), "web").public_origin(ORIGIN).run_in(Profile::Development);
        let rate = EdgeRate::per_minute(1).burst(u32::try_from(BURST).unwrap());
        let limit = EdgeLimitLayer::builder(rate).clock(Arc::new(ManualClock::default())).build().unwrap();
        let hardening = Hardening::web().public_origin(ORIGIN).run_in(Profile::Development);
        let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
            .hardening(hardening.build().unwrap().layer())
            .limits(LimitsLayer::new(Limits::new()).unwrap())
            .edge_limit(limit)
            .login(LoginLayer::new(login.build().unwrap()).beside(&tokens))
            .authentication(tokens)
            .authorization(authorize)
            .build(Profile::Development)
            .unwrap();
        let app = router.layer(stack);
        Self { idp, app }
    }

    /// What a program asks that is no browser.
    async fn ask(&self, from: &str, path: &str, token: Option<&str>) -> Response<Bytes> {
        let mut request = Request::get(path).header("host", "127.0.0.1:3000");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.extension(connection(from)).body(Body::empty()).unwrap();
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }

    /// How many of these answers an attacker gets before the edge has enough.
    async fn tries(&self, path: &str, token: Option<&str>, answer: StatusCode) -> usize {
        let mut tried = 0;
        loop {
            let status = self.ask(ATTACKER, path, token).await.status();
            if status == StatusCode::TOO_MANY_REQUESTS {
                return tried;
            }
            assert_eq!(status, answer, "{path}, try {tried}");
            tried += 1;
            assert!(tried <= BURST, "nobody stopped them");
        }
    }

    async fn signed_in(&self) -> Browser {
        let mut browser = Browser::new().app(ORIGIN, self.app.clone()).extension(connection(HONEST));
        browser.sign_in("/login", "bob").await.unwrap();
        assert!(browser.cookie("session").is_some());
        browser
    }
}

fn connection(from: &str) -> Connection {
    Connection::new(from.parse::<SocketAddr>().unwrap())
}

/// As a page opens a WebSocket; from another page than the app's own where `from` names one.
fn handshake(path: &str, from: Option<&str>) -> Request<Bytes> {
    let request = Request::get(path).header("connection", "Upgrade").header("upgrade", "websocket");
    let request = request.header("sec-fetch-mode", "websocket").header("origin", from.unwrap_or(ORIGIN));
    request.body(Bytes::new()).unwrap()
}

/// As a page opens an `EventSource`. Browsers name no origin where it is the page's own.
fn events(path: &str, from: Option<&str>) -> Request<Bytes> {
    let request = Request::get(path).header("accept", "text/event-stream");
    match from {
        Some(origin) => request.header("origin", origin),
        None => request,
    }
    .body(Bytes::new())
    .unwrap()
}

#[tokio::test]
async fn who_guesses_tokens_pays_twice_and_nobody_else_pays() {
    let scene = Scene::start().await;
    let forged = scene.idp.mint().user("alice").foreign_key().token();
    assert_eq!(scene.tries("/live", Some(&forged), StatusCode::UNAUTHORIZED).await, BURST / 2);
    let good = scene.idp.mint().user("bob").token();
    let refused = scene.ask(ATTACKER, "/live", Some(&good)).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "what they have found out is of no use now");
    assert_eq!(refused.headers()["retry-after"], "60");
    for asked in 0..BURST {
        assert_eq!(scene.ask(HONEST, "/live", Some(&good)).await.status(), StatusCode::OK, "{asked}");
    }
}

#[tokio::test]
async fn who_forges_log_ins_pays_twice_and_nobody_else_pays() {
    let scene = Scene::start().await;
    let forged = "/login/callback?code=guessed&state=guessed";
    assert_eq!(scene.tries(forged, None, StatusCode::BAD_REQUEST).await, BURST / 2);
    scene.signed_in().await;
}

/// The control of the two before it: what is no failed credential costs one.
#[tokio::test]
async fn who_asks_for_open_pages_pays_once() {
    let scene = Scene::start().await;
    assert_eq!(scene.tries("/", None, StatusCode::OK).await, BURST);
}

#[tokio::test]
async fn a_session_is_all_that_a_socket_or_event_stream_of_the_own_page_needs() {
    let scene = Scene::start().await;
    let mut browser = scene.signed_in().await;
    let mut stranger = Browser::new().app(ORIGIN, scene.app.clone()).extension(connection(HONEST));
    for request in [handshake("/live", None), events("/live", None)] {
        let page = browser.ask(request.clone()).await.unwrap();
        assert_eq!((page.status(), &*page.text()), (StatusCode::OK, "bob"), "{request:?}");
        assert_eq!(stranger.ask(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn another_sites_page_opens_neither_in_the_name_of_who_is_signed_in() {
    let scene = Scene::start().await;
    let mut browser = scene.signed_in().await;
    // The first has no cookie of this site to send; the second has: ports don't divide sites.
    for (from, site) in [("https://evil.example", "cross-site"), ("http://127.0.0.1:3003", "same-site")] {
        let socket = browser.ask(handshake("/live", Some(from))).await.unwrap();
        assert_eq!(socket.status(), StatusCode::FORBIDDEN, "{from}");
        assert!(socket.text().contains("cross-site"), "{}", socket.text());
        let stream = browser.ask(events("/live", Some(from))).await.unwrap();
        let status = if site == "cross-site" { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        assert_eq!(stream.status(), status, "{from}");
        // What the browser was sent it does not show to that page.
        assert!(!stream.headers().contains_key("access-control-allow-origin"), "{:?}", stream.headers());
        assert_eq!(stream.headers()["cross-origin-resource-policy"], "same-origin");
    }
}

/// RFC 9700 §4.3.2 and RFC 6750 §2.2, §2.3: neither in the address nor in a form.
#[tokio::test]
async fn a_token_in_the_address_is_none() {
    let scene = Scene::start().await;
    let token = scene.idp.mint().user("bob").token();
    assert_eq!(scene.ask(HONEST, "/live", Some(&token)).await.status(), StatusCode::OK, "the token is good");
    for name in ["access_token", "token", "authorization"] {
        let path = format!("/live?{name}={token}");
        let refused = scene.ask(HONEST, &path, None).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{name}");
        assert!(refused.headers()["www-authenticate"].as_bytes().starts_with(b"Bearer"));
        let said = String::from_utf8_lossy(refused.body());
        assert!(!said.contains(&token), "{said}");
        let mut page = Browser::new().app(ORIGIN, scene.app.clone()).extension(connection(HONEST));
        for request in [handshake(&path, None), events(&path, None)] {
            assert_eq!(page.ask(request).await.unwrap().status(), StatusCode::UNAUTHORIZED, "{name}");
        }
    }
    let form = Request::post("/live")
        .header("host", "127.0.0.1:3000")
        .header("content-type", "application/x-www-form-urlencoded")
        .extension(connection(HONEST))
        .body(Body::from(format!("access_token={token}")));
    let answer = scene.app.clone().oneshot(form.unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}
