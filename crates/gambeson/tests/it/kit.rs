//! The stack from `gambeson.toml` and variables.

use axum::Router;
use axum::body::Body;
use gambeson::core::ConfigError;
use gambeson::rbac::{Routes, need, public};
use gambeson::{Config, Kit, Protected};
use gambeson_testing::{DevClient, DevIdp};
use http::{Request, StatusCode};
use tower::ServiceExt;

const FILE: &str = r#"
[hardening-headers]
public-origin = "http://127.0.0.1:3000"
reports = "/.well-known/reports"
[oidc-auth]
audience = "notes"
[oidc-auth.dpop]
public-origin = "http://127.0.0.1:3000"
[oidc-auth.denylist]
[otel-setup]
service = "notes"
[[cost-guard.quotas]]
scope = "api/{subject}"
requests = 2
"#;

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::parse(text, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

async fn app(idp: &DevIdp, folder: &std::path::Path) -> (Protected, Kit) {
    std::fs::write(folder.join("policy.toml"), crate::POLICY).unwrap();
    let variables = [
        ("GAMBESON_PROFILE", "development"),
        ("GAMBESON_OIDC_AUTH__ISSUER", idp.issuer()),
        ("GAMBESON_AUDIT_TRAIL__DIRECTORY", "audit"),
        ("GAMBESON_OIDC_AUTH__LOGIN__CLIENT_ID", "web"),
        ("GAMBESON_OIDC_AUTH__LOGIN__PUBLIC_ORIGIN", "http://127.0.0.1:3000"),
    ];
    let kit = Kit::open(&parse(FILE, &variables).unwrap().in_folder(folder)).await.unwrap();
    kit.ready().await.unwrap();
    let routes = Routes::new(kit.policy())
        .run_in(kit.profile())
        .get("/notes", need("notes:read"), async || "the notes")
        .get("/", public("the front door"), async || "welcome");
    let (router, authorize): (Router, _) = kit.mount(routes).into_parts().unwrap();
    let stack = kit.stack(authorize).unwrap();
    let report = stack.report();
    let login = report.layer("LoginLayer").unwrap();
    assert!(login.settings.ends_with("ends access tokens too") && login.weaknesses.is_empty(), "{report}");
    (stack.protect(router), kit)
}

async fn ask(app: &Protected, path: &str, token: Option<&str>) -> http::Response<Body> {
    let mut request = Request::get(path).header("host", "127.0.0.1:3000");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_file_and_variables_make_a_whole_stack() {
    let idp = DevIdp::builder().bind("127.0.0.1:0").audience("notes").start().await.unwrap();
    idp.register(DevClient::public("web").redirect_uri("http://127.0.0.1:3000/login/callback")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (app, kit) = app(&idp, folder.path()).await;
    let token = idp.mint().user("alice").token();

    let welcome = ask(&app, "/", None).await;
    assert_eq!(welcome.status(), StatusCode::OK);
    assert!(welcome.headers().contains_key("content-security-policy"));
    let nobody = ask(&app, "/notes", None).await;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    let mut schemes = nobody.headers().get_all("www-authenticate").iter();
    assert!(schemes.any(|value| value.as_bytes().starts_with(b"DPoP algs=")), "proofs are taken");
    for expected in [StatusCode::OK, StatusCode::OK, StatusCode::TOO_MANY_REQUESTS] {
        assert_eq!(ask(&app, "/notes", Some(&token)).await.status(), expected);
    }
    let denylist = kit.denylist().unwrap();
    denylist.deny(&gambeson::oidc_auth::Denial::subject(idp.issuer(), "alice"));
    assert_eq!(ask(&app, "/notes", Some(&token)).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&app, "/livez", None).await.status(), StatusCode::OK, "probes are mounted");
    let page = Request::get("/notes?page=2").header("host", "127.0.0.1:3000").header("accept", "text/html");
    let page = app.clone().oneshot(page.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(page.status(), StatusCode::SEE_OTHER, "a person who opens a page is sent to the log-in");
    assert_eq!(page.headers()["location"], "/login?return_to=%2Fnotes%3Fpage%3D2");
    let login = ask(&app, "/login", None).await;
    assert_eq!(login.status(), StatusCode::SEE_OTHER);
    assert!(login.headers()["location"].to_str().unwrap().starts_with(idp.issuer()));
    assert!(folder.path().join("audit").read_dir().unwrap().next().is_some(), "the trail is kept");
}

#[tokio::test]
async fn the_provider_may_tell_of_log_outs_and_ends_api_tokens() {
    let idp = DevIdp::builder().bind("127.0.0.1:0").audience("notes").start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (app, _kit) = app(&idp, folder.path()).await;
    let token = idp.mint().user("alice").claim("sid", "s").token();
    assert_eq!(ask(&app, "/notes", Some(&token)).await.status(), StatusCode::OK);
    let tell = async |logout: String| {
        let request = Request::post("/logout/backchannel")
            .header("host", "127.0.0.1:3000")
            .header("origin", idp.issuer())
            .header("sec-fetch-site", "cross-site")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("logout_token={logout}")));
        app.clone().oneshot(request.unwrap()).await.unwrap()
    };
    let forged = idp.mint_logout("web").claim("sid", "s").foreign_key().token();
    assert_eq!(tell(forged).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(ask(&app, "/notes", Some(&token)).await.status(), StatusCode::OK);
    let told = tell(idp.mint_logout("web").claim("sid", "s").token()).await;
    assert_eq!(
        (told.status(), &told.headers()["cache-control"]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    assert_eq!(ask(&app, "/notes", Some(&token)).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn browsers_report_and_a_person_gets_a_proposal() {
    let idp = DevIdp::builder().bind("127.0.0.1:0").audience("notes").start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (app, kit) = app(&idp, folder.path()).await;
    let welcome = Request::get("/").header("host", "127.0.0.1:3000").body(Body::empty()).unwrap();
    assert_eq!(app.clone().oneshot(welcome).await.unwrap().status(), StatusCode::OK);
    let post = async |path: &str, kind: &str| {
        let report = r#"{"csp-report": {"document-uri": "http://127.0.0.1:3000/", "effective-directive": "img-src",
                          "blocked-uri": "https://cdn.example.com/cat.png"}}"#;
        // Of a sandboxed page: no origin that could be compared.
        let request = Request::post(path)
            .header("host", "127.0.0.1:3000")
            .header("origin", "null")
            .header("content-type", kind)
            .body(Body::from(report));
        app.clone().oneshot(request.unwrap()).await.unwrap().status()
    };
    assert_eq!(post("/.well-known/reports", "application/csp-report").await, StatusCode::NO_CONTENT);
    assert_eq!(post("/.well-known/reports", "application/json").await, StatusCode::FORBIDDEN);
    assert_eq!(post("/notes", "application/csp-report").await, StatusCode::FORBIDDEN);
    let suggestion = kit.reports().unwrap().suggest(&gambeson::hardening_headers::Csp::web());
    assert_eq!(
        suggestion.to_toml(),
        "[hardening-headers.csp-add]\nimg-src = [\"https://cdn.example.com\"]\n"
    );
}

#[tokio::test]
async fn wrong_paths_and_bounds_of_reports_are_told_once() {
    let text = r#"
        [hardening-headers]
        csp-report-only = { policy = "img-src self", percent = 120 }
        [hardening-headers.reports]
        path = "reports"
        per-minute = 0
        [oidc-auth]
        issuer = "http://127.0.0.1:3001"
        audience = "notes"
        [otel-setup]
        service = "notes"
    "#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.toml"), crate::POLICY).unwrap();
    let config = parse(text, &[("GAMBESON_PROFILE", "development")]).unwrap().in_folder(folder.path());
    let error = Kit::open(&config).await.unwrap_err();
    let mut fields: Vec<_> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
    fields.sort_unstable();
    let expected = ["csp-report-only.policy", "reports.path", "reports.per-minute"];
    assert_eq!(fields, expected.map(|field| format!("hardening-headers.{field}")), "{error}");
    let unknown = parse("[hardening-headers.reports]\npath = '/r'\nentires = 5", &[]).unwrap_err();
    assert!(unknown.to_string().contains("hardening-headers.reports"), "{unknown}");
    assert!(unknown.to_string().contains("entries"), "the nearest known name is told: {unknown}");
}

#[tokio::test]
async fn production_refuses_every_shortcut_at_once() {
    let text = r#"
        [hardening-headers]
        public-origin = "https://notes.example.com"
        [oidc-auth]
        issuer = "http://127.0.0.1:3001"
        audience = "notes"
        [oidc-auth.login]
        client-id = "web"
        public-origin = "https://notes.example.com"
        [otel-setup]
        endpoint = "http://collector.example:4318"
        [cost-guard]
        [[cost-guard.budgets]]
        scope = "user/{subject}"
        limit = "0.05 USD"
    "#;
    let folder = tempfile::tempdir().unwrap();
    let error = Kit::open(&parse(text, &[]).unwrap().in_folder(folder.path())).await.unwrap_err();
    let said = error.to_string();
    for part in [
        "hardening-headers.proxies",
        "oidc-auth.issuer",
        "policy.toml",
        "otel-setup.service",
        "audit-trail.directory",
        "stack.instances",
        "stack.dangerously-forget-spending-on-restart",
        "collector.example",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

/// As all paths of the file.
#[cfg(feature = "tls")]
#[tokio::test]
async fn certificates_are_looked_for_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[hardening-headers.serve.tls]\ncertificate = 'chain.pem'\nkey = 'key.pem'";
    let error = Kit::open(&parse(text, &[]).unwrap().in_folder(folder.path())).await.unwrap_err();
    let looked = format!("certificate chain {}", folder.path().join("chain.pem").display());
    assert!(error.to_string().contains(&looked), "{error}");
}

/// Used proofs and denials of one instance are nothing to another.
#[tokio::test]
async fn production_asks_how_many_instances_share_what_is_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (table, asked) in [("[oidc-auth.dpop]", true), ("[oidc-auth.denylist]", true), ("", false)] {
        let text = format!("[oidc-auth]\nissuer = 'https://id.example.com'\naudience = 'notes'\n{table}");
        let error = Kit::open(&parse(&text, &[]).unwrap().in_folder(folder.path())).await.unwrap_err();
        assert_eq!(error.to_string().contains("stack.instances"), asked, "{table}: {error}");
    }
}

#[tokio::test]
async fn paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    for (name, text) in [
        ("keys/model", "not to be told"),
        ("policy.toml", crate::POLICY),
        (
            "gambeson.toml",
            "[secrets]\nallow = ['file://app/*']\nrequire = ['file://app/model']\nfile-roots.app = 'keys'\n\
             [audit-trail]\ndirectory = 'audit'\n[otel-setup]\nservice = 'notes'\n\
             [oidc-auth]\nissuer = 'https://id.example.com'\naudience = 'notes'",
        ),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut config = Config::from_path(folder.path().join("gambeson.toml")).unwrap();
    config.profile = gambeson::Profile::Development;
    let kit = Kit::open(&config).await.unwrap();
    assert!(kit.secrets().is_some() && folder.path().join("audit").is_dir());

    let stack = kit.stack(gambeson::rbac::AuthorizeLayer::axum(kit.policy())).unwrap();
    let report = stack.report();
    assert!(report.layer("AuthorizeLayer").unwrap().weaknesses.is_empty(), "{report}");
    assert!(!report.to_string().contains("not to be told"));
    assert!(Config::from_path(folder.path().join("elsewhere.toml")).is_err());
}

/// The example of RFC 8410 §10.3.
pub(crate) const SIGNING_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";

#[tokio::test]
async fn the_trail_is_signed_and_its_heads_are_published_as_the_file_says() {
    use gambeson::audit_trail::{SigningKey, VerifyOptions, read_heads, verify};
    let folder = tempfile::tempdir().unwrap();
    let text = "[audit-trail]\ndirectory = 'audit'\nanchors = [{ file = 'heads.jsonl' }]\n\
                [audit-trail.signing]\nname = 'example.com/notes'\nkey = 'file://app/audit.pem'\n\
                [secrets]\nallow = ['file://app/*']\nfile-roots.app = 'keys'\n[otel-setup]\nservice = 'notes'\n\
                [oidc-auth]\nissuer = 'https://id.example.com'\naudience = 'notes'";
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    for (name, text) in [("policy.toml", crate::POLICY), ("gambeson.toml", text)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut config = Config::from_path(folder.path().join("gambeson.toml")).unwrap();
    config.profile = gambeson::Profile::Development;
    let error = Kit::open(&config).await.unwrap_err().to_string();
    assert!(error.contains("audit-trail.signing.key = file://app/audit.pem"), "{error}");
    assert!(!folder.path().join("audit").exists(), "nothing is written unsigned");

    std::fs::write(folder.path().join("keys/audit.pem"), SIGNING_KEY).unwrap();
    let kit = Kit::open(&config).await.unwrap();
    let head = kit.close(std::time::Duration::from_secs(20)).await.unwrap().unwrap();
    let published = || read_heads(folder.path().join("heads.jsonl")).unwrap();
    assert_eq!(published().last().unwrap().head, head);
    let key = SigningKey::from_pkcs8("example.com/notes", SIGNING_KEY.as_bytes()).unwrap();
    let options = VerifyOptions::default().key(key.public().clone()).anchored(published());
    let report = verify(folder.path().join("audit"), &options).unwrap();
    assert!(report.signed.is_some() && report.anchored > 0, "{report:?}");
}

#[tokio::test]
async fn other_services_get_the_tokens_that_the_file_describes() {
    let file = |origin: &str| {
        format!(
            "[oidc-auth]\nissuer = 'https://id.example.com'\naudience = 'notes'\n\
             [oidc-auth.outgoing.stock]\norigins = ['{origin}']\ntoken = 'workload-file'\nfile = '/run/token'\n\
             [otel-setup]\nservice = 'notes'\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.toml"), crate::POLICY).unwrap();
    let open = async |origin: &str| {
        let development = [("GAMBESON_PROFILE", "development")];
        Kit::open(&parse(&file(origin), &development).unwrap().in_folder(folder.path())).await
    };
    let kit = open("https://stock.example.com").await.unwrap();
    assert!(kit.outgoing("stock").is_some() && kit.outgoing("orders").is_none());
    let error = open("http://stock.example.com").await.unwrap_err().to_string();
    assert!(error.contains("oidc-auth.outgoing.stock.origins"), "{error}");
}

/// A mesh in front: the proxy ends TLS, and says which service it let in. Nobody else can say so.
#[tokio::test]
async fn services_are_known_by_the_certificates_that_a_declared_proxy_tells() {
    const ORDERS: &str = "spiffe://example.org/ns/shop/sa/orders";
    let file = format!(
        "[hardening-headers]\npublic-origin = 'http://127.0.0.1:3000'\n\
         [hardening-headers.proxies]\nranges = ['10.0.3.0/24']\nclient-certificate = true\nclient-certificate-names = true\n\
         [oidc-auth]\nissuer = 'https://id.example.com'\naudience = 'notes'\n\
         [[oidc-auth.certificates.services]]\nname = '{ORDERS}'\nroles = ['viewer']\n\
         [otel-setup]\nservice = 'notes'\n"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.toml"), crate::POLICY).unwrap();
    let config = parse(&file, &[("GAMBESON_PROFILE", "development")]).unwrap().in_folder(folder.path());
    let kit = Kit::open(&config).await.unwrap();
    let (router, authorize): (Router, _) = Routes::new(kit.policy())
        .run_in(kit.profile())
        .get("/notes", need("notes:read"), async || "the notes")
        .into_parts()
        .unwrap();
    let stack = kit.stack(authorize).unwrap();
    assert!(stack.report().layer("CertificateLayer").unwrap().settings.contains(ORDERS));
    let app = stack.protect(router);
    let told = format!("By=spiffe://example.org/proxy;URI={ORDERS}");
    let other = "URI=spiffe://example.org/ns/shop/sa/other";
    for (neighbour, told, token, status) in [
        ("10.0.3.1:5", Some(&*told), None, StatusCode::OK),
        ("10.0.3.1:5", Some(other), None, StatusCode::UNAUTHORIZED),
        ("10.0.3.1:5", None, None, StatusCode::UNAUTHORIZED),
        ("10.0.3.1:5", Some(&*told), Some("Bearer junk"), StatusCode::UNAUTHORIZED),
        ("203.0.113.9:5", Some(&*told), None, StatusCode::UNAUTHORIZED),
    ] {
        let connection = gambeson::hardening_headers::Connection::new(neighbour.parse().unwrap());
        let mut request = Request::get("/notes").header("host", "127.0.0.1:3000").extension(connection);
        if let Some(told) = told {
            request = request.header("x-forwarded-client-cert", told);
        }
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), status, "{neighbour} {told:?} {token:?}");
        if answer.status() == StatusCode::UNAUTHORIZED {
            assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        }
    }
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn several_instances_share_sessions_where_the_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("policy.toml", crate::POLICY);
    write("keys/redis-url", "rediss://notes:hunter2@redis.example.com:6379");
    write("keys/session", "thirty-two bytes that all have in common");
    #[cfg(unix)]
    for name in ["keys/redis-url", "keys/session"] {
        use std::os::unix::fs::PermissionsExt;
        // Production reads no secret that others on the machine can read.
        std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let file = |instances: &str, redis: &str| {
        format!(
            "[stack]\n{instances}\n[hardening-headers]\npublic-origin = 'https://notes.example.com'\nproxies.direct = true\n\
             [oidc-auth]\nissuer = 'https://id.example.com'\naudience = 'notes'\n\
             [oidc-auth.login]\nclient-id = 'web'\npublic-origin = 'https://notes.example.com'\n{redis}\n\
             [secrets]\nallow = ['file://app/*']\nfile-roots.app = 'keys'\n\
             [audit-trail]\ndirectory = 'audit'\nlimits.personal-data = 'plain'\n[otel-setup]\nservice = 'notes'\n"
        )
    };
    let open = async |instances: &str, redis: &str| {
        let config = parse(&file(instances, redis), &[]).unwrap().in_folder(folder.path());
        Kit::open(&config).await.map_err(|error| error.to_string())
    };
    let redis =
        "[oidc-auth.denylist]\n[oidc-auth.redis]\nurl = 'file://app/redis-url'\nkey = 'file://app/session'";
    let kit = open("instances = 2", redis).await.unwrap();
    let login = format!("{:?}", kit.login());
    assert!(login.contains("RedisSessions") && !login.contains("hunter2"), "{login}");
    assert!(format!("{:?}", kit.denylist()).contains("RedisDenials"));
    for (instances, redis, said) in [
        ("instances = 2", "", "[oidc-auth.redis]"),
        ("", redis, "stack.instances"),
        ("instances = 2", "[oidc-auth.redis]\nkey = 'file://app/session'", "oidc-auth.redis.url"),
        ("instances = 2", "[oidc-auth.redis]\nurl = 'file://app/redis-url'", "oidc-auth.redis.key"),
        (
            "instances = 2",
            "[oidc-auth.redis]\nurl = 'rediss://redis.example'\nkey = 'file://app/session'",
            "env://REDIS_URL",
        ),
        (
            "instances = 2",
            "[oidc-auth.redis]\nurl = 'file://app/redis-url'\nkey = 'file://app/gone'",
            "oidc-auth.redis.key",
        ),
        (
            "instances = 2",
            "[oidc-auth.redis]\nurl = 'file://app/redis-url'\nkey = 'file://app/session'\nper-subject = 0",
            "per-subject",
        ),
    ] {
        let error = open(instances, redis).await.unwrap_err();
        assert!(error.contains(said) && !error.contains("hunter2"), "{said} is not in {error}");
    }
}
