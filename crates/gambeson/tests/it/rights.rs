//! What people may do as `gambeson.toml` says: roles for a time, and the next policy beside the one in force.

use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request as AxumRequest, State};
use gambeson::core::RequestFacts;
use gambeson::rbac::{Activations, Routes, need};
use gambeson::{Config, Kit, Protected, Stack};
use gambeson_testing::DevIdp;
use http::{Method, Request, StatusCode};
use tower::ServiceExt;

const POLICY: &str = r#"
version = 1
[permissions]
"notes:read" = {}
"notes:delete" = {}
"role:take" = {}
[roles]
viewer = { grants = ["notes:read"] }
editor = { inherits = ["viewer"], grants = ["role:take"] }
admin = { grants = ["notes:delete"] }
[[break_glass]]
role = "admin"
who = ["role:editor"]
max = "1h"
"#;

fn config(folder: &Path, issuer: &str, rbac: &str) -> Config {
    let file = format!(
        "[oidc-auth]\nissuer = '{issuer}'\naudience = 'notes'\n[otel-setup]\nservice = 'notes'\n\
         [hardening-headers]\npublic-origin = 'http://127.0.0.1:3000'\n[audit-trail]\ndirectory = 'audit'\n{rbac}"
    );
    let development = [("GAMBESON_PROFILE".to_owned(), "development".to_owned())];
    Config::parse(&file, development).unwrap().in_folder(folder)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
    folder
}

async fn idp() -> DevIdp {
    DevIdp::builder().bind("127.0.0.1:0").audience("notes").start().await.unwrap()
}

async fn take(State(activations): State<Option<Activations>>, request: AxumRequest) -> StatusCode {
    let facts = RequestFacts::of(request.extensions()).cloned().unwrap();
    let Some(activations) = activations else { return StatusCode::NOT_FOUND };
    match activations.break_glass(&facts, "admin", "incident 42", Duration::from_secs(600)).await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::FORBIDDEN,
    }
}

async fn app(folder: &Path, idp: &DevIdp, rbac: &str) -> (Protected, Kit) {
    let (app, kit, _) = reported(folder, idp, rbac).await;
    (app, kit)
}

async fn reported(folder: &Path, idp: &DevIdp, rbac: &str) -> (Protected, Kit, Stack) {
    let kit = Kit::open(&config(folder, idp.issuer(), rbac)).await.unwrap();
    kit.ready().await.unwrap();
    let (router, authorize) = Routes::new(kit.policy())
        .run_in(kit.profile())
        .get("/notes", need("notes:read"), async || "the notes")
        .delete("/notes", need("notes:delete"), async || StatusCode::NO_CONTENT)
        .post("/role", need("role:take"), take)
        .into_parts()
        .unwrap();
    let router = router.with_state(kit.activations().cloned());
    let stack = kit.stack(authorize).unwrap();
    (stack.protect(router), kit, stack)
}

async fn ask(app: &Protected, method: Method, path: &str, token: &str) -> StatusCode {
    let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:3000");
    let request = request.header("authorization", format!("Bearer {token}")).body(Body::empty());
    app.clone().oneshot(request.unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn a_role_that_was_taken_holds_again_after_a_restart_if_the_file_keeps_it() {
    let idp = idp().await;
    let (alice, bob) = (idp.mint().user("alice").token(), idp.mint().user("bob").token());
    for (rbac, kept) in [
        ("[rbac.activations]\nfile = 'activations.toml'", StatusCode::NO_CONTENT),
        ("[rbac.activations]", StatusCode::FORBIDDEN),
    ] {
        let folder = folder();
        let (before, kit) = app(folder.path(), &idp, rbac).await;
        assert_eq!(ask(&before, Method::DELETE, "/notes", &alice).await, StatusCode::FORBIDDEN);
        assert_eq!(ask(&before, Method::POST, "/role", &alice).await, StatusCode::NO_CONTENT);
        assert_eq!(ask(&before, Method::DELETE, "/notes", &alice).await, StatusCode::NO_CONTENT);
        assert_eq!(ask(&before, Method::DELETE, "/notes", &bob).await, StatusCode::FORBIDDEN, "hers alone");
        let events = kit.trail().unwrap().recent(None, 100).unwrap();
        let taken = events.iter().find(|event| event.action == "role.activate").unwrap();
        assert_eq!((taken.outcome.as_str(), &*taken.details["why"]), ("success", "incident 42"));
        kit.close(Duration::from_secs(20)).await.unwrap();
        drop((before, kit));

        let (after, _kit) = app(folder.path(), &idp, rbac).await;
        assert_eq!(ask(&after, Method::DELETE, "/notes", &alice).await, kept, "{rbac}");
    }
}

/// A process that stops may end a role after the next one has looked: that one must not write what it has read.
#[tokio::test]
async fn opening_leaves_the_file_of_activations_as_it_is() {
    let (folder, idp) = (folder(), idp().await);
    let file = folder.path().join("activations.toml");
    let opened = config(folder.path(), idp.issuer(), "[rbac.activations]\nfile = 'activations.toml'");
    Kit::open(&opened).await.unwrap();
    assert!(!file.exists());
    let kept = "activation = []  # by another process\nversion = 1\n";
    std::fs::write(&file, kept).unwrap();
    Kit::open(&opened).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), kept);
}

#[tokio::test]
async fn what_is_over_leaves_the_file_of_activations_when_the_app_ends() {
    let (folder, idp) = (folder(), idp().await);
    let file = folder.path().join("activations.toml");
    let opened = config(folder.path(), idp.issuer(), "[rbac.activations]\nfile = 'activations.toml'");
    let kit = Kit::open(&opened).await.unwrap();
    let alice = gambeson::core::Principal::user("https://id.example", "alice").role("editor").build();
    let facts = RequestFacts::new();
    let verified = gambeson::core::Authentication::Verified(alice, gambeson::core::Challenges::none());
    facts.authenticate(verified).unwrap();
    let taken =
        kit.activations().unwrap().break_glass(&facts, "admin", "incident 42", Duration::from_nanos(1));
    taken.await.unwrap();
    assert!(std::fs::read_to_string(&file).unwrap().contains("alice"));
    kit.close(Duration::from_secs(20)).await.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("alice") && !text.contains("incident"), "{text}");
}

#[tokio::test]
async fn the_file_of_activations_is_another_process_s_until_a_role_is_taken() {
    let folder = folder();
    let (file, rbac) =
        (folder.path().join("activations.toml"), "[rbac.activations]\nfile = 'activations.toml'");
    let open = async || Kit::open(&config(folder.path(), "https://id.example.com", rbac)).await;
    drop(open().await.unwrap());
    assert!(!file.exists(), "it is made when there is something in it");
    // As the process before leaves it that is about to end.
    let kept = "version = 1 # kept\nactivation = []\n";
    std::fs::write(&file, kept).unwrap();
    drop(open().await.unwrap());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), kept);
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with("activations")).collect();
    names.sort();
    assert_eq!(names, ["activations.toml", "activations.toml.lock"]);
}

#[tokio::test]
async fn roles_that_nobody_can_take_are_a_weakness() {
    let (folder, idp) = (folder(), idp().await);
    for (rbac, weak) in [("", true), ("[rbac.activations]", false)] {
        let (_, kit, stack) = reported(folder.path(), &idp, rbac).await;
        let report = stack.report();
        let told = report.weaknesses().any(|(layer, what)| {
            layer == "AuthorizeLayer" && what.contains("nobody can take the roles of [[break_glass]]")
        });
        assert_eq!(told, weak, "{rbac}: {report}");
        kit.close(Duration::from_secs(20)).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_takes_a_role_where_the_file_has_no_table_for_it() {
    let (folder, idp) = (folder(), idp().await);
    let (app, kit) = app(folder.path(), &idp, "").await;
    assert!(kit.activations().is_none());
    let alice = idp.mint().user("alice").token();
    assert_eq!(ask(&app, Method::POST, "/role", &alice).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_next_policy_decides_beside_and_is_put_on_record() {
    let (folder, idp) = (folder(), idp().await);
    let stricter = POLICY.replace("viewer = { grants = [\"notes:read\"] }", "viewer = {}");
    std::fs::write(folder.path().join("next.toml"), stricter).unwrap();
    let (app, kit, stack) = reported(folder.path(), &idp, "[rbac]\nshadow = 'next.toml'").await;
    let bob = idp.mint().user("bob").token();
    assert_eq!(ask(&app, Method::GET, "/notes", &bob).await, StatusCode::OK);
    let events = kit.trail().unwrap().recent(None, 100).unwrap();
    let differs = events.iter().find(|event| event.reason.as_deref() == Some("shadow-differs")).unwrap();
    assert_eq!(differs.details["shadow_outcome"], "denied");
    assert!(kit.shadow().is_some());
    assert!(
        stack.report().to_string().contains("the next policy differs in 1 of 1 decisions"),
        "{}",
        stack.report()
    );
}

#[tokio::test]
async fn the_policies_are_on_record_from_the_start_on() {
    let (folder, idp) = (folder(), idp().await);
    std::fs::write(folder.path().join("next.toml"), format!("{POLICY}\n# next")).unwrap();
    let (_, kit) = app(folder.path(), &idp, "[rbac]\nshadow = 'next.toml'").await;
    std::fs::write(folder.path().join("policy.toml"), "version = 9").unwrap();
    kit.policy().reload().unwrap_err();
    let events = kit.trail().unwrap().recent(None, 100).unwrap();
    let loads: Vec<_> = events
        .iter()
        .filter(|event| event.action == "policy.load")
        .map(|event| {
            (event.object.as_deref().unwrap(), event.outcome.as_str(), event.policy.as_deref().unwrap())
        })
        .collect();
    let (policy, shadow) = (kit.policy().policy(), kit.shadow().unwrap().policy());
    assert_eq!(
        loads,
        [
            ("policy/in-force", "success", policy.digest()),
            ("policy/shadow", "success", shadow.digest()),
            ("policy/in-force", "failed", policy.digest()),
        ]
    );
}

#[tokio::test]
async fn what_is_wrong_with_rights_is_told_at_the_start() {
    let folder = folder();
    std::fs::write(folder.path().join("damaged.toml"), "version = 9").unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    for (rbac, said) in [
        ("[rbac]\nshadow = 'gone.toml'", "rbac.shadow = "),
        ("[rbac.activations]\nfile = 'gone/a.toml'", "rbac.activations.file = "),
        ("[rbac.activations]\nfile = 'gone/a.toml'", "in a folder that exists"),
        ("[rbac.activations]\nfile = 'damaged.toml'", "the file of activations is damaged"),
        (
            "[rbac.activations]\nfile = 'damaged.toml'",
            "damaged.toml: put back what this app wrote, or move it",
        ),
        ("[rbac.activations]\nfile = 'folder'", "rbac.activations.file = "),
        (
            "[rbac.activations]\nfile = 'folder'",
            "/folder: name a file that this process may read and write (",
        ),
    ] {
        let error = Kit::open(&config(folder.path(), "https://id.example.com", rbac)).await.unwrap_err();
        assert!(error.to_string().contains(said), "{said:?} is not in {error}");
    }
    let mut unrecorded = config(folder.path(), "https://id.example.com", "[rbac.activations]");
    unrecorded.audit_trail.directory = None;
    let error = Kit::open(&unrecorded).await.unwrap_err().to_string();
    assert!(error.contains("rbac.activations: a role is taken on record only"), "{error}");
    let mut production = config(folder.path(), "https://id.example.com", "[rbac.activations]");
    production.profile = gambeson::Profile::Production;
    let error = Kit::open(&production).await.unwrap_err().to_string();
    assert!(error.contains("stack.instances: roles that are taken"), "{error}");
    let unknown =
        Config::parse("[rbac.activations]\nfiel = 'a'\n[audit-trail.key]\n", []).unwrap_err().to_string();
    for part in [
        "rbac.activations.fiel: there is no such setting: write file",
        "audit-trail.key: there is no such setting: write keys",
    ] {
        assert!(unknown.contains(part), "{part:?} is not in {unknown}");
    }
}
