//! Apps that are older than their policy: files, pages of single-page apps, routers of their own.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use gambeson_rbac::{PolicyHandle, Routes, need, public};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{ServiceExt, service_fn};

use crate::support::{POLICY, request};

/// The status and the text.
async fn ask(app: &Router, method: Method, path: &str, role: Option<&str>) -> (u16, String) {
    send(app, request(method, path, role).map(Body::new)).await
}

async fn send(app: &Router, request: Request<Body>) -> (u16, String) {
    let answer = app.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The policy without routes of its own, and without strict audit.
fn policy() -> PolicyHandle {
    POLICY.split("[routes]").next().unwrap().replace(", audit = \"strict\"", "").parse().unwrap()
}

#[tokio::test]
async fn files_below_a_path_are_one_route() {
    let files = service_fn(|request: Request<Body>| async move {
        Ok::<_, Infallible>(Response::new(Body::from(request.uri().to_string())))
    });
    let app = Routes::new(&policy())
        .assets("/assets/", public("the app's own files"), files)
        .assets("/reports", need("notes:read"), files)
        .build()
        .unwrap();
    assert_eq!(ask(&app, Method::GET, "/assets/js/a.js?v=1", None).await, (200, "/js/a.js?v=1".into()));
    assert_eq!(ask(&app, Method::GET, "/reports/%2e%2e/x", Some("viewer")).await, (200, "/%2e%2e/x".into()));
    for (method, path, role, expected) in [
        (Method::HEAD, "/assets/a.js", None, 200),
        (Method::POST, "/assets/a.js", None, 405),
        (Method::GET, "/assets", Some("viewer"), 404),
        (Method::GET, "/reports/2026.csv", None, 401),
        (Method::GET, "/reports/2026.csv", Some("stranger"), 403),
    ] {
        assert_eq!(ask(&app, method, path, role).await.0, expected, "{path}");
    }
    let of_tenants =
        Routes::new(&policy()).assets("/{tenant}/files", public("the same for all"), files).build().unwrap();
    assert_eq!(
        ask(&of_tenants, Method::GET, "/acme/files/a/b.js?v=1", None).await,
        (200, "/a/b.js?v=1".into())
    );
    let malformed = Routes::<()>::new(&policy()).assets("assets/:x", public("why"), files).build();
    assert_eq!(malformed.unwrap_err().problems()[0].field, "routes.\"GET assets/:x/{*path}\"");
}

#[tokio::test]
async fn the_page_of_an_app_answers_navigations_and_nothing_else() {
    let app = Routes::new(&policy())
        .get("/api/notes", need("notes:read"), || async { "[]" })
        .spa(public("the page itself"), || async { "the page" })
        .build()
        .unwrap();
    let navigate = |method: Method, path: &str| {
        let mut request = request(method, path, None).map(Body::new);
        request.headers_mut().insert("sec-fetch-mode", "navigate".parse().unwrap());
        request
    };
    assert_eq!(send(&app, navigate(Method::GET, "/notes/7/edit")).await, (200, "the page".into()));
    assert_eq!(send(&app, navigate(Method::HEAD, "/notes/7/edit")).await, (200, String::new()));
    assert_eq!(send(&app, navigate(Method::POST, "/notes/7/edit")).await.0, 404);
    assert_eq!(ask(&app, Method::GET, "/api/nothing", None).await, (404, String::new()), "a script");
    assert_eq!(send(&app, navigate(Method::GET, "/api/notes")).await.0, 401, "a route is no page");
}

#[tokio::test]
async fn a_merged_router_follows_the_routes_of_the_policy_in_force() {
    async fn one(Path(id): Path<String>) -> String {
        id
    }
    let older = Router::new()
        .route("/notes", get(|| async { "[]" }).post(|| async { StatusCode::CREATED }))
        .route("/notes/{id}", get(one).delete(|| async {}))
        .route("/livez", get(|| async {}))
        .route("/forgotten", get(|| async { "secret" }));
    let text = POLICY.replace(", audit = \"strict\"", "");
    let policy: PolicyHandle = text.parse().unwrap();
    let routes = Routes::new(&policy)
        .get("/new", need("notes:read"), || async { "new" })
        .put("/notes", need("notes:write"), || async { "put" })
        .merge_declared(older);
    let listed: Vec<String> =
        routes.inventory().iter().map(|entry| format!("{} {}", entry.method, entry.template)).collect();
    let expected =
        ["GET /livez", "GET /new", "PUT /notes", "GET /notes", "POST /notes", "DELETE /notes/{id}"];
    assert_eq!(listed, expected);
    let app = routes.build().unwrap();
    for (method, path, role, expected) in [
        (Method::GET, "/new", Some("viewer"), 200),
        (Method::GET, "/notes", Some("viewer"), 200),
        (Method::POST, "/notes", Some("viewer"), 403),
        (Method::POST, "/notes", Some("editor"), 201),
        (Method::PUT, "/notes", Some("editor"), 200),
        (Method::DELETE, "/notes/7", Some("admin"), 200),
        // The router has it, the policy has not.
        (Method::GET, "/notes/7", Some("admin"), 405),
        (Method::GET, "/forgotten", Some("admin"), 404),
        (Method::GET, "/forgotten", None, 401),
        (Method::GET, "/livez", None, 200),
    ] {
        assert_eq!(ask(&app, method.clone(), path, role).await.0, expected, "{method} {path}");
    }
    policy
        .replace(&text.replace(
            "\"POST /notes\" = { perm = \"notes:write\" }",
            "\"POST /notes\" = { perm = \"notes:read\" }\n\"GET /forgotten\" = \"public\"",
        ))
        .unwrap();
    assert_eq!(ask(&app, Method::POST, "/notes", Some("viewer")).await.0, 201);
    assert_eq!(ask(&app, Method::GET, "/forgotten", None).await.0, 200);
    let error = policy
        .replace(&text.replace("[routes]", "[routes]\n\"PUT /notes\" = { perm = \"notes:read\" }"))
        .unwrap_err();
    let said = error.to_string();
    assert!(said.contains("PUT /notes"), "code and policy differ: {said}");
}

#[cfg(feature = "openapi")]
#[test]
fn the_routes_are_an_openapi_document() {
    let routes = Routes::<()>::new(&policy()).get("/notes/{id}", need("notes:read"), || async {}).get(
        "/livez",
        public("probe"),
        || async {},
    );
    let document = routes.openapi("Notes", "1.0");
    for part in [
        r#""/notes/{id}":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],"get":{"x-required-permissions":["notes:read"]"#,
        r#""/livez":{"parameters":[],"get":{"security":[],"x-required-permissions":[],"x-public":"probe""#,
    ] {
        assert!(document.contains(part), "{document}");
    }
}

#[tokio::test]
async fn what_a_merged_router_gives_no_template_is_not_found_whatever_the_fallback_is() {
    let hidden =
        service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::from("hidden"))) });
    let nested = Router::new().fallback(|| async { "hidden too" });
    let old: Router = Router::new().nest_service("/admin", hidden).nest("/nested", nested);
    let app = Routes::new(&policy())
        .fallback(public("the page itself"), || async { "the page" })
        .merge_declared(old)
        .build()
        .unwrap();
    for path in ["/admin/users", "/nested/x"] {
        assert_eq!(ask(&app, Method::GET, path, None).await, (404, String::new()), "{path}");
    }
    assert_eq!(ask(&app, Method::GET, "/admin", None).await.0, 401, "a template that no policy has");
    assert_eq!(ask(&app, Method::GET, "/elsewhere", None).await, (200, "the page".into()));
}
