//! What every authorization layer must do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gambeson_core::{
    Answer, AuditError, AuditErrorKind, AuditEvent, AuditSink, Authentication, Challenges, Durability,
    GrpcStatus, Principal, Receipt, RequestFacts, RequestHead,
};
use gambeson_rbac::{AuthorizeLayer, GrpcMethod, Policy, PolicyHandle};
use gambeson_testing::authorization::{self, App, Caller, Check, Guard};
use http::{Method, Request};
use tower::Layer;

use crate::support::request as of_role;

const POLICY: &str = r#"
version = 1
[permissions]
"notes:read" = {}
"notes:write" = {}
"notes:delete" = { privileged = true, audit = "strict" }
"notes:purge" = { privileged = true, audit = "strict" }
[roles]
viewer = { grants = ["*:read"] }
editor = { inherits = ["viewer"], grants = ["notes:write"] }
admin = { inherits = ["editor"], grants = ["notes:*"] }
reader = { inherits = ["admin"], deny = ["*:write", "*:delete", "*:purge"] }
[routes]
"GET /notes" = { perm = "notes:read" }
"POST /notes" = { perm = "notes:write" }
"DELETE /notes/{id}" = { perm = "notes:delete" }
"DELETE /notes" = { perm = "notes:purge" }
"GET /livez" = { public = "probe" }
"POST /notes.v1.Notes/List" = { perm = "notes:read" }
"POST /notes.v1.Notes/Purge" = { perm = "notes:purge" }
"#;

fn template<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    match head.uri.path() {
        "/hidden" => None,
        "/notes/1" => Some("/notes/{id}"),
        path => Some(path),
    }
}

/// Has no room for purges: what must be on record can't be decided without it.
#[derive(Debug)]
struct Full;

impl AuditSink for Full {
    fn record(&self, event: AuditEvent, _: Durability) -> Answer<Result<Receipt, AuditError>> {
        Answer::Ready(match &*event.action {
            "notes:purge" => Err(AuditError::new(AuditErrorKind::Unavailable)),
            _ => Ok(Receipt::stored(1)),
        })
    }
}

fn asking(method: Method, path: &'static str, caller: &Caller) -> Request<()> {
    let mut request = Request::builder().method(method).uri(path).body(()).unwrap();
    let principal = Principal::user(caller.issuer.as_str(), caller.subject.as_str());
    let principal = match &caller.tenant {
        Some(tenant) => principal.tenant(tenant.as_str()),
        None => principal,
    };
    let principal = caller.roles.iter().fold(principal, |principal, role| principal.role(role.as_str()));
    let authentication = Authentication::Verified(principal.build(), Challenges::none());
    RequestFacts::ensure(&mut request).authenticate(authentication).unwrap();
    request
}

fn ask(
    method: Method,
    path: &'static str,
    role: Option<&'static str>,
) -> impl Fn() -> Request<()> + Send + Sync + 'static {
    move || of_role(method.clone(), path, role).map(|_| ())
}

fn wider() -> PolicyHandle {
    POLICY.replace("[routes]", "stranger = { grants = [\"*:read\"] }\n[routes]").parse().unwrap()
}

/// What does not depend on routes and answers; reloads put one of two texts of the same meaning in force.
fn known(guard: Guard, policy: PolicyHandle) -> Guard {
    let (reloaded, loads) = (policy.clone(), AtomicUsize::new(0));
    let reload = move || {
        let text = format!("# {}\n{POLICY}", loads.fetch_add(1, Ordering::SeqCst));
        assert!(reloaded.replace(&text).unwrap().changed());
    };
    guard
        .reload(reload)
        .reading(move || policy.policy())
        .except(Check::EmptyRequirement, "a rule without a permission is an error, see the test below")
}

fn guard() -> Guard {
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let wider = AuthorizeLayer::new(&wider(), template);
    let layer = AuthorizeLayer::new(&policy, template).audit(Arc::new(Full));
    let guard = Guard::new(
        move |app: App| layer.layer(app),
        ask(Method::GET, "/notes", Some("viewer")),
        ask(Method::GET, "/notes", Some("stranger")),
    );
    known(guard, policy)
        .nobody(ask(Method::GET, "/notes", None))
        .undecidable(ask(Method::DELETE, "/notes", Some("admin")))
        .callers("viewer", |caller| asking(Method::GET, "/notes", caller))
        .wider(move |app: App| wider.layer(app))
}

/// Each route with each role, and what no route is.
fn with_all_cells(mut guard: Guard) -> Guard {
    let roles = [None, Some("stranger"), Some("viewer"), Some("reader"), Some("editor"), Some("admin")];
    for (method, path, who) in [
        (Method::GET, "/notes", &roles[2..]),
        (Method::HEAD, "/notes", &roles[2..]),
        (Method::POST, "/notes", &roles[4..]),
        (Method::DELETE, "/notes/1", &roles[5..]),
        (Method::GET, "/livez", &roles[..]),
        (Method::HEAD, "/livez", &roles[..]),
        (Method::PUT, "/notes", &[]),
        (Method::OPTIONS, "/notes", &[]),
        (Method::POST, "/livez", &[]),
        (Method::GET, "/unknown", &[]),
        (Method::GET, "/hidden", &[]),
        (Method::GET, "/notes/", &[]),
        (Method::GET, "//notes", &[]),
    ] {
        for role in roles {
            let name = format!("{method} {path} as {}", role.unwrap_or("nobody"));
            guard = guard.cell(name, who.contains(&role), ask(method.clone(), path, role));
        }
    }
    guard
}

#[cfg(feature = "axum-router")]
fn on_router(guard: Guard) -> Guard {
    let policy: PolicyHandle = POLICY.parse().unwrap();
    guard.on_router("/notes", move |router| router.layer(policy.authorize_layer()))
}

#[cfg(not(feature = "axum-router"))]
fn on_router(guard: Guard) -> Guard {
    guard.except(Check::UnnamedRoute, "without the feature there is no source of axum's templates")
}

#[tokio::test]
async fn the_layer_authorizes_as_it_must() {
    authorization::check(&on_router(with_all_cells(guard()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layer_authorizes_as_it_must_on_many_threads() {
    authorization::check(&guard().except(Check::UnnamedRoute, "see above")).await;
}

#[tokio::test]
async fn the_layer_authorizes_grpc_as_it_must() {
    const LIST: &str = "/notes.v1.Notes/List";
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let wider = AuthorizeLayer::new(&wider(), GrpcMethod).respond_with(GrpcStatus);
    let layer = AuthorizeLayer::new(&policy, GrpcMethod).respond_with(GrpcStatus).audit(Arc::new(Full));
    let guard = Guard::new(
        move |app: App| layer.layer(app),
        ask(Method::POST, LIST, Some("viewer")),
        ask(Method::POST, LIST, Some("stranger")),
    );
    let guard = known(guard, policy)
        .nobody(ask(Method::POST, LIST, None))
        .undecidable(ask(Method::POST, "/notes.v1.Notes/Purge", Some("admin")))
        .callers("viewer", |caller| asking(Method::POST, LIST, caller))
        .cell(
            "another method of the service",
            false,
            ask(Method::POST, "/notes.v1.Notes/Drop", Some("admin")),
        )
        .cell("another spelling", false, ask(Method::POST, "/notes.v1.Notes/%4cist", Some("admin")))
        .wider(move |app: App| wider.layer(app))
        .except(Check::UnnamedRoute, "gRPC methods are their own names");
    authorization::check(&guard).await;
}

#[test]
fn a_rule_without_a_permission_is_an_error() {
    for rule in ["{}", "{ perm = \"\" }", "{ perm = [] }", "\"\"", "[]"] {
        let text =
            format!("version = 1\n[permissions]\n\"notes:read\" = {{}}\n[routes]\n\"GET /notes\" = {rule}\n");
        assert!(Policy::parse(&text).is_err(), "{rule}");
    }
}
