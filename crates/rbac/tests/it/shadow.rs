//! The next policy beside the one in force: what is counted and put on record, and that no answer changes.

use std::sync::Arc;

use gambeson_core::{NullSink, Outcome};
use gambeson_rbac::{AuthorizeLayer, GrpcMethod, PolicyHandle, ShadowReport};
use http::{Method, StatusCode};
use tower::{Layer, ServiceExt};

use crate::support::{Inner, Sink, request};

const CURRENT: &str = r#"
version = 1
[permissions]
"notes:read" = {}
"notes:write" = {}
[roles]
viewer = { grants = ["notes:read"] }
editor = { inherits = ["viewer"], grants = ["notes:write"] }
[routes]
"GET /notes/list" = { perm = "notes:read" }
"POST /notes/add" = { perm = "notes:write" }
"GET /notes/old" = { perm = "notes:read" }
"#;

fn next() -> String {
    CURRENT
        .replace("viewer = { grants = [\"notes:read\"] }", "viewer = { grants = [\"notes:write\"] }")
        .replace("editor = { inherits", "editor = { deny = [\"notes:read\"], inherits")
        .replace("\"GET /notes/old\" = { perm = \"notes:read\" }", "\"GET /notes/old\" = \"public\"")
}

/// Each request's status, with or without a shadow.
async fn answers(layer: &AuthorizeLayer, requests: &[(Method, &str, Option<&str>)]) -> Vec<StatusCode> {
    let mut statuses = Vec::new();
    for (method, path, role) in requests {
        let inner = Inner::default();
        let app = layer.layer(inner.clone());
        let response = app.oneshot(request(method.clone(), path, *role)).await.unwrap();
        assert_eq!(inner.calls() == 1, response.status() == StatusCode::OK, "{method} {path} {role:?}");
        statuses.push(response.status());
    }
    statuses
}

const REQUESTS: [(Method, &str, Option<&str>); 8] = [
    (Method::GET, "/notes/list", Some("viewer")),
    (Method::GET, "/notes/list", Some("editor")),
    (Method::POST, "/notes/add", Some("viewer")),
    (Method::POST, "/notes/add", Some("editor")),
    (Method::POST, "/notes/add", None),
    (Method::GET, "/notes/old", None),
    (Method::PUT, "/notes/old", Some("viewer")),
    (Method::GET, "/notes/none", Some("viewer")),
];

#[tokio::test]
async fn differences_are_counted_and_on_record_and_no_answer_changes() {
    let policy: PolicyHandle = CURRENT.parse().unwrap();
    let next: PolicyHandle = next().parse().unwrap();
    let plain = AuthorizeLayer::new(&policy, GrpcMethod).audit(Arc::new(NullSink));
    assert_eq!(plain.shadow_report(), None);
    let sink = Sink::default();
    let beside = AuthorizeLayer::new(&policy, GrpcMethod).audit(Arc::new(sink.clone())).shadow(&next);
    assert_eq!(answers(&plain, &REQUESTS).await, answers(&beside, &REQUESTS).await);

    let report = beside.shadow_report().unwrap();
    assert_eq!((report.compared, report.differing()), (8, 4));
    assert_eq!((report.would_refuse, report.would_allow, report.otherwise), (2, 2, 0));
    let told: Vec<_> = sink
        .take()
        .into_iter()
        .map(|(event, _)| event)
        .filter(|event| event.reason.as_deref() == Some("shadow-differs"))
        .collect();
    assert_eq!(told.len(), 4);
    for event in &told {
        assert_eq!(event.policy.as_deref(), Some(policy.policy().digest()));
        let shadow = event.details.iter().find(|(name, _)| *name == "shadow_policy").unwrap();
        assert_eq!(shadow.1, next.policy().digest());
        assert!(event.context.route.is_some() && event.method.is_some());
    }
    let detail = |at: usize, name: &str| {
        let found = told[at].details.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!((told[0].outcome, detail(0, "shadow_outcome")), (Outcome::Success, Some("denied")));
    assert_eq!((detail(0, "shadow_reason"), detail(0, "roles")), (Some("forbidden"), Some("viewer")));
    assert_eq!(detail(0, "why"), Some("no role of the caller grants notes:read; no role gives it"));
    assert_eq!((told[2].outcome, detail(2, "shadow_outcome")), (Outcome::Denied, Some("success")));
    assert_eq!((&*told[3].action, detail(3, "roles")), ("notes:read", None), "nobody has no roles");
}

#[tokio::test]
async fn strangers_cause_one_event_a_route_and_callers_one_a_request() {
    let policy: PolicyHandle = CURRENT.parse().unwrap();
    let next: PolicyHandle = next().parse().unwrap();
    let sink = Sink::default();
    let layer = AuthorizeLayer::new(&policy, GrpcMethod).audit(Arc::new(sink.clone())).shadow(&next);
    let differing = |sink: &Sink| {
        let events = sink.take();
        events.iter().filter(|(event, _)| event.reason.as_deref() == Some("shadow-differs")).count()
    };
    let strangers = vec![(Method::GET, "/notes/old", None); 50];
    answers(&layer, &strangers).await;
    assert_eq!(differing(&sink), 1);
    let callers = vec![(Method::GET, "/notes/list", Some("viewer")); 5];
    answers(&layer, &callers).await;
    assert_eq!(differing(&sink), 5);
    assert_eq!(layer.shadow_report().unwrap().differing(), 55);
}

#[tokio::test]
async fn the_next_policy_may_itself_be_reloaded() {
    let policy: PolicyHandle = CURRENT.parse().unwrap();
    let next: PolicyHandle = next().parse().unwrap();
    let layer = AuthorizeLayer::new(&policy, GrpcMethod).shadow(&next);
    let one = [(Method::GET, "/notes/list", Some("viewer"))];
    answers(&layer, &one).await;
    next.replace(CURRENT).unwrap();
    answers(&layer, &one).await;
    let report = layer.shadow_report().unwrap();
    assert_eq!((report.compared, report.differing()), (2, 1));
    assert_eq!(AuthorizeLayer::off().shadow(&next).shadow_report(), None);
    assert_eq!(ShadowReport::default().differing(), 0);
}

/// Whether a hidden route has other methods is decided by what its own permission is to the next policy, not another of the same number.
#[cfg(feature = "axum-router")]
#[tokio::test]
async fn another_method_of_a_hidden_route_is_looked_up_by_name_too() {
    use axum::body::Body;
    use gambeson_core::{Authentication, Challenges, Principal, RequestHead};
    use gambeson_rbac::{Routes, need};

    let text = |permissions: &str| -> PolicyHandle {
        format!(
            "version = 1\n[answers]\nforbidden = \"not-found\"\n[permissions]\n{permissions}\n[roles]\nr = {{ grants = [\"a\"] }}"
        )
        .parse()
        .unwrap()
    };
    let (policy, next) = (text("a = {}\nb = {}"), text("b = {}\na = {}"));
    let sink = Sink::default();
    let kept = sink.clone();
    let app: axum::Router = Routes::new(&policy)
        .get("/a", need("a"), || async {})
        .authorize(move |layer| {
            layer.shadow(&next).audit(Arc::new(kept)).authentication_from(|_: &RequestHead<'_>| {
                let caller = Principal::user("i", "s").role("r").build();
                Some(Authentication::Verified(caller, Challenges::none()))
            })
        })
        .build()
        .unwrap();
    let answer = app.oneshot(http::Request::put("/a").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    let told: Vec<_> = sink.take().into_iter().map(|(event, _)| event.reason).collect();
    assert_eq!(told, []);
}

/// Routes in code have the numbers of the policy in force, which the next one need not share.
#[cfg(feature = "axum-router")]
#[tokio::test]
async fn routes_in_code_are_looked_up_by_name_in_the_next_policy() {
    use axum::body::Body;
    use gambeson_core::{Authentication, Challenges, Principal, RequestHead};
    use gambeson_rbac::{Authorizer, Routes, need};
    use std::sync::OnceLock;

    let policy: PolicyHandle =
        "version = 1\n[permissions]\na = {}\nb = {}\n[roles]\nr = { grants = [\"a\", \"b\"] }"
            .parse()
            .unwrap();
    // The numbers are the other way round, and only `a` is left to the role.
    let next: PolicyHandle =
        "version = 1\n[permissions]\nb = {}\na = {}\n[roles]\nr = { grants = [\"a\"] }".parse().unwrap();
    let kept: Arc<OnceLock<AuthorizeLayer>> = Arc::default();
    let keep = Arc::clone(&kept);
    let app: axum::Router = Routes::new(&policy)
        .get("/a", need("a"), |authorizer: Authorizer| async move {
            authorizer.require("b").await.map(|()| "done")
        })
        .authorize(move |layer| {
            let layer = layer.shadow(&next).authentication_from(|_: &RequestHead<'_>| {
                let caller = Principal::user("i", "s").role("r").build();
                Some(Authentication::Verified(caller, Challenges::none()))
            });
            assert!(keep.set(layer.clone()).is_ok());
            layer
        })
        .build()
        .unwrap();
    let answer = app.oneshot(http::Request::get("/a").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let report = kept.get().unwrap().shadow_report().unwrap();
    assert_eq!(
        (report.compared, report.would_refuse, report.differing()),
        (2, 1, 1),
        "of the handler's check only"
    );
}
