//! What is over leaves the store of activations.

use std::sync::atomic::Ordering;

use gambeson_core::Principal;
use gambeson_rbac::{ActivationErrorKind, FileActivations, PolicyHandle};

use crate::duties::{HOUR, KeepsAndFails, POLICY, caller, clock, facts, open};

/// Names of people and their reasons don't wait in the file for the next who takes a role.
#[tokio::test]
async fn what_is_over_is_dropped_at_the_start_at_each_change_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("activations.toml");
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let [bob, sue] = ["bob", "sue"].map(|name| {
        facts(&Principal::user("https://id.example", name).group("oncall").role("viewer").build())
    });
    let named = || {
        let text = std::fs::read_to_string(&path).unwrap();
        ["bob", "sue"].into_iter().filter(|name| text.contains(name)).collect::<Vec<_>>()
    };
    let of_bob = "incident 42";
    let first = open(&policy, FileActivations::new(&path), &clock);
    first.break_glass(&bob, "admin", of_bob, HOUR / 2).await.unwrap();
    first.break_glass(&sue, "admin", "incident 43", HOUR).await.unwrap();
    first.forget_ended().unwrap();
    assert_eq!(named(), ["bob", "sue"]);
    clock.advance(HOUR / 2);
    drop(open(&policy, FileActivations::new(&path), &clock));
    assert_eq!(named(), ["sue"], "at the start");

    first.break_glass(&bob, "admin", of_bob, HOUR / 4).await.unwrap();
    clock.advance(HOUR / 4);
    first.break_glass(&sue, "approver", "", HOUR / 4).await.unwrap();
    assert_eq!(named(), ["sue"], "when a role is taken");
    first.break_glass(&bob, "admin", of_bob, HOUR / 8).await.unwrap();
    clock.advance(HOUR / 8);
    assert_eq!(named(), ["bob", "sue"]);
    assert!(first.end(&sue, "approver").unwrap());
    assert_eq!(named(), ["sue"], "when a role is ended");
    clock.advance(HOUR / 8);
    assert_eq!(named(), ["sue"]);
    first.forget_ended().unwrap();
    assert!(named().is_empty(), "at the end");
    assert!(first.live().is_empty());
}

#[tokio::test]
async fn what_is_over_and_can_t_be_dropped_is_told() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let store = KeepsAndFails::default();
    let activations = open(&policy, store.clone(), &clock);
    activations.break_glass(&facts(&caller(&[])), "admin", "incident 42", HOUR).await.unwrap();
    clock.advance(HOUR);
    store.failures.store(1, Ordering::SeqCst);
    let said = crate::log::warned(|| {
        assert_eq!(activations.forget_ended().unwrap_err().kind(), ActivationErrorKind::Store);
    });
    assert!(said.len() == 1 && said[0].contains("what is over stays in the store"), "{said:?}");
    activations.forget_ended().unwrap();
}

/// Where an end could not be saved, the file has what this process no longer knows.
#[tokio::test]
async fn what_is_over_is_dropped_also_where_only_the_file_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("activations.toml");
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let [bob, sue] = ["bob", "sue"]
        .map(|name| facts(&Principal::user("https://id.example", name).group("oncall").build()));
    let activations = open(&policy, FileActivations::new(&path), &clock);
    activations.break_glass(&bob, "admin", "incident 42", HOUR / 2).await.unwrap();
    activations.break_glass(&sue, "admin", "incident 43", HOUR).await.unwrap();
    clock.advance(HOUR / 2);
    let in_the_way = folder.path().join("activations.toml.new");
    std::fs::create_dir(&in_the_way).unwrap();
    assert_eq!(activations.end(&sue, "admin").unwrap_err().kind(), ActivationErrorKind::Store);
    assert!(activations.live().is_empty());
    std::fs::remove_dir(&in_the_way).unwrap();
    activations.forget_ended().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("sue") && !text.contains("bob"), "{text}");
}
