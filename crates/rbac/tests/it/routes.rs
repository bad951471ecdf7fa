//! Routes declared together with their policy, on a real axum router.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use gambeson_core::{Access, EndpointSpec, Mode, Outcome, Profile, Timestamp};
use gambeson_rbac::{
    Authorized, Authorizer, Linter, ManagementAccess, PolicyHandle, Refusal, Routes, need, permissions,
    public, read_inventory,
};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::support::{POLICY, Sink, request};

permissions! {
    /// Reading notes.
    NotesRead = "notes:read",
    /// Deleting notes.
    NotesDelete = "notes:delete",
}

/// The policy without routes of its own.
fn policy() -> PolicyHandle {
    POLICY.split("[routes]").next().unwrap().parse().unwrap()
}

fn routes(policy: &PolicyHandle, sink: &Sink) -> Routes {
    let sink = Arc::new(sink.clone());
    Routes::new(policy)
        .expects(PERMISSIONS)
        .get("/notes", need(NotesRead), || async { "[]" })
        .post("/notes", need("notes:write"), |_: Request<Body>| async { StatusCode::CREATED })
        .get("/notes/{id}", need(NotesRead), show)
        .delete("/notes/{id}", need(NotesDelete), || async { StatusCode::NO_CONTENT })
        .get("/livez", public("probe"), || async {})
        .authorize(|layer| layer.audit(sink))
}

async fn show(authz: Authorizer) -> Result<String, Refusal> {
    authz.same_tenant("globex")?;
    Ok("a note".into())
}

async fn ask(app: &Router, method: Method, path: &str, role: Option<&str>) -> StatusCode {
    app.clone().oneshot(request(method, path, role).map(Body::new)).await.unwrap().status()
}

#[tokio::test]
async fn every_route_but_the_public_ones_wants_a_credential() {
    let routes = routes(&policy(), &Sink::default());
    let inventory = routes.inventory();
    assert_eq!(inventory.len(), 5);
    let app = routes.build().unwrap();
    for entry in inventory {
        let path = entry.template.replace("{id}", "1");
        let status = ask(&app, entry.method, &path, None).await;
        let expected = if matches!(entry.access, Access::Public(_)) { 200 } else { 401 };
        assert_eq!(status, expected, "{}", entry.template);
    }
}

/// As an app writes it and the command line reads it.
#[test]
fn an_inventory_is_written_read_back_and_held_against_the_policy() {
    let ask = need("notes:raed").tenant_in("org").subject_in("who");
    let routes = routes(&policy(), &Sink::default()).get("/{org}/{who}", ask, || async {});
    let read = read_inventory(&routes.inventory_text()).unwrap();
    assert_eq!(read, routes.inventory());
    assert!(read.len() == 6 && read[5].scope.tenant() == Some("org"), "{read:?}");
    let findings = Linter::new(POLICY).routes(&read).findings();
    let told =
        findings.iter().map(ToString::to_string).filter(|finding| finding.contains("[route-without-policy]"));
    let told: Vec<String> = told.collect();
    assert!(told.len() == 1 && told[0].contains("route `GET /{org}/{who}` needs"), "{told:?}");
}

#[tokio::test]
async fn the_router_and_the_policy_agree() {
    let app = routes(&policy(), &Sink::default()).build().unwrap();
    for (method, path, role, expected) in [
        (Method::GET, "/notes", Some("viewer"), 200),
        (Method::POST, "/notes", Some("viewer"), 403),
        (Method::POST, "/notes", Some("editor"), 201),
        (Method::DELETE, "/notes/1", Some("admin"), 204),
        (Method::PATCH, "/notes/1", Some("admin"), 405),
        (Method::GET, "/notes/1", Some("viewer"), 404),
        (Method::GET, "/nothing", Some("viewer"), 404),
        (Method::GET, "//notes", Some("viewer"), 404),
        (Method::GET, "/notes/", Some("viewer"), 404),
        (Method::GET, "/NOTES", None, 401),
    ] {
        assert_eq!(ask(&app, method.clone(), path, role).await, expected, "{method} {path} {role:?}");
    }
}

#[tokio::test]
async fn a_service_nested_behind_the_back_is_not_reachable() {
    let inner = Router::new().route("/secret", get(|| async { "secret" }));
    let (router, layer) = routes(&policy(), &Sink::default()).into_parts().unwrap();
    let app = router.nest_service("/svc", inner).layer(layer);
    assert_eq!(ask(&app, Method::GET, "/svc/secret", Some("admin")).await, 404);
    assert_eq!(ask(&app, Method::GET, "/svc/secret", None).await, 401);
}

#[tokio::test]
async fn a_plain_router_takes_its_rules_from_the_file() {
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let app = Router::new()
        .route("/notes", get(|| async {}))
        .route("/forgotten", get(|| async {}))
        .layer(policy.authorize_layer());
    assert_eq!(ask(&app, Method::GET, "/notes", Some("viewer")).await, 200);
    assert_eq!(ask(&app, Method::GET, "/forgotten", Some("viewer")).await, 404);
}

#[test]
fn what_does_not_fit_is_told_at_once() {
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let error = Routes::<()>::new(&policy)
        .get("/notes", need("notes:write"), || async {})
        .get("/notes", need("notes:read"), || async {})
        .get("/notes/{id}", need("notes:raed"), || async {})
        .get("/notes/{other}", public("why"), || async {})
        .get("x/:id", public("why"), || async {})
        .get("/livez", public("probe"), || async {})
        .management(ManagementAccess::Open)
        .build()
        .unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(|problem| &*problem.field).collect();
    let expected = [
        "rbac.management",
        "routes.\"GET /notes/{other}\"",
        "routes.\"GET x/:id\"",
        "routes.\"GET /notes\"",
        "routes.\"GET /notes/{id}\"",
        "routes.\"GET /notes\"",
        "routes.\"POST /notes\"",
        "routes.\"DELETE /notes/{id}\"",
    ];
    assert_eq!(fields, expected, "{error}");
    assert!(error.to_string().contains("did you mean `notes:read`?"), "{error}");
}

#[test]
fn strict_audit_without_a_sink_is_found_at_start() {
    let error = Routes::<()>::new(&policy()).get("/a", public("x"), || async {}).build().unwrap_err();
    assert_eq!(error.problems()[0].field, "rbac.audit");
}

#[test]
fn a_reload_must_fit_the_running_routes() {
    let policy = policy();
    let _app = routes(&policy, &Sink::default()).build().unwrap();
    let error = policy.replace("version = 1\n[permissions]\n\"notes:read\" = {}").unwrap_err();
    let said = error.to_string();
    assert!(said.contains("POST /notes") && said.contains("DELETE /notes/{id}"), "{said}");
}

#[tokio::test]
async fn operators_endpoints_follow_the_management_setting() {
    let with = |access, profile| {
        routes(&policy(), &Sink::default())
            .mount(EndpointSpec::new(Method::GET, "/metrics", Access::Management), get(|| async { "m" }))
            .management(access)
            .run_in(profile)
    };
    let hidden = with(ManagementAccess::NotHere, Profile::Production);
    assert_eq!(hidden.inventory().len(), 5);
    assert_eq!(ask(&hidden.build().unwrap(), Method::GET, "/metrics", Some("admin")).await, 404);

    assert!(with(ManagementAccess::Open, Profile::Production).build().is_err());
    let open = with(ManagementAccess::Open, Profile::Development).build().unwrap();
    assert_eq!(ask(&open, Method::GET, "/metrics", None).await, 200);

    let permission = ManagementAccess::Permission("notes:write".into());
    let guarded = with(permission, Profile::Production).build().unwrap();
    assert_eq!(ask(&guarded, Method::GET, "/metrics", None).await, 401);
    assert_eq!(ask(&guarded, Method::GET, "/metrics", Some("editor")).await, 200);
}

#[tokio::test]
async fn a_mounted_endpoint_answers_its_declared_method_only() {
    let both = get(|| async { "get" }).post(|| async { "post" });
    let spec = EndpointSpec::new(Method::GET, "/hook", Access::Public("hook".into()));
    let app = routes(&policy(), &Sink::default()).mount(spec.clone(), both.clone()).build().unwrap();
    assert_eq!(ask(&app, Method::GET, "/hook", None).await, 200);
    assert_eq!(ask(&app, Method::POST, "/hook", None).await, 405);

    let guarded = routes(&policy(), &Sink::default())
        .mount(spec, both)
        .post("/hook", need("notes:write"), || async { "declared" })
        .build()
        .unwrap();
    for (method, expected) in [(Method::GET, "get"), (Method::HEAD, ""), (Method::POST, "declared")] {
        let request = request(method, "/hook", Some("editor")).map(Body::new);
        let body = guarded.clone().oneshot(request).await.unwrap().into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), expected);
    }
}

#[tokio::test]
async fn nobody_learns_which_routes_there_are() {
    let app = routes(&policy(), &Sink::default()).build().unwrap();
    let headers = async |method: Method, path: &str| {
        let answer = app.clone().oneshot(request(method, path, None).map(Body::new)).await.unwrap();
        let mut headers = answer.headers().clone();
        // axum measures a fallback's answer and no other; hyper sets the length of both.
        headers.remove("content-length");
        (answer.status(), headers)
    };
    let unknown = headers(Method::OPTIONS, "/no/such/route").await;
    assert_eq!(unknown.0, StatusCode::UNAUTHORIZED);
    assert!(!unknown.1.contains_key("allow"));
    for method in [Method::OPTIONS, Method::PUT, Method::TRACE] {
        assert_eq!(
            headers(method, "/notes").await,
            unknown,
            "an axum router adds Allow outside of its layers"
        );
    }
}

#[tokio::test]
async fn a_fallback_is_declared_like_a_route() {
    let app =
        routes(&policy(), &Sink::default()).fallback(need(NotesRead), || async { "page" }).build().unwrap();
    assert_eq!(ask(&app, Method::GET, "/any/page", Some("viewer")).await, 200);
    assert_eq!(ask(&app, Method::GET, "/any/page", Some("stranger")).await, 403);
    assert_eq!(ask(&app, Method::GET, "/any/page", None).await, 401);
}

#[tokio::test]
async fn handlers_check_further_and_are_on_record() {
    async fn purge(authz: Authorized<NotesDelete>) -> StatusCode {
        assert!(authz.allows("notes:delete") && authz.allows("notes:write"));
        StatusCode::ACCEPTED
    }
    let sink = Sink::default();
    let app = routes(&policy(), &sink).post("/purge", need(NotesRead), purge).build().unwrap();
    assert_eq!(ask(&app, Method::POST, "/purge", Some("viewer")).await, 403);
    assert_eq!(ask(&app, Method::POST, "/purge", Some("admin")).await, 202);
    let actions: Vec<String> =
        sink.take().iter().map(|(event, _)| format!("{} {}", event.action, event.outcome.as_str())).collect();
    let expected =
        ["notes:read success", "notes:delete denied", "notes:read success", "notes:delete success"];
    assert_eq!(actions, expected);
}

#[tokio::test]
async fn routes_in_code_keep_to_what_the_policy_says_of_log_ins_and_answers() {
    let text = POLICY.replace("\"notes:write\" = {}", "\"notes:write\" = { acr = [\"phr\"] }").replace(
        "\"GET /notes\" = { perm = \"notes:read\" }",
        "\"GET /notes\" = { perm = \"notes:read\", max_age = \"1h\" }",
    );
    let policy: PolicyHandle = format!("{text}\n[answers]\nforbidden = \"not-found\"").parse().unwrap();
    async fn purge(authz: Authorizer) -> Result<(), Refusal> {
        authz.require("notes:write").await
    }
    let app = routes(&policy, &Sink::default()).get("/purge", public("test"), purge).build().unwrap();
    for (method, path, role, expected) in [
        (Method::GET, "/notes", Some("viewer"), 401),
        (Method::GET, "/notes", Some("stranger"), 404),
        (Method::POST, "/notes", Some("editor"), 401),
        (Method::GET, "/purge", Some("editor"), 401),
        (Method::GET, "/purge", Some("viewer"), 404),
    ] {
        assert_eq!(ask(&app, method.clone(), path, role).await, expected, "{method} {path} {role:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_decided_is_on_record_as_failed() {
    async fn typo(authz: Authorizer) -> Result<(), Refusal> {
        authz.require("notes:raed").await
    }
    let sink = Sink::default();
    let app = routes(&policy(), &sink).get("/typo", public("test"), typo).build().unwrap();
    assert_eq!(ask(&app, Method::GET, "/typo", Some("admin")).await, 503);
    let (event, _) = sink.take().remove(0);
    assert_eq!((event.outcome, event.reason.as_deref()), (Outcome::Failed, Some("indeterminate")));
}

#[tokio::test]
async fn the_extractor_without_its_layer_is_a_fault() {
    let app = Router::new().route("/notes", get(show));
    assert_eq!(ask(&app, Method::GET, "/notes", Some("admin")).await, 500);
}

#[tokio::test]
async fn the_matrix_page_lists_every_route_under_the_policy_in_force() {
    let policy = policy();
    let routes = routes(&policy, &Sink::default())
        .matrix_page("/docs", Access::Management)
        .management(ManagementAccess::Permission("notes:read".into()));
    assert!(routes.matrix_markdown().contains("| `POST /notes` | notes:write | – | yes | yes |"));
    let app = routes.build().unwrap();
    let page = app.oneshot(request(Method::GET, "/docs", Some("viewer")).map(Body::new)).await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.into_body().collect().await.unwrap().to_bytes();
    let page = std::str::from_utf8(&page).unwrap();
    assert!(page.contains("DELETE /notes/{id}") && page.contains("GET /docs"), "{page}");
}

#[tokio::test]
async fn a_permission_s_type_is_one_wherever_access_is_declared() {
    let app = routes(&policy(), &Sink::default())
        .matrix_page("/docs", Access::Permission(access::Read.into()))
        .mount(EndpointSpec::new(Method::GET, "/metrics", Access::Management), get(|| async { "m" }))
        .management(ManagementAccess::Permission(access::Remove.into()))
        .build()
        .unwrap();
    assert_eq!(ask(&app, Method::GET, "/docs", Some("viewer")).await, 200);
    assert_eq!(ask(&app, Method::GET, "/docs", None).await, 401);
    assert_eq!(ask(&app, Method::GET, "/metrics", Some("viewer")).await, 403);
}

mod access {
    gambeson_rbac::permissions! {
        Read = "notes:read",
        Remove = "notes:delete",
    }
}

#[tokio::test]
async fn while_observing_the_router_itself_says_no() {
    let until = Timestamp::from_unix_seconds(i64::MAX / 2_000_000_000);
    let app = routes(&policy(), &Sink::default())
        .mount(EndpointSpec::new(Method::GET, "/metrics", Access::Management), get(|| async { "m" }))
        .authorize(move |layer| layer.mode(Mode::Observe { until }))
        .build()
        .unwrap();
    assert_eq!(ask(&app, Method::GET, "/metrics", Some("admin")).await, 404, "it is not here");
    let answer = app.oneshot(request(Method::DELETE, "/notes", Some("admin")).map(Body::new)).await.unwrap();
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "GET, POST, HEAD");
}

#[test]
fn what_axum_would_panic_about_is_told_in_words() {
    let of = |method: Method, template: &str| {
        let spec = EndpointSpec::new(method, template.to_owned(), Access::Public("why".into()));
        Routes::<()>::new(&policy())
            .mount(spec, get(|| async {}))
            .authorize(|layer| layer.audit(Arc::new(Sink::default())))
            .build()
            .map_or_else(|error| error.to_string(), |_| String::new())
    };
    let other = Method::from_bytes(b"PROPFIND").unwrap();
    for (method, template, words) in [
        (Method::HEAD, "/x", "HEAD follows the rule of GET: declare GET only"),
        (other, "/x", "axum routes the methods of RFC 9110 and PATCH only"),
        (Method::GET, "x", "a template starts with a slash"),
        (Method::GET, "/a b", "no path has a blank in it: write %20"),
        (Method::GET, "/:id", "write a parameter as {name}"),
        (Method::GET, "/*rest", "write a parameter as {name}"),
    ] {
        let said = of(method, template);
        assert!(said.contains(words), "{template}: {said}");
    }
    assert_eq!(of(Method::GET, "/x"), "");
}

#[test]
fn an_inventory_is_in_the_order_of_its_templates() {
    let routes =
        Routes::<()>::new(&policy()).get("/b", public("b"), || async {}).get("/a", public("a"), || async {});
    let templates: Vec<_> = routes.inventory().into_iter().map(|entry| entry.template).collect();
    assert_eq!(templates, ["/a".into(), Box::<str>::from("/b")]);
}
