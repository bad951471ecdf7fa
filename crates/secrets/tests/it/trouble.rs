//! Stores in trouble: backoff, caps, bounded staleness, rejected credentials.

use gambeson_core::{Answer, Clock, SecretError, SecretErrorKind, SecretRef};
use gambeson_secrets::{
    Fetched, MemoryStore, ReadContext, ReadErrorKind, SecretState, SecretStore, SecretString,
};
use tokio::task::JoinSet;

use crate::support::{GateStore, SECONDS, builder, clock, over, pass, policy, settle, start};

#[tokio::test]
async fn staleness_is_visible_bounded_and_over_with_the_first_good_read() {
    let (store, clock) = (MemoryStore::new().with("key", "value"), clock());
    let secrets = over(&store, &clock).await;
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    store.fail_with(Some(SecretErrorKind::Unavailable));
    pass(&clock, 9).await;
    let SecretState::Stale { since } = key.state() else { panic!("{:?}", key.state()) };
    assert!((1..=3).contains(&clock.now().since(since).as_secs()), "it failed at 60 to 80 % of ten seconds");
    assert!(key.usable().unwrap().matches("value"));
    pass(&clock, 20).await;
    assert!(matches!(key.state(), SecretState::Stale { .. }));
    pass(&clock, 1).await;
    assert_eq!(key.state(), SecretState::Failed, "ten seconds of freshness and twenty of staleness");
    assert_eq!(key.usable().unwrap_err().kind(), ReadErrorKind::Unavailable);
    assert!(key.load().matches("value"), "the last good value, for who takes the risk");

    store.fail_with(None);
    pass(&clock, 9).await;
    assert_eq!(key.state(), SecretState::Fresh);
    assert_eq!(key.version().get(), 1);
}

#[tokio::test]
async fn a_lifetime_that_is_over_is_over_however_stale_the_policy_allows() {
    let (store, clock) = (MemoryStore::new(), clock());
    store.put_for("key", "value", SECONDS(5));
    let secrets = over(&store, &clock).await;
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    store.fail_with(Some(SecretErrorKind::Denied));
    pass(&clock, 5).await;
    assert_eq!(key.state(), SecretState::Failed);
}

#[tokio::test]
async fn failures_are_tried_again_with_growing_waits() {
    let (store, clock) = (MemoryStore::new().with("key", "value"), clock());
    let secrets = over(&store, &clock).await;
    let _key = secrets.get::<SecretString>("mem://key").await.unwrap();
    store.fail_with(Some(SecretErrorKind::Unavailable));
    let mut waits = Vec::new();
    let mut last = store.reads();
    let mut waited = 0;
    for _ in 0..3_000 {
        clock.advance(std::time::Duration::from_millis(100));
        settle().await;
        waited += 1;
        if store.reads() != last {
            waits.push(waited);
            (last, waited) = (store.reads(), 0);
        }
    }
    assert!((60..=81).contains(&waits[0]), "{waits:?}");
    assert!(waits[1..].iter().all(|wait| (10..=81).contains(wait)), "{waits:?}");
    assert!(
        waits[5..].iter().all(|wait| *wait >= 40),
        "the longest is eight seconds, of which a half at least: {waits:?}"
    );
}

#[tokio::test]
async fn a_missing_secret_is_not_asked_for_by_every_caller() {
    let (store, clock) = (MemoryStore::new(), clock());
    let secrets = over(&store, &clock).await;
    for _ in 0..100 {
        let error = secrets.get::<SecretString>("mem://key").await.unwrap_err();
        assert_eq!(error.kind(), ReadErrorKind::NotFound);
    }
    assert_eq!(store.reads(), 1);
    store.put("key", "value");
    assert!(
        secrets.get::<SecretString>("mem://key").await.unwrap().load().matches("value"),
        "its store said so"
    );
}

#[tokio::test]
async fn sixty_four_reports_of_a_rejection_cost_one_read() {
    let clock = clock();
    let gate = GateStore::new(MemoryStore::new().with("key", "first"));
    gate.open.send_replace(true);
    let secrets =
        builder(&clock).store("gate", gate.clone()).allow(["gate://key"]).connect(SECONDS(5)).await.unwrap();
    let key = secrets.get::<SecretString>("gate://key").await.unwrap();
    let old = key.version();
    gate.behind.put("key", "second");
    (0..64).for_each(|_| key.report_rejected());
    settle().await;
    assert_eq!(gate.behind.reads(), 1, "not within the least interval");
    pass(&clock, 1).await;
    assert_eq!(gate.behind.reads(), 2);
    assert!(key.load().matches("second"));
    (0..64).for_each(|_| key.report_rejected_version(old));
    pass(&clock, 2).await;
    assert_eq!(gate.behind.reads(), 2, "the one that was rejected is gone already");
}

#[tokio::test]
async fn a_refresh_waits_for_a_read_that_begins_after_it() {
    let clock = clock();
    let gate = GateStore::new(MemoryStore::new().with("key", "first"));
    gate.open.send_replace(true);
    let secrets =
        builder(&clock).store("gate", gate.clone()).allow(["gate://key"]).connect(SECONDS(5)).await.unwrap();
    let key = secrets.get::<SecretString>("gate://key").await.unwrap();
    gate.behind.put("key", "second");
    let mut waiting = JoinSet::new();
    for _ in 0..8 {
        let key = key.clone();
        waiting.spawn(async move { key.refresh().await.unwrap().get() });
    }
    settle().await;
    pass(&clock, 1).await;
    while let Some(version) = waiting.join_next().await {
        assert_eq!(version.unwrap(), 2);
    }
    assert_eq!(gate.behind.reads(), 2);
}

#[tokio::test]
async fn whatever_asks_no_minute_sees_more_reads_than_the_cap() {
    let (store, clock) = (MemoryStore::new().with("key", "0"), clock());
    let secrets = builder(&clock)
        .policy(policy().issue_cap_per_minute(5))
        .store("mem", store.clone())
        .allow(["mem://*"])
        .connect(SECONDS(5))
        .await
        .unwrap();
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    for round in 0..59 {
        store.put("key", round.to_string());
        key.report_rejected();
        pass(&clock, 1).await;
    }
    assert_eq!(store.reads(), 5);
    pass(&clock, 2).await;
    assert!(key.load().matches("58"), "and what was asked for is read as soon as there is room");
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_given_up() {
    let clock = clock();
    let gate = GateStore::new(MemoryStore::new().with("key", "value"));
    let secrets =
        builder(&clock).store("gate", gate.clone()).allow(["gate://key"]).connect(SECONDS(5)).await.unwrap();
    let asking = start({
        let secrets = secrets.clone();
        async move { secrets.get::<SecretString>("gate://key").await.unwrap_err() }
    });
    settle().await;
    pass(&clock, 10).await;
    let error = asking.await.unwrap();
    assert_eq!(error.kind(), ReadErrorKind::Unavailable);
}

#[tokio::test]
async fn who_goes_on_rejecting_the_same_value_is_heard_after_growing_waits() {
    let (store, clock) = (MemoryStore::new().with("key", "first"), clock());
    let policy = policy().ttl(SECONDS(600));
    let secrets = builder(&clock).policy(policy).store("mem", store.clone()).allow(["mem://*"]);
    let secrets = secrets.connect(SECONDS(5)).await.unwrap();
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    for _ in 0..60 {
        key.report_rejected();
        pass(&clock, 1).await;
    }
    assert!((8..=20).contains(&store.reads()), "waits grow to four to eight seconds: {}", store.reads());
    store.put("key", "second");
    settle().await;
    let reads = store.reads();
    key.report_rejected();
    pass(&clock, 1).await;
    assert_eq!(store.reads(), reads + 1, "another value is read again at once");
}

#[derive(Debug)]
struct PanicStore(MemoryStore);

impl SecretStore for PanicStore {
    fn fetch(&self, reference: &SecretRef, context: &ReadContext) -> Answer<Result<Fetched, SecretError>> {
        let answer = self.0.fetch(reference, context);
        assert!(self.0.reads() > 1, "a store that panics once");
        answer
    }
}

#[tokio::test]
async fn nobody_waits_for_a_store_that_panicked() {
    let clock = clock();
    let store = PanicStore(MemoryStore::new().with("key", "value"));
    let secrets = builder(&clock).store("p", store).allow(["p://key"]).connect(SECONDS(5)).await.unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let secrets = secrets.clone();
        callers.spawn(async move { secrets.get::<SecretString>("p://key").await.map(drop) });
    }
    while let Some(caller) = callers.join_next().await {
        assert_eq!(caller.unwrap().unwrap_err().kind(), ReadErrorKind::Closed);
    }
    assert!(secrets.get::<SecretString>("p://key").await.unwrap().load().matches("value"), "asked anew");
}
