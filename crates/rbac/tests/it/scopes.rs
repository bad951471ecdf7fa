//! Path parameters that must name what is the caller's.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use gambeson_core::{
    Authentication, Challenges, ManualClock, Mode, Outcome, Principal, PrincipalBuilder, RequestFacts,
    RequestHead, Timestamp,
};
use gambeson_rbac::{
    ActivationErrorKind, Activations, AuthorizeLayer, Authorizer, MemoryActivations, Policy, PolicyHandle,
    Routes, need, public,
};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};

use crate::support::{Inner, Sink, request, request_of};

const POLICY: &str = r#"
version = 1
[permissions]
"notes:read" = {}
[roles]
viewer = { grants = ["notes:read"] }
[routes]
"GET /{tenant}/notes/{id}" = { perm = "notes:read", scope = { tenant = "path:tenant" } }
"GET /users/{sub}" = { perm = "notes:read", scope = { subject = "path:sub" } }
"#;

async fn show(Path((tenant, id)): Path<(String, String)>) -> String {
    format!("{tenant} {id}")
}

fn routes(sink: &Sink) -> Routes {
    let (policy, sink): (PolicyHandle, _) = (POLICY.parse().unwrap(), Arc::new(sink.clone()));
    Routes::new(&policy)
        .get("/{tenant}/notes/{id}", need("notes:read").tenant_in("tenant"), show)
        .get("/users/{sub}", need("notes:read").subject_in("sub"), || async {})
        .authorize(|layer| layer.audit(sink))
}

async fn ask(app: &Router, path: &str, role: Option<&str>) -> StatusCode {
    app.clone().oneshot(request(Method::GET, path, role).map(Body::new)).await.unwrap().status()
}

#[test]
fn a_scope_that_code_lacks_is_told_with_the_call_to_add() {
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let routes = Routes::<()>::new(&policy).get("/{tenant}/notes/{id}", need("notes:read"), async || ()).get(
        "/users/{sub}",
        need("notes:read").tenant_in("sub"),
        async || (),
    );
    let said = routes.build().unwrap_err().to_string();
    assert!(
        said.contains("code has no scope: add `.tenant_in(\"tenant\")` there, or drop it here"),
        "{said}"
    );
    assert!(said.contains("code says the scope is `tenant = path:sub`: make both the same"), "{said}");
}

const CASES: [(&str, Option<&str>, u16); 12] = [
    ("/acme/notes/1", Some("viewer"), 200),
    ("/globex/notes/1", Some("viewer"), 404),
    ("/ACME/notes/1", Some("viewer"), 404),
    ("/acme%20/notes/1", Some("viewer"), 404),
    ("/%61cme/notes/1", Some("viewer"), 200),
    ("/acme%2f../notes/1", Some("viewer"), 404),
    ("/%ff/notes/1", Some("viewer"), 404),
    ("/globex/notes/1", Some("stranger"), 403),
    ("/acme/notes/1", Some("stranger"), 403),
    ("/globex/notes/1", None, 401),
    ("/users/alice", Some("viewer"), 200),
    ("/users/bob", Some("viewer"), 404),
];

#[tokio::test]
async fn another_tenant_is_not_found() {
    let app = routes(&Sink::default()).build().unwrap();
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let plain: Router = Router::new()
        .route("/{tenant}/notes/{id}", axum::routing::get(show))
        .route("/users/{sub}", axum::routing::get(|| async {}))
        .layer(policy.authorize_layer());
    for (path, role, expected) in CASES {
        assert_eq!(ask(&app, path, role).await, expected, "{path} {role:?}");
        assert_eq!(ask(&plain, path, role).await, expected, "plain {path} {role:?}");
    }
}

#[tokio::test]
async fn the_layer_reads_what_the_handler_reads() {
    let app = routes(&Sink::default()).build().unwrap();
    let answer =
        app.oneshot(request(Method::GET, "/%61c%6De/notes/a%2fb", Some("viewer")).map(Body::new)).await;
    let body = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "acme a/b");
}

#[tokio::test]
async fn a_nested_router_has_the_outer_parameter_too() {
    let text = POLICY
        .replace("\"GET /users/{sub}\" = { perm = \"notes:read\", scope = { subject = \"path:sub\" } }", "");
    let policy: PolicyHandle = text.parse().unwrap();
    let inner = Router::new().route("/notes/{id}", axum::routing::get(show));
    let app: Router = Router::new().nest("/{tenant}", inner).layer(policy.authorize_layer());
    assert_eq!(ask(&app, "/acme/notes/1", Some("viewer")).await, 200);
    assert_eq!(ask(&app, "/globex/notes/acme", Some("viewer")).await, 404);
}

#[tokio::test]
async fn a_scope_is_never_only_observed_and_its_refusal_is_on_record() {
    let sink = Sink::default();
    let observing = Mode::Observe { until: Timestamp::from_unix_seconds(1_000) };
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(100)));
    let app = routes(&sink).authorize(move |layer| layer.mode(observing).clock(clock)).build().unwrap();
    assert_eq!(ask(&app, "/globex/notes/1", None).await, 401, "nobody is in no tenant");
    sink.take();
    for role in ["viewer", "stranger"] {
        assert_eq!(ask(&app, "/globex/notes/1", Some(role)).await, 404, "{role}");
        let (event, _) = sink.take().remove(0);
        assert_eq!((event.outcome, event.reason.as_deref()), (Outcome::Denied, Some("not-found")));
    }
    assert_eq!(ask(&app, "/acme/notes/1", Some("stranger")).await, 200);
}

#[tokio::test]
async fn without_a_source_of_parameters_nobody_passes() {
    fn by_path<'a>(_: &RequestHead<'a>) -> Option<&'a str> {
        Some("/users/{sub}")
    }
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let layer = AuthorizeLayer::new(&policy, by_path).audit(Arc::new(Sink::default()));
    assert_eq!(layer.check().unwrap_err().problems()[0].field, "rbac.parameters");
    let until = Timestamp::from_unix_seconds(i64::MAX);
    for layer in [layer.clone(), layer.clone().mode(Mode::Observe { until })] {
        let inner = Inner::default();
        let answer =
            layer.layer(inner.clone()).oneshot(request(Method::GET, "/users/alice", Some("viewer"))).await;
        assert_eq!((answer.unwrap().status().as_u16(), inner.calls()), (503, 0));
    }
    let own = |head: &RequestHead<'_>, name: &str| {
        assert_eq!(name, "sub");
        head.uri.path().rsplit('/').next().map(str::to_owned)
    };
    let layer = layer.parameters_from(own);
    layer.check().unwrap();
    for (path, expected) in [("/users/alice", 200), ("/users/bob", 404)] {
        let answer = layer.layer(Inner::default()).oneshot(request(Method::GET, path, Some("viewer"))).await;
        assert_eq!(answer.unwrap().status(), expected);
    }
}

#[test]
fn scopes_that_cannot_be_read_are_told_of() {
    let text = r#"version = 1
[permissions]
a = {}
[routes]
"GET /{x}" = { perm = "a", scope = { tenant = "path:y" } }
"GET /{x}/b" = { perm = "a", scope = { tenant = "header:x" } }
"GET /{x}/c" = { perm = "a", scope = {} }
"GET /{x}/d" = { public = "why", scope = { tenant = "path:x" } }
"GET /{x}/e" = { perm = "a", scope = { tenent = "path:x" } }
fallback = { perm = "a", scope = { tenant = "path:x" } }
"#;
    let error = Policy::parse(text).unwrap_err();
    let found: Vec<_> = error.findings().iter().map(|finding| (finding.id, finding.position.line)).collect();
    let expected = [
        ("unknown-parameter", 5),
        ("route-scope", 6),
        ("route-scope", 7),
        ("public-with-terms", 8),
        ("unknown-key", 9),
        ("route-scope", 10),
    ];
    assert_eq!(found, expected, "{error}");

    let policy: PolicyHandle = POLICY.parse().unwrap();
    let error = Routes::<()>::new(&policy)
        .get("/{tenant}/notes/{id}", need("notes:read"), || async {})
        .get("/users/{sub}", need("notes:read").subject_in("name"), || async {})
        .get("/open/{tenant}", public("why").tenant_in("tenant"), || async {})
        .fallback(need("notes:read").tenant_in("tenant"), || async {})
        .build()
        .unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(|problem| &*problem.field).collect();
    for field in [
        "routes.\"GET /{tenant}/notes/{id}\"",
        "routes.\"GET /users/{sub}\"",
        "routes.\"GET /open/{tenant}\"",
        "routes.fallback",
    ] {
        assert!(fields.contains(&field), "{field} in {error}");
    }
}

const SEVERAL: &str = r#"
version = 1
[permissions]
"notes:read" = {}
[roles]
viewer = { grants = ["notes:read"] }
[claims.a]
issuer = "https://a.example"
roles_at = "roles"
tenants = ["acme", "eu-*"]
[claims.b]
issuer = "https://b.example"
roles_at = "roles"
tenants = ["globex"]
[claims.c]
issuer = "https://c.example"
roles_at = "roles"
[claims.edge]
issuer = "https://edge.example"
tenants = ["*"]
[services]
jobs = { issuer = "https://edge.example", roles = ["viewer"] }
others = { issuer = "https://other.example", roles = ["viewer"] }
[routes]
"GET /{tenant}/notes" = { perm = "notes:read", scope = { tenant = "path:tenant" } }
"GET /mine" = { perm = "notes:read" }
"#;

/// What a caller is answered who says to be of this tenant and asks for what is its own, where the route has a scope; and
/// whether the handler's own question comes to the same.
async fn own_notes(policy: &PolicyHandle, caller: PrincipalBuilder, tenant: &str) -> (u16, bool) {
    let record = tenant.to_owned();
    let app: Router = Router::new()
        .route("/{tenant}/notes", axum::routing::get(|| async {}))
        .route(
            "/mine",
            axum::routing::get(async move |authz: Authorizer| {
                assert_eq!(authz.tenant().is_some(), authz.same_tenant(&record).is_ok());
                authz.same_tenant(&record).map(|()| "")
            }),
        )
        .layer(policy.authorize_layer());
    let caller = caller.role("viewer").tenant(tenant).build();
    let ask = async |path: &str| {
        let request = request_of(Method::GET, path, Some(caller.clone()));
        app.clone().oneshot(request.map(Body::new)).await.unwrap().status().as_u16()
    };
    let status = ask(&format!("/{tenant}/notes")).await;
    let of_own = policy.policy().tenant(&caller).is_some();
    // Where the policy says who names whom, no handler runs for a caller of a tenant that is another's.
    let mine = if of_own { 200 } else { 503 };
    (status, ask("/mine").await == mine && of_own == (status == 200))
}

#[tokio::test]
async fn an_issuer_cannot_name_the_tenant_of_another() {
    let policy: PolicyHandle = SEVERAL.parse().unwrap();
    let user = |issuer: &'static str| Principal::user(issuer, "alice");
    let service = |issuer: &'static str, name| Principal::service(issuer, name);
    for (caller, tenant, expected) in [
        (user("https://a.example"), "acme", 200),
        (user("https://a.example"), "eu-7", 200),
        (user("https://a.example"), "globex", 404),
        (user("https://b.example"), "globex", 200),
        (user("https://b.example"), "acme", 404),
        // One that is bound to none names none.
        (user("https://c.example"), "acme", 404),
        (user("https://c.example"), "other", 404),
        (service("https://edge.example", "jobs"), "acme", 200),
        (service("https://other.example", "others"), "acme", 404),
    ] {
        let said = format!("{caller:?} {tenant}");
        assert_eq!(own_notes(&policy, caller, tenant).await, (expected, true), "{said}");
    }
}

/// The path is the template.
fn own_path<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    Some(head.uri.path()).filter(|path| ["/mine", "/livez"].contains(path))
}

/// What the handler would spend and record would be another tenant's.
#[tokio::test]
async fn who_says_to_be_of_a_tenant_of_another_issuer_reaches_no_handler() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(100)));
    let policy: PolicyHandle =
        format!("{SEVERAL}\"GET /livez\" = {{ public = \"probe\" }}\n").parse().unwrap();
    let caller = |issuer: &'static str| Principal::user(issuer, "alice").role("viewer").tenant("globex");
    let (own, other) = (caller("https://b.example").build(), caller("https://a.example").build());
    let stranger = caller("https://stranger.example").build();
    let until = Timestamp::from_unix_seconds(1_000);
    for mode in [Mode::Enforce, Mode::Observe { until }] {
        let inner = Inner::default();
        let layer = AuthorizeLayer::new(&policy, own_path).mode(mode).clock(clock.clone());
        let ask = async |path: &str, caller: &Principal| {
            let request = request_of(Method::GET, path, Some(caller.clone()));
            layer.clone().layer(inner.clone()).oneshot(request).await.unwrap().status().as_u16()
        };
        assert_eq!(ask("/mine", &own).await, 200);
        assert_eq!(ask("/livez", &other).await, 200, "what is public stays so");
        assert_eq!(inner.calls(), 2);
        for (path, caller, expected) in
            [("/mine", &other, 503), ("/mine", &stranger, 503), ("/none", &other, 404)]
        {
            assert_eq!(ask(path, caller).await, expected, "{path} {caller:?} {mode:?}");
        }
        assert_eq!(inner.calls(), 2, "{mode:?}");
    }
    let by_other = caller("https://b.example").actor(other.clone()).build();
    assert!(policy.policy().may(&own, "notes:read") && !policy.policy().may(&by_other, "notes:read"));
    let why = policy.policy().why(&other, "GET /mine").to_string();
    assert!(why.contains("stage: caller") && why.contains("list it in `tenants`"), "{why}");
}

/// Of several issuers, none of which is said to name any: their callers are in no tenant, and may what asks for none.
#[tokio::test]
async fn where_no_table_says_tenants_nobody_is_refused_for_one() {
    let bound = [
        "tenants = [\"acme\", \"eu-*\"]",
        "tenants = [\"globex\"]",
        "[claims.edge]\nissuer = \"https://edge.example\"\ntenants = [\"*\"]",
    ];
    let text = bound.iter().fold(SEVERAL.to_owned(), |text, line| text.replace(line, ""));
    let policy: PolicyHandle = text.parse().unwrap();
    let layer = AuthorizeLayer::new(&policy, own_path);
    let alice = Principal::user("https://a.example", "alice").role("viewer").tenant("acme").build();
    assert_eq!(policy.policy().tenant(&alice), None);
    let inner = Inner::default();
    let request = request_of(Method::GET, "/mine", Some(alice));
    assert_eq!(layer.layer(inner.clone()).oneshot(request).await.unwrap().status(), 200);
    assert_eq!(inner.calls(), 1);
}

/// A table that only says which tenants an issuer of services may name makes no second issuer of persons.
#[tokio::test]
async fn a_table_for_services_changes_nothing_for_persons() {
    let text = r#"
version = 1
[permissions]
"notes:read" = {}
[roles]
viewer = { grants = ["notes:read"] }
[claims.id]
issuer = "https://a.example"
roles_at = "roles"
[services]
"spiffe://prod.example/jobs" = ["viewer"]
[[break_glass]]
role = "viewer"
who = ["group:oncall"]
max = "1h"
[routes]
"GET /{tenant}/notes" = { perm = "notes:read", scope = { tenant = "path:tenant" } }
"GET /mine" = { perm = "notes:read" }
"GET /users/{sub}" = { perm = "notes:read", scope = { subject = "path:sub" } }
"#;
    let alice = || Principal::user("https://a.example", "alice");
    let jobs = || Principal::service("spiffe://prod.example", "spiffe://prod.example/jobs");
    let without: PolicyHandle = text.parse().unwrap();
    assert_eq!(own_notes(&without, alice(), "acme").await, (200, true));
    assert_eq!(own_notes(&without, jobs(), "acme").await.0, 404);
    let table = "[claims.edge]\nissuer = \"spiffe://prod.example\"\ntenants = [\"acme\"]\n[services]";
    let with: PolicyHandle = text.replace("[services]", table).parse().unwrap();
    assert_eq!(own_notes(&with, alice(), "any").await, (200, true));
    assert_eq!(own_notes(&with, jobs(), "acme").await, (200, true));
    assert_eq!(own_notes(&with, jobs(), "globex").await, (404, true));
    // Nor do persons of that issuer open break-glass by a group.
    let activations = |policy: &PolicyHandle| {
        let store = MemoryActivations::default();
        Activations::open(
            policy,
            store,
            Arc::new(Sink::default()),
            Arc::new(ManualClock::at(Timestamp::from_unix_seconds(100))),
        )
        .unwrap()
    };
    for (issuer, expected) in
        [("https://a.example", None), ("spiffe://prod.example", Some(ActivationErrorKind::NotAllowed))]
    {
        let facts = RequestFacts::new();
        let person = Principal::user(issuer, "bob").group("oncall").build();
        facts.authenticate(Authentication::Verified(person, Challenges::none())).unwrap();
        let taken = activations(&with).break_glass(&facts, "viewer", "fire", Duration::from_secs(60)).await;
        assert_eq!(taken.err().map(|error| error.kind()), expected, "{issuer}");
    }
}

#[tokio::test]
async fn the_only_issuer_names_all_tenants_unless_its_table_says_which() {
    let one = |tenants: &str| -> PolicyHandle {
        let claims =
            format!("[claims.a]\nissuer = \"https://a.example\"\nroles_at = \"roles\"\n{tenants}\n[routes]");
        let start = SEVERAL.find("[claims.a]").unwrap();
        let routes = SEVERAL.find("[routes]").unwrap();
        format!("{}{claims}{}", &SEVERAL[..start], &SEVERAL[routes + "[routes]".len()..]).parse().unwrap()
    };
    let alice = || Principal::user("https://a.example", "alice");
    assert_eq!(own_notes(&one(""), alice(), "acme").await.0, 200);
    assert_eq!(own_notes(&one("tenants = [\"acme\"]"), alice(), "acme").await.0, 200);
    assert_eq!(own_notes(&one("tenants = [\"acme\"]"), alice(), "globex").await.0, 404);
    assert_eq!(own_notes(&one("tenants = []"), alice(), "acme").await.0, 404);
}

#[test]
fn of_several_issuers_a_subject_names_nobody() {
    let text = format!(
        "{POLICY}[claims.a]\nissuer = 'https://a.example'\nroles_at = 'roles'\n\
         [claims.b]\nissuer = 'https://b.example'\nroles_at = 'roles'\n"
    );
    let error = Policy::parse(&text).unwrap_err();
    assert!(error.to_string().contains("ambiguous-subject"), "{error}");
    let policy: PolicyHandle =
        text.replace("subject = \"path:sub\"", "tenant = \"path:sub\"").parse().unwrap();
    let in_code = Routes::<()>::new(&policy)
        .get("/{tenant}/notes/{id}", need("notes:read").tenant_in("tenant"), || async {})
        .get("/users/{sub}", need("notes:read").subject_in("sub"), || async {});
    let error = in_code.build().unwrap_err();
    assert!(error.to_string().contains("several issuers"), "{error}");
}
