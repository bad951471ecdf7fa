//! What a start refuses, all at once, and what may be read at all.

use gambeson_core::{Answer, Health, HealthCheck};
use gambeson_secrets::{EnvStore, MemoryStore, ReadErrorKind, SecretState, SecretString, Secrets};

use crate::support::{GateStore, SECONDS, builder, clock, pass, policy, settle, start};

#[tokio::test]
async fn a_start_lists_everything_that_is_missing_by_cause() {
    let (store, clock) = (MemoryStore::new().with("there", r#"{"a":1}"#), clock());
    let gate = GateStore::new(MemoryStore::new());
    let connecting = builder(&clock)
        .store("mem", store)
        .store("gate", gate)
        .allow(["mem://*", "gate://slow"])
        .require([
            "mem://there",
            "mem://two",
            "mem://one",
            "mem://there?field=/b",
            "gate://slow",
            "vault://kv/x",
        ])
        .connect(SECONDS(5));
    let connecting = start(connecting);
    settle().await;
    pass(&clock, 5).await;
    let error = connecting.await.unwrap().unwrap_err();
    let missing: Vec<_> = error.missing().iter().map(|error| (error.kind(), error.reference())).collect();
    use ReadErrorKind::{NotAllowed, NotFound, Unavailable};
    assert_eq!(
        missing,
        [
            (NotAllowed, "vault://…"),
            (NotFound, "mem://one"),
            (NotFound, "mem://there?field=/b"),
            (NotFound, "mem://two"),
            (Unavailable, "gate://slow"),
        ]
    );
    let text = error.to_string();
    assert!(text.starts_with("5 required secrets are missing\n"), "{text}");
    assert_eq!(text.matches("secret not found:").count(), 1, "{text}");
}

#[tokio::test]
async fn a_start_lists_every_problem_of_the_configuration() {
    let error = Secrets::builder()
        .store("mem", MemoryStore::new())
        .store("mem", MemoryStore::new())
        .store("Mem", MemoryStore::new())
        .require(["hunter2"])
        .privileged(["hunter2"])
        .policy(policy().refresh_at(0.9..1.5).issue_cap_per_minute(0).min_interval(SECONDS(0)))
        .connect(SECONDS(5))
        .await
        .unwrap_err();
    let problems = error.configuration().unwrap().problems();
    assert_eq!(problems.len(), 8, "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn nothing_that_is_not_allowed_reaches_a_store() {
    let (store, clock) = (MemoryStore::new().with("app/key", "v").with("other/key", "v"), clock());
    let secrets = builder(&clock)
        .store("mem", store.clone())
        .allow(["mem://app/*", "env://A"])
        .connect(SECONDS(5))
        .await
        .unwrap();
    for reference in [
        "mem://other/key",
        "mem://app",
        "mem://app//key",
        "mem://app/./key",
        "mem://app/%2e%2e/other/key",
        "mem://app/..%2fother/key",
        "env://A",
        "exec://app/key",
    ] {
        let error = secrets.get::<SecretString>(reference).await.unwrap_err();
        assert_eq!(error.kind(), ReadErrorKind::NotAllowed, "{reference}");
    }
    assert_eq!(store.reads(), 0);
}

#[tokio::test]
async fn no_more_references_are_kept_than_the_policy_allows() {
    let (store, clock) = (MemoryStore::new().with("good", "v"), clock());
    let secrets = builder(&clock)
        .policy(policy().max_references(4))
        .store("mem", store.clone().with("late", "v"))
        .allow(["mem://*"])
        .connect(SECONDS(5))
        .await
        .unwrap();
    let _good = secrets.get::<SecretString>("mem://good").await.unwrap();
    for number in 0..100 {
        assert!(secrets.get::<SecretString>(&format!("mem://bad/{number}")).await.is_err());
        assert!(secrets.status().len() <= 4);
    }
    assert!(secrets.get::<SecretString>("mem://late").await.is_ok(), "what was never there makes room");
}

#[tokio::test]
async fn what_nobody_holds_makes_room_and_what_is_required_or_waited_for_stays() {
    let clock = clock();
    let (store, gate) =
        (MemoryStore::new(), GateStore::new(MemoryStore::new().with("slow", "v").with("late", "v")));
    ["key", "one", "two", "three"].iter().for_each(|name| store.put(name, "v"));
    let builder = builder(&clock).policy(policy().max_references(3)).require(["mem://key"]);
    let builder = builder.store("mem", store.clone()).store("gate", gate.clone());
    let secrets = builder.allow(["mem://*", "gate://*"]).connect(SECONDS(5)).await.unwrap();
    let waiting = start({
        let secrets = secrets.clone();
        async move { secrets.get::<SecretString>("gate://slow").await.map(drop) }
    });
    settle().await;
    for name in ["one", "two", "three"] {
        secrets.get::<SecretString>(&format!("mem://{name}")).await.unwrap();
    }
    let known = secrets.status().into_iter().map(|status| status.reference.to_string());
    assert_eq!(known.collect::<Vec<_>>(), ["gate://slow", "mem://key", "mem://three"]);
    let _three = secrets.get::<SecretString>("mem://three").await.unwrap();
    let error = secrets.get::<SecretString>("mem://one").await.unwrap_err();
    assert_eq!(error.kind(), ReadErrorKind::Unavailable, "all are in use");
    gate.open.send_replace(true);
    waiting.await.unwrap().unwrap();
    assert_eq!((gate.behind.reads(), store.reads()), (1, 4));
}

#[tokio::test]
async fn status_and_health_tell_of_required_secrets() {
    let (store, clock) = (MemoryStore::new().with("key", "v").with("other", "v"), clock());
    let secrets = builder(&clock)
        .store("mem", store.clone())
        .allow(["mem://*"])
        .require(["mem://key"])
        .connect(SECONDS(5))
        .await
        .unwrap();
    let health = || match secrets.check() {
        Answer::Ready(health) => health,
        Answer::Pending(_) => panic!("health is known at once"),
    };
    assert_eq!((secrets.name(), health()), ("secrets", Health::Healthy));
    store.remove("key");
    settle().await;
    assert_eq!(health(), Health::Degraded("not read again when due: mem://key".into()));
    let [status] = &secrets.status()[..] else { panic!("one reference is known") };
    assert!(status.required && matches!(status.state, SecretState::Stale { .. }));
    assert_eq!((status.failures, status.last_error), (1, Some(ReadErrorKind::NotFound)));
    pass(&clock, 30).await;
    assert_eq!(health(), Health::Unhealthy("too old to be used: mem://key".into()));
    store.put("key", "v");
    settle().await;
    assert_eq!(health(), Health::Healthy);
    secrets.shutdown(SECONDS(5)).await;
    assert_eq!(
        health(),
        Health::Unhealthy("too old to be used: mem://key".into()),
        "nothing is there any more"
    );
}

#[tokio::test]
async fn the_environment_gives_what_is_set_and_not_empty() {
    let clock = clock();
    let store = EnvStore::with_lookup(|name| match name {
        "MODEL_KEY" => Some("from-env".into()),
        "EMPTY" => Some("".into()),
        _ => None,
    });
    let secrets = builder(&clock).store("env", store).allow(["env://*"]).connect(SECONDS(5)).await.unwrap();
    assert!(secrets.get::<SecretString>("env://MODEL_KEY").await.unwrap().load().matches("from-env"));
    for reference in ["env://EMPTY", "env://MISSING", "env://MODEL_KEY?version=3", "env://MODEL-KEY"] {
        let error = secrets.get::<SecretString>(reference).await.unwrap_err();
        assert_eq!(error.kind(), ReadErrorKind::NotFound, "{reference}");
    }
}
