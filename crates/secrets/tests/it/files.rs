//! Mounted files: swaps, links, permissions, sizes.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use gambeson_core::Profile;
use gambeson_secrets::{FileStore, ReadErrorKind, SecretState, SecretString, Secrets, SecretsBuilder};
use tempfile::TempDir;

use crate::support::{SECONDS, builder, clock, pass};

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// A directory as Kubernetes mounts it: the files are links into `..data`, which is a link to a generation.
fn generation(mount: &Path, name: &str, key: &str) {
    let directory = mount.join(name);
    fs::create_dir(&directory).unwrap();
    write(&directory.join("key"), key);
    symlink(name, mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
}

fn over(directory: &TempDir, clock: &gambeson_testing::ManualClock) -> SecretsBuilder {
    builder(clock).store("file", FileStore::new().root("app", directory.path())).allow(["file://app/*"])
}

async fn connected(directory: &TempDir) -> Secrets {
    over(directory, &clock()).connect(SECONDS(5)).await.unwrap()
}

async fn refusal(secrets: &Secrets, reference: &str) -> ReadErrorKind {
    secrets.get::<SecretString>(reference).await.unwrap_err().kind()
}

#[tokio::test]
async fn a_swapped_mount_is_a_rotation_within_the_interval() {
    let (mount, clock) = (TempDir::new().unwrap(), clock());
    generation(mount.path(), "..2026_11_24_1", "first\n");
    symlink("..data/key", mount.path().join("key")).unwrap();
    let secrets = over(&mount, &clock).connect(SECONDS(5)).await.unwrap();
    let key = secrets.get::<SecretString>("file://app/key").await.unwrap();
    assert!(key.load().matches("first"), "the line end is not part of the secret");

    generation(mount.path(), "..2026_11_24_2", "second\n");
    fs::remove_dir_all(mount.path().join("..2026_11_24_1")).unwrap();
    pass(&clock, 10).await;
    assert_eq!(key.changed().await.unwrap().get(), 2);
    assert!(key.load().matches("second"));
}

#[tokio::test]
async fn a_file_that_is_away_for_a_moment_is_stale_and_comes_back() {
    let (mount, clock) = (TempDir::new().unwrap(), clock());
    let path = mount.path().join("key");
    write(&path, "value");
    let secrets = over(&mount, &clock).connect(SECONDS(5)).await.unwrap();
    let key = secrets.get::<SecretString>("file://app/key").await.unwrap();
    fs::remove_file(&path).unwrap();
    pass(&clock, 9).await;
    assert!(matches!(key.state(), SecretState::Stale { .. }));
    write(&path, "value");
    pass(&clock, 9).await;
    assert_eq!((key.state(), key.version().get()), (SecretState::Fresh, 1));
}

#[tokio::test]
async fn a_file_that_is_replaced_by_another_is_a_rotation() {
    let (mount, clock) = (TempDir::new().unwrap(), clock());
    let path = mount.path().join("key");
    write(&path, "first");
    let secrets = over(&mount, &clock).connect(SECONDS(5)).await.unwrap();
    let key = secrets.get::<SecretString>("file://app/key").await.unwrap();
    write(&mount.path().join("new"), "second");
    fs::rename(mount.path().join("new"), &path).unwrap();
    pass(&clock, 8).await;
    assert_eq!(key.changed().await.unwrap().get(), 2);
    assert!(key.load().matches("second"));
}

#[tokio::test]
async fn whatever_becomes_of_a_file_its_last_good_value_stays_for_its_time() {
    type Spoil = fn(&Path);
    let spoils: [Spoil; 5] = [
        |path| fs::remove_file(path).unwrap(),
        |path| write(path, ""),
        |path| write(path, &"x".repeat(65_537)),
        |path| fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap(),
        |path| {
            fs::remove_file(path).unwrap();
            symlink(path, path).unwrap();
        },
    ];
    for spoil in spoils {
        let (mount, clock) = (TempDir::new().unwrap(), clock());
        let path = mount.path().join("key");
        write(&path, "value");
        let secrets = over(&mount, &clock).connect(SECONDS(5)).await.unwrap();
        let key = secrets.get::<SecretString>("file://app/key").await.unwrap();
        spoil(&path);
        pass(&clock, 9).await;
        assert!(matches!(key.state(), SecretState::Stale { .. }));
        assert!(key.usable().unwrap().matches("value"));
        pass(&clock, 21).await;
        assert_eq!(key.usable().unwrap_err().kind(), ReadErrorKind::Unavailable);
        fs::remove_file(&path).ok();
        write(&path, "other");
        pass(&clock, 9).await;
        assert!(key.usable().unwrap().matches("other"));
    }
}

#[tokio::test]
async fn a_link_to_a_privileged_secret_is_one_too() {
    let mount = TempDir::new().unwrap();
    write(&mount.path().join("root"), "root's");
    symlink("root", mount.path().join("alias")).unwrap();
    // The default sink keeps nothing: what must be on record is not handed out.
    let builder = over(&mount, &clock()).privileged(["file://app/root"]);
    let secrets = builder.connect(SECONDS(5)).await.unwrap();
    assert_eq!(refusal(&secrets, "file://app/root").await, ReadErrorKind::Unrecorded);
    assert_eq!(refusal(&secrets, "file://app/alias").await, ReadErrorKind::Unrecorded);
}

#[tokio::test]
async fn nothing_outside_of_the_root_is_read() {
    let (mount, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(&outside.path().join("key"), "theirs");
    symlink(outside.path().join("key"), mount.path().join("leads-out")).unwrap();
    symlink(outside.path(), mount.path().join("door")).unwrap();
    let secrets = connected(&mount).await;
    assert_eq!(refusal(&secrets, "file://app/leads-out").await, ReadErrorKind::Denied);
    assert_eq!(refusal(&secrets, "file://app/door/key").await, ReadErrorKind::Denied);
    assert_eq!(refusal(&secrets, "file://app/../key").await, ReadErrorKind::NotAllowed);
    assert_eq!(refusal(&secrets, "file://other/key").await, ReadErrorKind::NotAllowed);
}

#[tokio::test]
async fn a_link_to_another_secret_needs_that_one_to_be_allowed() {
    let (mount, clock) = (TempDir::new().unwrap(), clock());
    write(&mount.path().join("admin"), "root's");
    write(&mount.path().join("own"), "mine");
    symlink("admin", mount.path().join("public")).unwrap();
    symlink("own", mount.path().join("alias")).unwrap();
    let store = FileStore::new().root("app", mount.path());
    let allow = ["file://app/public", "file://app/alias", "file://app/own"];
    let secrets = builder(&clock).store("file", store).allow(allow).connect(SECONDS(5)).await.unwrap();
    assert_eq!(refusal(&secrets, "file://app/public").await, ReadErrorKind::NotAllowed);
    assert!(secrets.get::<SecretString>("file://app/alias").await.unwrap().load().matches("mine"));
}

#[tokio::test]
async fn a_mounts_own_names_are_no_secrets() {
    let mount = TempDir::new().unwrap();
    generation(mount.path(), "..2026", "value");
    let secrets = connected(&mount).await;
    for reference in ["file://app/..data/key", "file://app/..2026/key"] {
        assert_eq!(refusal(&secrets, reference).await, ReadErrorKind::Denied, "{reference}");
    }
}

#[tokio::test]
async fn what_others_may_read_or_write_is_refused_in_production() {
    for mode in [0o644, 0o604, 0o602, 0o640] {
        let mount = TempDir::new().unwrap();
        let path = mount.path().join("key");
        write(&path, "value");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let readable = async |profile, store: FileStore| {
            let builder = builder(&clock()).store("file", store.root("app", mount.path())).run_in(profile);
            let secrets = builder.allow(["file://app/*"]).connect(SECONDS(5)).await.unwrap();
            secrets.get::<SecretString>("file://app/key").await.map(drop).map_err(|error| error.kind())
        };
        let refused = if mode == 0o640 { Ok(()) } else { Err(ReadErrorKind::Denied) };
        assert_eq!(readable(Profile::Production, FileStore::new()).await, refused, "{mode:o}");
        assert_eq!(readable(Profile::Development, FileStore::new()).await, Ok(()));
        let accepting = FileStore::new().dangerously_accept_world_readable();
        assert_eq!(readable(Profile::Production, accepting).await, Ok(()));
    }
}

#[tokio::test]
async fn the_error_of_an_open_file_says_the_cure() {
    let mount = TempDir::new().unwrap();
    write(&mount.path().join("key"), "value");
    fs::set_permissions(mount.path().join("key"), Permissions::from_mode(0o644)).unwrap();
    let error = over(&mount, &clock()).require(["file://app/key"]).connect(SECONDS(5)).await.unwrap_err();
    assert!(error.to_string().contains("chmod o-rwx"), "{error}");
}

#[tokio::test]
async fn large_empty_and_odd_files_are_refused() {
    let mount = TempDir::new().unwrap();
    write(&mount.path().join("large"), &"x".repeat(65_537));
    write(&mount.path().join("fits"), &"x".repeat(65_536));
    write(&mount.path().join("empty"), "\n");
    fs::create_dir(mount.path().join("directory")).unwrap();
    let _socket = UnixListener::bind(mount.path().join("socket")).unwrap();
    let secrets = connected(&mount).await;
    assert_eq!(refusal(&secrets, "file://app/large").await, ReadErrorKind::Denied);
    assert_eq!(refusal(&secrets, "file://app/empty").await, ReadErrorKind::Unavailable);
    assert_eq!(refusal(&secrets, "file://app/directory").await, ReadErrorKind::Denied);
    assert_eq!(refusal(&secrets, "file://app/socket").await, ReadErrorKind::Denied);
    assert_eq!(refusal(&secrets, "file://app/missing").await, ReadErrorKind::NotFound);
    assert_eq!(refusal(&secrets, "file://app/fits/key").await, ReadErrorKind::NotFound);
    assert_eq!(refusal(&secrets, "file://app/fits?version=2").await, ReadErrorKind::NotFound);
    assert_eq!(secrets.get::<SecretString>("file://app/fits").await.unwrap().load().expose().len(), 65_536);
}

#[tokio::test]
async fn bytes_are_taken_as_they_are() {
    let mount = TempDir::new().unwrap();
    let path = mount.path().join("key");
    write(&path, "");
    fs::write(&path, [0xff, 0x00, b'\n']).unwrap();
    write(&mount.path().join("text"), "line\r\n");
    let bytes = async |secrets: &Secrets, reference: &str| {
        secrets.bytes(&reference.parse().unwrap()).await.unwrap().expose().to_vec()
    };
    let secrets = connected(&mount).await;
    assert_eq!(bytes(&secrets, "file://app/key").await, [0xff, 0x00, b'\n']);
    assert_eq!(bytes(&secrets, "file://app/text").await, b"line");
    let verbatim = FileStore::new().root("app", mount.path()).verbatim();
    let secrets = builder(&clock()).store("file", verbatim).allow(["file://app/*"]).connect(SECONDS(5));
    assert_eq!(bytes(&secrets.await.unwrap(), "file://app/text").await, b"line\r\n");
}

#[tokio::test]
async fn a_root_is_an_absolute_path() {
    let store =
        FileStore::new().root("app", "secrets").root("a/b", "/a/b").max_bytes(0).poll_every(SECONDS(0));
    let error = builder(&clock()).store("file", store).allow(["file://app/*"]).connect(SECONDS(5)).await;
    assert_eq!(error.unwrap_err().configuration().unwrap().problems().len(), 4);
}

#[tokio::test]
async fn a_root_that_is_not_mounted_is_named_as_the_cause() {
    let mount = TempDir::new().unwrap();
    let store = FileStore::new().root("app", mount.path().join("nothing"));
    let builder = builder(&clock()).store("file", store).allow(["file://app/*"]).require(["file://app/key"]);
    let error = builder.connect(SECONDS(5)).await.unwrap_err();
    assert!(error.to_string().contains("is it mounted?"), "{error}");
}
