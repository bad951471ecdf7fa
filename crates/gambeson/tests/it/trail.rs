//! The audit trail as `gambeson.toml` describes it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use gambeson::audit_trail::{SigningKey, StoredEvent, TrailErrorKind, VerifyOptions, read_heads, verify};
use gambeson::core::{Spawn, TokioSpawn};
use gambeson::hardening_headers::serve::{Server, serve};
use gambeson::rbac::{Routes, need};
use gambeson::{Config, Kit, Protected};
use gambeson_testing::{DevIdp, eventually};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::POLICY;

const SECRET: &str = "thirty-two bytes that nobody may guess";
const SECRETS: &str = "[secrets]\nallow = ['file://app/*']\nfile-roots.app = 'keys'\n";
const KEYS: &str = "[audit-trail.keys]\nsecret = 'file://app/audit-secret'\n";

/// A folder with a policy and secrets that only their owner can read.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    for (name, text) in [
        ("policy.toml", POLICY),
        ("keys/audit-secret", SECRET),
        ("keys/short", "too short"),
        ("keys/audit.pem", crate::kit::SIGNING_KEY),
        ("keys/anchor-token", "let-me-in\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    #[cfg(unix)]
    for file in std::fs::read_dir(folder.path().join("keys")).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let only_owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(file.unwrap().path(), only_owner).unwrap();
    }
    folder
}

fn config(folder: &Path, issuer: &str, more: &str) -> Config {
    let file = format!(
        "[oidc-auth]\nissuer = '{issuer}'\naudience = 'notes'\n[otel-setup]\nservice = 'notes'\n\
         [hardening-headers]\npublic-origin = 'http://127.0.0.1:3000'\n\
         [audit-trail]\ndirectory = 'audit'\n{more}"
    );
    let development = [("GAMBESON_PROFILE".to_owned(), "development".to_owned())];
    Config::parse(&file, development).unwrap().in_folder(folder)
}

async fn open(folder: &Path, more: &str) -> Result<Kit, String> {
    let config = config(folder, "https://id.example.com", more);
    Kit::open(&config).await.map_err(|error| error.to_string())
}

/// An app whose people are known, and whose acts are on record.
async fn app(folder: &Path, idp: &DevIdp, more: &str) -> (Protected, Kit) {
    let kit = Kit::open(&config(folder, idp.issuer(), more)).await.unwrap();
    kit.ready().await.unwrap();
    let (router, authorize): (Router, _) = Routes::new(kit.policy())
        .run_in(kit.profile())
        .get("/notes", need("notes:read"), async || "the notes")
        .post("/notes", need("notes:write"), async || StatusCode::CREATED)
        .into_parts()
        .unwrap();
    (kit.stack(authorize).unwrap().protect(router), kit)
}

async fn ask(app: &Protected, method: &str, token: Option<&str>) -> StatusCode {
    let mut request = Request::builder().method(method).uri("/notes").header("host", "127.0.0.1:3000");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    answer.into_body().collect().await.unwrap();
    status
}

async fn idp() -> DevIdp {
    DevIdp::builder().bind("127.0.0.1:0").audience("notes").start().await.unwrap()
}

fn events(kit: &Kit) -> Vec<StoredEvent> {
    kit.trail().unwrap().recent(None, 100).unwrap()
}

fn text_in(trail: &Path) -> String {
    std::fs::read_to_string(trail.join("trail-000001.jsonl")).unwrap()
}

#[tokio::test]
async fn names_of_people_are_sealed_and_the_secret_s_own_reading_is_on_record() {
    let (folder, idp) = (folder(), idp().await);
    let more = format!("{KEYS}subjects = 'subjects'\n{SECRETS}");
    let (app, kit) = app(folder.path(), &idp, &more).await;
    assert_eq!(ask(&app, "GET", Some(&idp.mint().user("alice").token())).await, StatusCode::OK);

    let all = events(&kit);
    let secret = all.iter().find(|event| event.action == "secret.read").unwrap();
    assert_eq!(secret.object.as_deref(), Some("file://app/audit-secret"), "before the trail was open");
    let read = all.iter().find(|event| event.action == "notes:read").unwrap();
    assert_eq!(read.subject.as_ref().unwrap().sub, "alice");
    let text = text_in(&folder.path().join("audit"));
    assert!(
        text.contains("\"sub\":\"sealed:") && !text.contains("alice") && !text.contains(SECRET),
        "{text}"
    );
    assert!(!format!("{kit:?}").contains(SECRET));
}

#[tokio::test]
async fn without_keys_of_subjects_names_are_keyed_digests() {
    let (folder, idp) = (folder(), idp().await);
    let (app, kit) = app(folder.path(), &idp, &format!("{KEYS}{SECRETS}")).await;
    ask(&app, "GET", Some(&idp.mint().user("alice").token())).await;
    kit.close(Duration::from_secs(20)).await.unwrap();
    let text = text_in(&folder.path().join("audit"));
    assert!(text.contains("\"sub\":\"hmac:") && !text.contains("alice"), "{text}");
}

#[tokio::test]
async fn what_is_wrong_with_the_trail_is_told_at_once_and_nothing_is_written() {
    let folder = folder();
    let more = format!(
        "limits = {{ queue-events = 1, personal-data = 'sealed' }}\n\
         [audit-trail.keys]\nsecret = 'file://app/short'\n\
         [audit-trail.signing]\nname = 'example.com/notes'\nkey = 'file://app/audit-secret'\n\
         [[audit-trail.anchors]]\ntoken = 'file://app/gone'\npublishing = {{ attempts = 0 }}\n\
         [[audit-trail.anchors]]\nurl = 'https://notes:{{hunter2@heads.example.com'\n\
         [[audit-trail.anchors]]\nurl = 'ftp://heads.example.com/?key=hunter2'\n\
         [[audit-trail.anchors]]\nurl = 'https://heads.example.com'\ntoken = 'file://app/gone'\n\
         [[audit-trail.anchors]]\nurl = 'heads.example.com'\n\
         [[audit-trail.anchors]]\nfile = 'heads.jsonl'\nstdout = true\n{SECRETS}"
    );
    let said = open(folder.path(), &more).await.unwrap_err();
    for part in [
        "audit-trail.limits.queue-events = 1: set at least 8",
        "audit-trail.keys.subjects: name the folder",
        "audit-trail.keys.secret = file://app/short: the audit trail's secret has 9 bytes",
        "audit-trail.signing = file://app/audit-secret: not an Ed25519 private key",
        "audit-trail.anchors[0]: name one of url, file and stdout = true",
        "audit-trail.anchors[0].token: only a URL takes a token",
        "audit-trail.anchors[0].publishing.attempts = 0: set at least 1",
        "audit-trail.anchors[1].url: name the URL without user and password",
        "audit-trail.anchors[2].url = ftp://heads.example.com/: write a URL",
        "audit-trail.anchors[3].token = file://app/gone: ",
        "audit-trail.anchors[4].url = heads.example.com: write a URL",
        "audit-trail.anchors[5]: name one of url, file and stdout = true",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(!said.contains("hunter2") && !said.contains("too short"), "{said}");
    assert!(!folder.path().join("audit").exists() && !folder.path().join("heads.jsonl").exists());

    let said = open(folder.path(), "anchors = [{ file = 'gone/heads.jsonl' }]").await.unwrap_err();
    assert!(
        said.contains("audit-trail.anchors[0].file = ") && said.contains("in a folder that exists"),
        "{said}"
    );
    assert!(!folder.path().join("audit").exists());
    let said =
        open(folder.path(), &format!("{KEYS}{SECRETS}privileged = ['file://app/*']")).await.unwrap_err();
    let cure = "audit-trail.keys.secret = file://app/audit-secret: leave it out of secrets.privileged";
    assert!(said.contains(cure), "{said}");
}

#[tokio::test]
async fn parts_of_a_trail_need_a_trail_and_secrets() {
    let folder = folder();
    let said = open(folder.path(), KEYS).await.unwrap_err();
    assert!(said.contains("audit-trail.keys.secret = file://app/audit-secret: allow it in"), "{said}");
    let said = open(folder.path(), "limits = { personal-data = 'hmac' }").await.unwrap_err();
    assert!(said.contains("audit-trail.limits.personal-data = hmac: name the secret"), "{said}");

    let all = format!(
        "{KEYS}[audit-trail.signing]\nname = 'n'\nkey = 'file://app/k'\n[[audit-trail.anchors]]\nstdout = true\n\
         [audit-trail.copies]\ndirectories = ['b']\n[audit-trail.outcomes]\n"
    );
    let mut config = config(folder.path(), "https://id.example.com", &all);
    config.audit_trail.directory = None;
    let error = Kit::open(&config).await.unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
    let parts =
        ["keys", "signing", "anchors", "copies", "outcomes"].map(|part| format!("audit-trail.{part}"));
    assert_eq!(fields, parts, "{error}");
}

#[tokio::test]
async fn production_keeps_no_names_in_the_clear_unless_it_says_so() {
    let folder = folder();
    for (limits, refused) in [("", true), ("limits = { personal-data = 'plain' }", false)] {
        let mut config = config(folder.path(), "https://id.example.com", limits);
        config.profile = gambeson::Profile::Production;
        let said = Kit::open(&config).await.map_or_else(|error| error.to_string(), |_| String::new());
        assert_eq!(said.contains("audit-trail.keys: production keeps no names"), refused, "{limits}: {said}");
    }
}

/// A signed trail goes on with its key, or with one that names it; without one, and with another, the app does not start.
#[tokio::test]
async fn a_signed_trail_goes_on_with_its_key_or_one_that_names_it() {
    let folder = folder();
    let (pem, other) = (folder.path().join("keys/audit.pem"), folder.path().join("keys/other.pem"));
    std::fs::copy(pem, &other).unwrap();
    let newer = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
                 -----END PRIVATE KEY-----\n";
    std::fs::write(other, newer).unwrap();
    let key = SigningKey::from_pkcs8("example.com/notes", crate::kit::SIGNING_KEY.as_bytes()).unwrap();
    let table = |file: &str| {
        format!("{SECRETS}[audit-trail.signing]\nname = 'example.com/notes'\nkey = 'file://app/{file}'\n")
    };
    let close = |kit: Kit| kit.trail().unwrap().close(Duration::from_secs(20)).unwrap();
    close(open(folder.path(), &table("audit.pem")).await.unwrap());
    let said = open(folder.path(), SECRETS).await.unwrap_err();
    assert!(said.contains("audit-trail.directory = ") && said.contains("give the key"), "{said}");
    let said = open(folder.path(), &table("other.pem")).await.unwrap_err();
    assert!(said.contains("name the previous public key"), "{said}");
    let named = format!("{}previous = ['{}']\n", table("other.pem"), key.public());
    close(open(folder.path(), &named).await.unwrap());
    close(open(folder.path(), &table("other.pem")).await.unwrap());
    let wrong = format!("[audit-trail]\ndirectory = 'audit'\n{}previous = ['no key']\n", table("other.pem"));
    let said = Config::parse(&wrong, []).unwrap_err().to_string();
    assert!(said.contains("\"no key\" is not a public key of the form NAME+ID+KEY"), "{said}");
}

#[tokio::test]
async fn each_trail_has_the_events_and_too_few_refuse_them() {
    let (folder, idp) = (folder(), idp().await);
    let more = "[audit-trail.copies]\ndirectories = ['second']\n[audit-trail.outcomes]\n";
    let (app, kit) = app(folder.path(), &idp, more).await;
    ask(&app, "GET", Some(&idp.mint().user("alice").token())).await;
    kit.close(Duration::from_secs(20)).await.unwrap();
    for name in ["audit", "second"] {
        let report = verify(folder.path().join(name), &VerifyOptions::default()).unwrap();
        assert!(report.closed && text_in(&folder.path().join(name)).contains("notes:read"), "{name}");
    }
    drop((app, kit));
    for (copies, said) in [
        ("quorum = { at-least = 3 }", "audit-trail.copies.quorum = 3: set 1 to 2"),
        ("deadline = '0s'", "give it a deadline over zero"),
        ("directories = ['audit']", "name each folder once"),
        ("directories = ['second', 'second']\nquorum = 'any'", "name each folder once"),
        ("directories = []", "audit-trail.copies.directories: name a folder"),
    ] {
        let folder = crate::trail::folder();
        let directories = if copies.contains("directories") { "" } else { "directories = ['second']" };
        let more = format!("[audit-trail.copies]\n{directories}\n{copies}\n");
        let error = open(folder.path(), &more).await.unwrap_err();
        assert!(error.contains(said), "{said:?} is not in {error}");
        assert!(!folder.path().join("audit").exists(), "nothing is opened: {copies}");
    }
}

#[tokio::test]
async fn a_copy_that_the_quorum_can_do_without_keeps_no_app_from_starting() {
    let (folder, idp) = (folder(), idp().await);
    let more = |quorum| {
        format!("[audit-trail.copies]\ndirectories = ['policy.toml/copy', 'third']\nquorum = {quorum}\n")
    };
    let error = open(folder.path(), &more("'all'")).await.unwrap_err();
    assert!(
        error.contains("audit-trail.copies.directories = ") && error.contains("policy.toml/copy"),
        "{error}"
    );
    assert!(!error.contains("third"), "it is there: {error}");
    let (app, kit) = app(folder.path(), &idp, &more("{ at-least = 2 }")).await;
    ask(&app, "GET", Some(&idp.mint().user("alice").token())).await;
    let metrics = kit.telemetry().metrics_text();
    let told = |part: &str| {
        let start = format!("gambeson_health{{part=\"{part}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&*start)).unwrap().to_owned()
    };
    assert_ne!(told("audit-copy.1"), told("audit-copy.2"), "{metrics}");
    assert_eq!(told("audit-copy.2"), told("audit-trail"), "{metrics}");
    kit.close(Duration::from_secs(20)).await.unwrap();
    for name in ["audit", "third"] {
        assert!(text_in(&folder.path().join(name)).contains("notes:read"), "{name}");
    }
}

#[tokio::test]
async fn a_decision_and_its_outcome_have_one_id() {
    let (folder, idp) = (folder(), idp().await);
    let (app, kit) = app(folder.path(), &idp, "[audit-trail.outcomes]\nchanges-only = true\n").await;
    let alice = idp.mint().user("alice").token();
    let bob = idp.mint().user("bob").token();
    for (method, token, status) in [
        ("GET", Some(&*alice), StatusCode::OK),
        ("POST", Some(&*alice), StatusCode::CREATED),
        ("POST", Some(&*bob), StatusCode::FORBIDDEN),
        ("POST", None, StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(ask(&app, method, token).await, status);
    }
    let all = events(&kit);
    let outcomes: Vec<_> = all.iter().filter(|event| event.action == "request.outcome").collect();
    let told: Vec<_> =
        outcomes.iter().map(|event| (event.outcome.as_str(), event.reason.as_deref())).collect();
    assert_eq!(told, [("success", None), ("denied", Some("forbidden"))], "{all:?}");
    for outcome in outcomes {
        let same =
            |event: &&StoredEvent| event.action == "notes:write" && event.request_id == outcome.request_id;
        assert_eq!(all.iter().filter(same).count(), 1, "{all:?}");
        assert!(outcome.request_id.is_some());
    }
}

/// What an anchor was sent: the authorization, and the head.
type Told = Arc<Mutex<Vec<(String, String)>>>;

async fn anchor(State(told): State<Told>, headers: HeaderMap, body: String) -> StatusCode {
    let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    told.lock().unwrap().push((authorization.unwrap_or_default(), body));
    StatusCode::NO_CONTENT
}

#[tokio::test]
async fn heads_are_sent_to_each_anchor_with_its_token_and_the_last_before_the_app_ends() {
    let folder = folder();
    let told = Told::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/heads", axum::routing::post(anchor)).with_state(told.clone());
    TokioSpawn::new().spawn(Box::pin(async move { drop(serve(listener, router, Server::new()).await) }));
    let more = format!(
        "[[audit-trail.anchors]]\nfile = 'heads.jsonl'\n\
         [[audit-trail.anchors]]\nurl = 'http://{address}/heads'\ntoken = 'file://app/anchor-token'\n{SECRETS}"
    );
    let kit = open(folder.path(), &more).await.unwrap();
    let first = || async { told.lock().unwrap().first().cloned() };
    let (authorization, body) = eventually(Duration::from_secs(20), first).await.unwrap();
    assert_eq!(authorization, "Bearer let-me-in");
    assert!(body.starts_with("{\"instance\":\""), "{body}");
    let metrics = kit.telemetry().metrics_text();
    for part in ["audit-anchor", "audit-anchor.2", "audit-trail"] {
        assert!(metrics.contains(&format!("gambeson_health{{part=\"{part}\"}}")), "{part}: {metrics}");
    }

    let head = kit.close(Duration::from_secs(20)).await.unwrap().unwrap();
    // Nothing is waited for any more: who closes it may end the process.
    let in_file = read_heads(folder.path().join("heads.jsonl")).unwrap();
    assert_eq!(in_file.last().unwrap().head, head);
    let (_, sent) = told.lock().unwrap().last().cloned().unwrap();
    assert!(sent.contains(&head.to_string()), "{sent}");
    let text = text_in(&folder.path().join("audit"));
    let readings = text.matches("secret.read").count();
    assert_eq!(readings, 1, "a publication gives the trail nothing new to publish: {text}");
}

#[tokio::test]
async fn a_last_head_that_is_not_published_is_told() {
    let folder = folder();
    let (close, closed) = tokio::sync::oneshot::channel::<()>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let full = async || StatusCode::INSUFFICIENT_STORAGE;
    let router = Router::new().route("/heads", axum::routing::post(full));
    let server = Server::new().shutdown(async { drop(closed.await) });
    TokioSpawn::new().spawn(Box::pin(async move { drop(serve(listener, router, server).await) }));
    let more = format!(
        "[[audit-trail.anchors]]\nurl = 'http://{address}/heads'\npublishing = {{ attempts = 1 }}\n\
         [audit-trail.copies]\ndirectories = ['second']"
    );
    let kit = open(folder.path(), &more).await.unwrap();
    let error = kit.close(Duration::from_secs(20)).await.unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Unpublished);
    let said = "the last head is not published to http: the anchor answered 507";
    assert!(error.to_string().contains(said), "{error}");
    for name in ["audit", "second"] {
        assert!(verify(folder.path().join(name), &VerifyOptions::default()).unwrap().closed, "{name}");
    }
    drop(close);
}
