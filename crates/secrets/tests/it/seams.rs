//! Core's traits, as other crates see them.

use gambeson_core::{CredentialErrorKind, CredentialSource, SecretErrorKind, SecretRef, SecretResolver};
use gambeson_secrets::{MemoryStore, SecretString};

use crate::support::{SECONDS, clock, over, pass, settle};

#[tokio::test]
async fn a_resolver_gives_the_value_of_now() {
    let (store, clock) = (MemoryStore::new().with("oidc", r#"{"client_secret":"first"}"#), clock());
    let resolver: Box<dyn SecretResolver> = Box::new(over(&store, &clock).await);
    let reference: SecretRef = "mem://oidc?field=/client_secret".parse().unwrap();
    assert_eq!(resolver.resolve(&reference).await.unwrap().expose(), b"first");
    store.put("oidc", r#"{"client_secret":"second"}"#);
    settle().await;
    assert_eq!(resolver.resolve(&reference).await.unwrap().expose(), b"second");
    for (reference, kind) in
        [("mem://missing", SecretErrorKind::NotFound), ("vault://x", SecretErrorKind::NotAllowed)]
    {
        assert_eq!(resolver.resolve(&reference.parse().unwrap()).await.unwrap_err().kind(), kind);
    }
    store.fail_with(Some(SecretErrorKind::Unavailable));
    pass(&clock, 31).await;
    let error = resolver.resolve(&reference).await.unwrap_err();
    assert_eq!(error.kind(), SecretErrorKind::Unavailable, "a value that is too old is not given");
}

#[tokio::test]
async fn a_bearer_source_follows_rotation_and_reports_what_is_current_only() {
    let (store, clock) = (MemoryStore::new().with("key", "first"), clock());
    let secrets = over(&store, &clock).await;
    let source = secrets.get::<SecretString>("mem://key").await.unwrap().into_bearer().unwrap();
    let old = source.credential().wait().await.unwrap();
    assert_eq!(old.authorization(), "Bearer first");
    assert!(old.authorization().is_sensitive());
    store.put("key", "second");
    settle().await;
    let reads = store.reads();
    source.report_rejected(&old);
    pass(&clock, 1).await;
    assert_eq!(store.reads(), reads, "that one is replaced already");
    let new = source.credential().wait().await.unwrap();
    assert_eq!(new.authorization(), "Bearer second");
    source.report_rejected(&new);
    pass(&clock, 1).await;
    assert_eq!(store.reads(), reads + 1);

    store.fail_with(Some(SecretErrorKind::Unavailable));
    clock.advance(SECONDS(60));
    let error = source.credential().wait().await.unwrap_err();
    assert_eq!(error.kind(), CredentialErrorKind::Unavailable);
}
