//! What the audit trail is told, and what happens when it can't be.

use std::sync::Arc;

use gambeson_core::{AuditKind, AuditSink, Durability, NullSink, Outcome, SecretErrorKind};
use gambeson_secrets::{MemoryStore, ReadErrorKind, SecretString};
use gambeson_testing::{FailingAuditSink, RecordingAuditSink};

use crate::support::{SECONDS, builder, clock, pass, recorded, settle};

#[tokio::test]
async fn fetches_rotations_reads_failures_and_refusals_are_told_without_values() {
    let (store, clock) = (MemoryStore::new().with("key", "s3cr3t-1"), clock());
    let (secrets, sink) = recorded(&store, &clock).await;
    let key = secrets.get::<SecretString>("mem://key").await.unwrap();
    store.put("key", "s3cr3t-2");
    key.changed().await;
    store.fail_with(Some(SecretErrorKind::Unavailable));
    pass(&clock, 30).await;
    secrets.get::<SecretString>("vault://kv/app").await.unwrap_err();
    let events = sink.events();
    let told: Vec<_> =
        events.iter().map(|event| (&*event.action, event.outcome, event.reason.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("secret.fetch", Outcome::Success, None),
            ("secret.read", Outcome::Success, None),
            ("secret.rotate", Outcome::Success, None),
            ("secret.fetch", Outcome::Failed, Some("unavailable")),
            ("secret.read", Outcome::Denied, Some("not-allowed")),
        ],
        "a failure that goes on is told once"
    );
    assert!(events.iter().all(|event| event.kind == AuditKind::SecretAccess));
    assert_eq!(events[2].object.as_deref(), Some("mem://key"));
    assert_eq!(events[2].details, [("version", "2".to_owned())]);
    assert!(!format!("{events:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_privileged_secret_is_on_record_before_it_is_handed_out() {
    let privileged = async |sink: Arc<dyn AuditSink>, reference: &str| {
        let store = MemoryStore::new().with("key", "value").with("root", "value");
        let builder = builder(&clock()).store("mem", store).allow(["mem://*"]).privileged(["mem://root"]);
        let secrets = builder.audit(sink).connect(SECONDS(5)).await.unwrap();
        secrets.get::<SecretString>(reference).await.map(drop).map_err(|error| error.kind())
    };
    let sink = RecordingAuditSink::new();
    assert_eq!(privileged(Arc::new(sink.clone()), "mem://root").await, Ok(()));
    settle().await;
    assert_eq!(sink.durabilities(), [Durability::Async, Durability::Strict]);
    let unrecorded = Err(ReadErrorKind::Unrecorded);
    assert_eq!(privileged(Arc::new(FailingAuditSink), "mem://root").await, unrecorded);
    assert_eq!(privileged(Arc::new(NullSink), "mem://root").await, unrecorded, "it keeps nothing");
    assert_eq!(privileged(Arc::new(FailingAuditSink), "mem://key").await, Ok(()));
}
