//! Data about people: sealed, keyed, plain, erased.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gambeson_audit_trail::{
    AuditTrail, Config, FieldKeys, FileSubjectKeys, Filter, Kept, MemorySubjectKeys, PersonalData,
    StoredEvent, TrailErrorKind, VerifyOptions, read, read_with_keys, tail_with_keys, verify,
};
use gambeson_core::{AuditEvent, AuditSink, Durability, FixedEntropy, Outcome, SecretBytes, Subject};

use super::{LONG, event};

const ISSUER: &str = "https://id.example";

fn secret(n: u8) -> SecretBytes {
    SecretBytes::new(vec![n; 32])
}

fn keyed(store: &Path) -> FieldKeys {
    let store = FileSubjectKeys::open(store).unwrap();
    FieldKeys::new(&secret(1)).unwrap().with_subjects(Arc::new(store)).unwrap()
}

fn of(name: &str) -> AuditEvent {
    let mut event = event("note/1", Some("acme")).detail("user_agent", format!("{name}'s browser"));
    event.context.subject = Some(Subject { issuer: ISSUER.into(), name: name.into() });
    event.context.address = Some([192, 0, 2, 77].into());
    event
}

fn written_for(dir: &Path, keys: &FieldKeys, names: &[&str]) -> AuditTrail {
    let trail = AuditTrail::builder(dir).keys(keys.clone()).open().unwrap();
    for name in names {
        assert!(matches!(trail.record(of(name), Durability::Async).ready(), Ok(Ok(_))));
    }
    trail
}

fn holds(dir: &Path, needle: &str) -> bool {
    fs::read_dir(dir).unwrap().any(|file| {
        let path = file.unwrap().path();
        match path.is_dir() {
            true => holds(&path, needle),
            false => fs::read(&path).unwrap().windows(needle.len()).any(|bytes| bytes == needle.as_bytes()),
        }
    })
}

fn name(event: &StoredEvent) -> &str {
    &event.subject.as_ref().unwrap().sub
}

#[test]
fn erasing_one_key_erases_one_person_and_the_chain_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let keys = keyed(&store);
    let trail = written_for(&dir, &keys, &["alice", "robert", "alice"]);
    let seen = trail.recent(Some("acme"), 10).unwrap();
    assert_eq!(seen.iter().map(name).collect::<Vec<_>>(), ["alice", "robert", "alice"]);
    assert_eq!(seen[0].address.as_deref(), Some("192.0.2.77"));
    assert_eq!(seen[0].details["user_agent"], "alice's browser");
    let head = trail.close(LONG).unwrap();
    for plain in ["alice", "robert", "192.0.2.77"] {
        assert!(!holds(folder.path(), plain), "{plain} is on the disk");
    }

    assert!(keyed(&store).erase(ISSUER, "alice").unwrap());
    assert!(!keyed(&store).erase(ISSUER, "alice").unwrap(), "she is erased already");
    assert!(!keyed(&store).erase("https://other.example", "robert").unwrap());
    let report = verify(&dir, &VerifyOptions::default().head(head)).unwrap();
    assert_eq!((report.events, report.head_confirmed), (3, true));
    // A reader that has opened them before has no way either.
    for keys in [keys, keyed(&store)] {
        let seen = tail_with_keys(&dir, &Filter::events(), 10, &keys).unwrap();
        let seen: Vec<_> = seen.into_iter().filter_map(|entry| entry.into_event()).collect();
        assert_eq!((Kept::of(name(&seen[0])), name(&seen[1])), (Kept::Erased, "robert"));
        assert_eq!(name(&seen[0]), name(&seen[2]), "that it was one person still shows");
        assert_eq!(Kept::of(seen[0].address.as_ref().unwrap()), Kept::Erased);
        assert_eq!(Kept::of(&seen[0].details["user_agent"]), Kept::Erased);
        assert_eq!(seen[1].details["user_agent"], "robert's browser");
        let of = |name: &str| read_with_keys(&dir, Filter::events().subject(name), &keys).unwrap().count();
        assert_eq!((of("alice"), of("robert")), (0, 1));
    }
}

#[test]
fn after_an_erasure_a_running_app_takes_a_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let trail = written_for(&dir, &keyed(&store), &["alice"]);
    assert!(keyed(&store).erase(ISSUER, "alice").unwrap(), "as another process would");
    let _ = trail.record(of("alice"), Durability::Async);
    let seen = trail.recent(None, 10).unwrap();
    assert_eq!((Kept::of(name(&seen[0])), name(&seen[1])), (Kept::Erased, "alice"));
}

#[test]
fn a_keyed_name_can_be_looked_up_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    let keys = FieldKeys::new(&secret(1)).unwrap();
    written_for(&dir, &keys, &["alice", "robert"]).close(LONG).unwrap();
    assert!(!holds(folder.path(), "alice") && !holds(folder.path(), "192.0.2.77"));
    let found = |keys: &FieldKeys, name: &str| {
        read_with_keys(&dir, Filter::events().subject(name), keys).unwrap().count()
    };
    let other = FieldKeys::new(&secret(2)).unwrap();
    assert_eq!((found(&keys, "alice"), found(&keys, "carol"), found(&other, "alice")), (1, 0, 0));
    let seen: Vec<_> =
        read(&dir, Filter::events()).unwrap().map(|entry| entry.unwrap().into_event().unwrap()).collect();
    assert_eq!(name(&seen[0]), keys.hmac("sub", "alice"));
    assert_ne!(keys.hmac("sub", "alice"), keys.hmac("address", "alice"), "a digest is good for one field");
    assert!(keys.made(name(&seen[0])) && !other.made(name(&seen[0])));
}

#[test]
fn without_keys_it_is_plain_and_what_asks_for_keys_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    for how in [PersonalData::Hmac, PersonalData::Sealed] {
        let error = AuditTrail::open(&dir, &Config::default().personal_data(how)).unwrap_err();
        assert_eq!(error.kind(), TrailErrorKind::Keys);
        assert!(error.to_string().contains(how.as_str()), "{error}");
    }
    assert!(!dir.exists(), "nothing is begun that can't be kept");
    let half = FieldKeys::new(&secret(1)).unwrap();
    let sealed = Config::default().personal_data(PersonalData::Sealed);
    let error = AuditTrail::builder(&dir).config(sealed).keys(half.clone()).open().unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Keys);
    let plain = Config::default().personal_data(PersonalData::Plain);
    let trail = AuditTrail::builder(&dir).config(plain).keys(half).open().unwrap();
    let _ = trail.record(of("alice"), Durability::Async);
    let _ = trail.record(of("sealed:x"), Durability::Async);
    let seen = trail.recent(None, 10).unwrap();
    assert_eq!((name(&seen[0]), name(&seen[1])), ("alice", "sealed:x"));
    trail.close(LONG).unwrap();
    let seen = read(&dir, Filter::events().subject("sealed:x")).unwrap().next().unwrap().unwrap();
    assert_eq!(Kept::of(name(&seen.into_event().unwrap())), Kept::Plain, "a name never looks sealed");
}

#[test]
fn a_wrong_or_short_secret_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("keys");
    drop(keyed(&store));
    let other = FieldKeys::new(&secret(2)).unwrap();
    let error = other.with_subjects(Arc::new(FileSubjectKeys::open(&store).unwrap())).unwrap_err();
    assert_eq!(error.kind(), TrailErrorKind::Keys);
    let error = FieldKeys::new(&SecretBytes::new(vec![7; 31])).unwrap_err();
    assert!(error.to_string().contains("31 bytes"), "{error}");
    let keys = FieldKeys::new(&SecretBytes::new(b"correct horse battery staple, and more".to_vec())).unwrap();
    let keys = keys.with_subjects(Arc::new(MemorySubjectKeys::new())).unwrap();
    assert!(!format!("{keys:?}").contains("horse"), "{keys:?}");
}

#[tokio::test]
async fn when_a_key_can_not_be_kept_the_name_is_withheld_and_a_strict_act_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let trail = written_for(&dir, &keyed(&store), &["alice"]);
    fs::remove_dir_all(&store).unwrap();
    assert!(trail.record(of("robert"), Durability::Strict).wait().await.is_err());
    assert!(matches!(trail.record(of("robert"), Durability::Async).ready(), Ok(Ok(_))));
    let mut stored = read(&dir, Filter::events().outcome(Outcome::Success)).unwrap();
    trail.close(LONG).unwrap();
    let last = stored.by_ref().last().unwrap().unwrap().into_event().unwrap();
    assert_eq!(Kept::of(name(&last)), Kept::Withheld);
    assert!(!holds(folder.path(), "robert"));
}

#[test]
fn no_two_texts_are_sealed_alike() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    let keys = FieldKeys::new(&secret(1)).unwrap().with_subjects(Arc::new(MemorySubjectKeys::new())).unwrap();
    let keys = keys.with_entropy(Arc::new(FixedEntropy::starting_at(1)));
    let mut many = of("alice");
    for _ in 0..7 {
        many = many.detail("email", "alice@example.org");
    }
    let trail = AuditTrail::builder(&dir).keys(keys.clone()).open().unwrap();
    for _ in 0..200 {
        let _ = trail.record(many.clone(), Durability::Ordered);
    }
    trail.close(LONG).unwrap();
    let mut nonces = std::collections::HashSet::new();
    for entry in read(&dir, Filter::events()).unwrap() {
        let event = entry.unwrap().into_event().unwrap();
        let texts =
            event.details.values().chain(&event.address).chain([&event.subject.as_ref().unwrap().sub]);
        for text in texts {
            // Salt and nonce are the first 28 bytes: 37 digits of base64 and two bits.
            let (_, bytes) = text.rsplit_once(':').unwrap();
            assert!(nonces.insert(bytes[..37].to_owned()), "a nonce came twice");
        }
    }
    assert_eq!(nonces.len(), 200 * 10);
}

#[test]
fn what_nobody_in_particular_did_is_sealed_and_erased_too() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, store) = (folder.path().join("audit"), folder.path().join("keys"));
    let keys = keyed(&store);
    let trail = AuditTrail::builder(&dir).keys(keys.clone()).open().unwrap();
    let mut stranger = event("note/1", None);
    stranger.context.address = Some([192, 0, 2, 77].into());
    let _ = trail.record(stranger, Durability::Async);
    assert_eq!(trail.recent(None, 1).unwrap()[0].address.as_deref(), Some("192.0.2.77"));
    assert!(!holds(folder.path(), "192.0.2.77"));
    assert!(keys.erase_strangers().unwrap());
    assert_eq!(Kept::of(trail.recent(None, 1).unwrap()[0].address.as_ref().unwrap()), Kept::Erased);
}
