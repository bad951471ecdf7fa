//! Handles that are live: one read for many, rotation, versions, types.

use gambeson_secrets::{MemoryStore, ReadErrorKind, SecretState, SecretString};
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::support::{GateStore, SECONDS, ScriptStore, builder, clock, over, pass, settle, start};

#[tokio::test]
async fn sixty_four_cold_callers_cost_one_read() {
    let clock = clock();
    let gate = GateStore::new(MemoryStore::new().with("key", "value"));
    let secrets =
        builder(&clock).store("gate", gate.clone()).allow(["gate://key"]).connect(SECONDS(5)).await.unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let secrets = secrets.clone();
        callers.spawn(async move { secrets.get::<SecretString>("gate://key").await.unwrap() });
    }
    settle().await;
    assert_eq!(gate.behind.reads(), 1);
    gate.open.send_replace(true);
    while let Some(handle) = callers.join_next().await {
        assert!(handle.unwrap().load().matches("value"));
    }
    assert_eq!(gate.behind.reads(), 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_costs_the_others_nothing() {
    let clock = clock();
    let gate = GateStore::new(MemoryStore::new().with("key", "value"));
    let secrets =
        builder(&clock).store("gate", gate.clone()).allow(["gate://key"]).connect(SECONDS(5)).await.unwrap();
    let first = start({
        let secrets = secrets.clone();
        async move { secrets.get::<SecretString>("gate://key").await.map(drop) }
    });
    settle().await;
    first.abort();
    gate.open.send_replace(true);
    assert!(secrets.get::<SecretString>("gate://key").await.unwrap().load().matches("value"));
    assert_eq!(gate.behind.reads(), 1);
}

#[tokio::test]
async fn a_rotation_is_told_to_every_handle_at_once() {
    let (store, clock) = (MemoryStore::new().with("key", "first"), clock());
    let secrets = over(&store, &clock).await;
    let one = secrets.get::<SecretString>("mem://key").await.unwrap();
    let other = one.clone();
    let held = one.load();
    store.put("key", "second");
    assert_eq!(one.changed().await.unwrap().get(), 2);
    assert_eq!(other.changed().await.unwrap().get(), 2);
    assert!(one.load().matches("second") && other.load().matches("second"));
    assert!(held.matches("first"), "who reads the old one goes on reading it");
    assert_eq!(one.state(), SecretState::Fresh);
}

#[tokio::test]
async fn a_handle_that_comes_late_is_told_of_later_rotations_only() {
    let (store, clock) = (MemoryStore::new().with("key", "first"), clock());
    let secrets = over(&store, &clock).await;
    let early = secrets.get::<SecretString>("mem://key").await.unwrap();
    store.put("key", "second");
    early.changed().await;
    let late = secrets.get::<SecretString>("mem://key").await.unwrap();
    let waiting = start(async move { late.changed().await.map(|version| version.get()) });
    settle().await;
    assert!(!waiting.is_finished());
    store.put("key", "third");
    assert_eq!(waiting.await.unwrap(), Some(3));
}

#[tokio::test]
async fn the_same_value_again_is_no_rotation() {
    let (store, clock) = (MemoryStore::new().with("key", "same"), clock());
    let secrets = over(&store, &clock).await;
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    store.put("key", "same");
    settle().await;
    assert_eq!((store.reads(), key.version().get()), (2, 1));
}

#[tokio::test]
async fn readers_never_see_a_version_go_back() {
    let clock = clock();
    let script = ScriptStore::of(&[("new", 5), ("old", 4), ("newer", 6)]);
    let secrets = builder(&clock).store("s", script).allow(["s://key"]).connect(SECONDS(5)).await.unwrap();
    let key = secrets.get::<SecretString>("s://key").await.unwrap();
    pass(&clock, 8).await;
    assert!(key.load().matches("new"), "a replica that lags is not believed");
    assert_eq!((key.version().get(), key.state()), (1, SecretState::Fresh));
    pass(&clock, 2).await;
    assert!(key.load().matches("newer"), "it was asked again before the value was not fresh any more");
    assert_eq!((key.changed().await.unwrap().get(), key.state()), (2, SecretState::Fresh));
}

#[tokio::test]
async fn an_older_version_does_not_prolong_the_newer_one() {
    let clock = clock();
    let script = ScriptStore::of(&[("new", 5), ("old", 4)]);
    let secrets = builder(&clock).store("s", script).allow(["s://key"]).connect(SECONDS(5)).await.unwrap();
    let key = secrets.get::<SecretString>("s://key").await.unwrap();
    pass(&clock, 10).await;
    assert!(matches!(key.state(), SecretState::Stale { .. }));
    pass(&clock, 20).await;
    assert_eq!(key.state(), SecretState::Failed, "ten seconds of freshness and twenty of staleness");
    assert!(key.usable().is_err() && key.load().matches("new"));
}

#[tokio::test]
async fn secrets_are_read_again_between_sixty_and_eighty_percent_of_their_time() {
    let (store, clock) = (MemoryStore::new().with("key", "value"), clock());
    let secrets = over(&store, &clock).await;
    let _key = secrets.get::<SecretString>("mem://key").await.unwrap();
    for cycle in 1..50 {
        let before = store.reads();
        assert_eq!(before, cycle);
        let mut waited = 0;
        while store.reads() == before {
            clock.advance(std::time::Duration::from_millis(100));
            settle().await;
            waited += 1;
        }
        assert!((60..=81).contains(&waited), "read after {waited} tenths of a second of ten");
    }
}

#[tokio::test]
async fn a_lifetime_that_is_shorter_than_the_policys_wins() {
    let (store, clock) = (MemoryStore::new(), clock());
    store.put_for("key", "value", SECONDS(5));
    let secrets = over(&store, &clock).await;
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    pass(&clock, 4).await;
    assert_eq!((store.reads(), key.state()), (2, SecretState::Fresh));
}

#[derive(Deserialize)]
struct DbCredential {
    user: String,
    password: SecretString,
}

#[tokio::test]
async fn typed_secrets_rotate_whole_and_fields_share_one_read() {
    let store = MemoryStore::new().with("db", r#"{"user":"app_a","password":"p\n1","nested":{"pin":7}}"#);
    let clock = clock();
    let secrets = over(&store, &clock).await;
    let whole = secrets.get::<DbCredential>("mem://db").await.unwrap();
    let password = secrets.get::<SecretString>("mem://db?field=/password").await.unwrap();
    let pin = secrets.get::<u8>("mem://db?field=/nested/pin").await.unwrap();
    assert_eq!(store.reads(), 1);
    assert_eq!((whole.load().user.as_str(), *pin.load()), ("app_a", 7));
    assert!(whole.load().password.matches("p\n1") && password.load().matches("p\n1"));

    store.put("db", r#"{"user":"app_b","password":"p2"}"#);
    whole.changed().await;
    assert_eq!(whole.load().user, "app_b");
    assert!(password.load().matches("p2"));
    assert_eq!(*pin.load(), 7, "what is no longer there keeps its last value");
    assert!(matches!(pin.state(), SecretState::Stale { .. }), "and says so");
    assert_eq!(whole.state(), SecretState::Fresh);
    pass(&clock, 30).await;
    assert_eq!((pin.state(), whole.state()), (SecretState::Failed, SecretState::Fresh), "but not for ever");
    assert!(pin.usable().is_err() && whole.usable().is_ok());
}

#[tokio::test]
async fn a_secret_of_another_shape_is_an_error_of_its_own() {
    let (store, clock) = (MemoryStore::new().with("db", r#"{"user":"a"}"#), clock());
    let secrets = over(&store, &clock).await;
    let kind = async |reference| secrets.get::<DbCredential>(reference).await.unwrap_err().kind();
    assert_eq!(kind("mem://db").await, ReadErrorKind::Malformed);
    assert_eq!(kind("mem://db?field=/nobody").await, ReadErrorKind::NotFound);
    assert_eq!(kind("hunter2").await, ReadErrorKind::NotAllowed);
}

#[tokio::test]
async fn shutting_down_ends_refreshers_and_waiting() {
    let (store, clock) = (MemoryStore::new().with("key", "value"), clock());
    let secrets = over(&store, &clock).await;
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    let waiting = start({
        let key = key.clone();
        async move { key.changed().await }
    });
    settle().await;
    assert!(secrets.shutdown(SECONDS(5)).await);
    assert_eq!(waiting.await.unwrap(), None);
    assert!(key.load().matches("value"));
    assert_eq!(secrets.get::<SecretString>("mem://key").await.unwrap_err().kind(), ReadErrorKind::Closed);
    let reads = store.reads();
    pass(&clock, 60).await;
    assert_eq!((store.reads(), key.state()), (reads, SecretState::Failed));
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_store_that_hangs() {
    let clock = clock();
    let gate = GateStore::new(MemoryStore::new().with("key", "value"));
    let secrets =
        builder(&clock).store("gate", gate).allow(["gate://key"]).connect(SECONDS(5)).await.unwrap();
    let asking = start({
        let secrets = secrets.clone();
        async move { secrets.get::<SecretString>("gate://key").await.unwrap_err().kind() }
    });
    settle().await;
    assert!(secrets.shutdown(SECONDS(5)).await);
    assert_eq!(asking.await.unwrap(), ReadErrorKind::Closed);
}

#[tokio::test]
async fn a_second_shutdown_waits_for_the_same_end() {
    let (store, clock) = (MemoryStore::new().with("key", "value"), clock());
    let secrets = over(&store, &clock).await;
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    let (one, two) = tokio::join!(secrets.shutdown(SECONDS(5)), secrets.shutdown(SECONDS(5)));
    assert!(one && two);
    assert!(secrets.status().is_empty());
    assert_eq!(key.refresh().await.unwrap_err().kind(), ReadErrorKind::Closed);
    assert_eq!(key.changed().await, None);
}

#[tokio::test]
async fn a_refresher_ends_with_the_last_handle() {
    let (store, clock) = (MemoryStore::new().with("key", "value"), clock());
    let secrets = over(&store, &clock).await;
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    drop(secrets);
    pass(&clock, 10).await;
    assert_eq!(store.reads(), 2, "a handle keeps its secret fresh");
    drop(key);
    settle().await;
    pass(&clock, 30).await;
    assert_eq!(store.reads(), 2);
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_only_grow_while_many_read_and_one_rotates() {
    crate::log::listen();
    let store = MemoryStore::new().with("key", "0");
    let secrets = gambeson_secrets::Secrets::builder()
        .store("mem", store.clone())
        .allow(["mem://*"])
        .policy(gambeson_secrets::Policy::default().issue_cap_per_minute(1_000))
        .connect(SECONDS(60))
        .await
        .unwrap();
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let key = key.clone();
        readers.spawn(async move {
            let (mut last, mut seen) = (0, 0);
            while last < 200 {
                let loaded = key.load();
                let value: u64 = loaded.expose().parse().unwrap();
                drop(loaded);
                assert!(value >= last);
                (last, seen) = (value, seen + 1);
                tokio::task::yield_now().await;
            }
            seen
        });
    }
    for round in 1..=200_u32 {
        store.put("key", round.to_string());
        tokio::task::yield_now().await;
    }
    while let Some(seen) = readers.join_next().await {
        assert!(seen.unwrap() > 0);
    }
}
