//! Another policy takes the place of the one in force.

use gambeson_rbac::{AuthorizeLayer, PolicyErrorKind, PolicyHandle};
use http::Method;
use tower::{Layer, ServiceExt};

use crate::support::{Inner, POLICY, caller, request};

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
    assert_eq!(PolicyHandle::from_path(&path).unwrap_err().kind(), PolicyErrorKind::Unreadable);
}

#[test]
fn a_policy_without_what_the_code_asks_for_is_refused() {
    let policy: PolicyHandle = POLICY.parse().unwrap();
    policy.check_permissions(&["notes:write"]).unwrap();
    let error = policy.replace("version = 1").unwrap_err();
    assert_eq!(error.kind(), PolicyErrorKind::Mismatch);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("notes:write"));
    assert!(policy.policy().permission("notes:write").is_some());
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
