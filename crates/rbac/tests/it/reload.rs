//! Another policy takes the place of the one in force.

use std::sync::Arc;

use gambeson_core::{AuditKind, ManualClock, Timestamp};
use gambeson_rbac::{AuthorizeLayer, PolicyErrorKind, PolicyHandle};
use http::Method;
use tower::{Layer, ServiceExt};

use crate::support::{Inner, POLICY, Sink, caller, request};

#[test]
fn a_bad_policy_leaves_the_old_one_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    std::fs::write(&path, POLICY).unwrap();
    let policy = PolicyHandle::from_path(&path).unwrap();
    let (alice, digest) = (caller("viewer"), policy.policy().digest().to_owned());
    assert!(policy.may(&alice, "notes:read") && !policy.may(&alice, "notes:write"));
    assert!(!policy.reload().unwrap().changed());

    std::fs::write(&path, "version = 1\n[rolls]\n").unwrap();
    assert_eq!(policy.reload().unwrap_err().kind(), PolicyErrorKind::Invalid);
    assert_eq!(policy.policy().digest(), digest);
    assert!(policy.may(&alice, "notes:read"));

    std::fs::write(&path, POLICY.replace("[\"*:read\"]", "[\"notes:write\"]")).unwrap();
    assert!(policy.reload().unwrap().changed());
    assert!(
        !policy.may(&alice, "notes:read") && policy.may(&alice, "notes:write"),
        "nothing old is remembered"
    );

    std::fs::remove_file(&path).unwrap();
    assert_eq!(policy.reload().unwrap_err().kind(), PolicyErrorKind::Unreadable);
    let gone = PolicyHandle::from_path(&path).unwrap_err();
    assert_eq!(gone.kind(), PolicyErrorKind::Unreadable);
    let why = std::fs::read(&path).unwrap_err().to_string();
    assert_eq!(gone.to_string(), format!("policy file {} can't be read: {why}", path.display()));
}

#[test]
fn a_policy_without_what_the_code_asks_for_is_refused() {
    let policy: PolicyHandle = POLICY.parse().unwrap();
    policy.check_permissions(&["notes:write"]).unwrap();
    let error = policy.replace("version = 1").unwrap_err();
    assert_eq!(error.kind(), PolicyErrorKind::Mismatch);
    let said = error.to_string();
    assert!(said.contains("does not fit") && said.contains("permissions = notes:write"), "{said}");
    assert!(policy.policy().permission("notes:write").is_some());
}

#[test]
fn each_change_of_the_policy_is_on_record() {
    let (policy, trail) = (POLICY.parse::<PolicyHandle>().unwrap(), Sink::default());
    let first = policy.policy().digest().to_owned();
    policy.audit("in-force", Arc::new(trail.clone()), Arc::new(ManualClock::at(Timestamp::default())));
    policy.audit("again", Arc::new(trail.clone()), Arc::new(ManualClock::at(Timestamp::default())));
    policy.replace(POLICY).unwrap();
    let next = policy.replace(&POLICY.replace("*:read", "notes:read")).unwrap().after;
    policy.check_permissions(&["notes:write"]).unwrap();
    policy.replace("version = 1").unwrap_err();
    policy.replace("version = 9").unwrap_err();

    let events: Vec<_> = trail.take().into_iter().map(|(event, _)| event).collect();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.outcome.as_str(), event.policy.as_deref(), event.reason.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("success", Some(&*first), None),
            ("success", Some(&*next), None),
            ("failed", Some(&*next), Some("mismatch")),
            ("failed", Some(&*next), Some("invalid")),
        ]
    );
    assert_eq!(events[1].details, [("before", first)]);
    for event in &events {
        assert_eq!((event.kind, &*event.action), (AuditKind::PolicyChange, "policy.load"));
        assert_eq!(event.object.as_deref(), Some("policy/in-force"));
    }
}

#[tokio::test]
async fn a_running_layer_follows_the_policy_in_force() {
    let policy: PolicyHandle = POLICY.parse().unwrap();
    fn source<'a>(head: &gambeson_core::RequestHead<'a>) -> Option<&'a str> {
        (head.uri.path() == "/notes").then_some("/notes")
    }
    let app = AuthorizeLayer::new(&policy, source).layer(Inner::default());
    let ask = || app.clone().oneshot(request(Method::POST, "/notes", Some("viewer")));
    assert_eq!(ask().await.unwrap().status(), 403);
    policy.replace(&POLICY.replace("[\"*:read\"]", "[\"notes:write\"]")).unwrap();
    assert_eq!(ask().await.unwrap().status(), 200);
}

#[test]
fn decisions_under_a_storm_of_reloads_belong_to_one_policy() {
    // Both policies give a viewer exactly one of two permissions: a mixture would give both or none.
    let policy: PolicyHandle = POLICY.parse().unwrap();
    let other = POLICY.replace("[\"*:read\"]", "[\"notes:write\"]");
    let alice = caller("viewer");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..20_000 {
                let now = policy.policy();
                assert_ne!(now.may(&alice, "notes:read"), now.may(&alice, "notes:write"));
            }
        });
        while !reader.is_finished() {
            policy.replace(&other).unwrap();
            policy.replace(POLICY).unwrap();
        }
    });
}
