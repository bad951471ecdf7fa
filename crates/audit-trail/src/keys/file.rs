//! Keys of subjects in a folder, one file each.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::hex;
use super::store::{KeyId, SubjectKey, SubjectKeys, SubjectTag};
use crate::segment;

/// No file of the store is longer.
const LONGEST: u64 = 256;

/// Keys in a folder that only its owner may read: `keys/<id>` holds a key, `subjects/<tag>` says which one a subject has.
///
/// Each file is written beside, synced and then given its name: a crash leaves a key whole or not there. Processes may share
/// the folder. Erasing removes the key first. Whoever reads the
/// folder can read what was sealed: keep it on another volume than the trail and out of the trail's backups, else a backup
/// brings an erased key back. What the disk itself keeps of a removed file is the disk's to say.
#[derive(Debug)]
pub struct FileSubjectKeys {
    dir: PathBuf,
    written: AtomicU64,
}

impl FileSubjectKeys {
    /// Opens the store in `dir`, which is created for its owner only if need be.
    ///
    /// # Errors
    /// The folder can't be created or read, or others than its owner may enter it.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let store = Self { dir: dir.into(), written: AtomicU64::new(0) };
        segment::create_dir(&store.dir)?;
        refuse_others(&store.dir)?;
        for folder in ["keys", "subjects"] {
            segment::create_dir(&store.dir.join(folder))?;
        }
        segment::sync_dir(&store.dir)?;
        Ok(store)
    }

    /// Opens a store that is there already: for tools that should not make one where none was.
    ///
    /// # Errors
    /// There is none in `dir`, or as [`open`](Self::open).
    pub fn open_existing(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        if !dir.join("keys").is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no keys of subjects are kept there"));
        }
        Self::open(dir)
    }

    fn key_path(&self, id: &KeyId) -> PathBuf {
        self.dir.join("keys").join(id.to_string())
    }

    fn subject_path(&self, subject: &SubjectTag) -> PathBuf {
        self.dir.join("subjects").join(subject.to_string())
    }

    /// Gives `path` this content, durably, unless there is such a file already; says whether it did.
    fn write_new(&self, path: &Path, content: &str) -> io::Result<bool> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let beside = self.dir.join(format!("new-{}-{number}", std::process::id()));
        let mut file = segment::private().create(true).truncate(true).write(true).open(&beside)?;
        let named = file
            .write_all(content.as_bytes())
            .and_then(|()| file.sync_all())
            // A link, unlike a new name, replaces nothing.
            .and_then(|()| fs::hard_link(&beside, path));
        let removed = fs::remove_file(&beside);
        match named {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => removed.map(|()| false),
            Err(error) => Err(error),
            Ok(()) => {
                removed?;
                sync_folder_of(path)?;
                Ok(true)
            }
        }
    }

    /// Held while keys come and go, so that a subject never has two, of which one would outlive an erasure. The system frees it
    /// when the process ends in any way.
    fn lock(&self) -> io::Result<File> {
        let path = self.dir.join("lock");
        let file = segment::private().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(file)
    }

    /// The id that a subject's file names, whether or not that key is there.
    fn id_of(&self, subject: &SubjectTag) -> io::Result<Option<KeyId>> {
        let path = self.subject_path(subject);
        let Some(text) = read(&path)? else { return Ok(None) };
        KeyId::parse(text.trim_end()).map(Some).ok_or_else(|| damaged(&path))
    }
}

impl SubjectKeys for FileSubjectKeys {
    fn bind(&self, fingerprint: &str) -> io::Result<bool> {
        let path = self.dir.join("secret-fingerprint");
        self.write_new(&path, &format!("{fingerprint}\n"))?;
        let kept = read(&path)?.ok_or_else(|| damaged(&path))?;
        Ok(kept.trim_end() == fingerprint)
    }

    fn find(&self, subject: &SubjectTag) -> io::Result<Option<SubjectKey>> {
        match self.id_of(subject)? {
            Some(id) => self.get(&id),
            None => Ok(None),
        }
    }

    fn keep(&self, subject: &SubjectTag, fresh: SubjectKey) -> io::Result<SubjectKey> {
        let _lock = self.lock()?;
        if let Some(other) = self.find(subject)? {
            return Ok(other);
        }
        let path = self.subject_path(subject);
        // What an erasure left that was cut short after the key itself.
        remove(&path)?;
        self.write_new(&self.key_path(&fresh.id()), &format!("{}\n", hex::encode(fresh.expose())))?;
        self.write_new(&path, &format!("{}\n", fresh.id()))?;
        Ok(fresh)
    }

    fn get(&self, id: &KeyId) -> io::Result<Option<SubjectKey>> {
        let path = self.key_path(id);
        let Some(text) = read(&path)? else { return Ok(None) };
        let bytes = hex::decode(text.trim_end()).ok_or_else(|| damaged(&path))?;
        Ok(Some(SubjectKey::new(*id, bytes)))
    }

    fn is_kept(&self, id: &KeyId) -> io::Result<bool> {
        self.key_path(id).try_exists()
    }

    fn erase(&self, subject: &SubjectTag) -> io::Result<bool> {
        let _lock = self.lock()?;
        let Some(id) = self.id_of(subject)? else { return Ok(false) };
        let key = self.key_path(&id);
        let was_there = remove(&key)?;
        sync_folder_of(&key)?;
        let path = self.subject_path(subject);
        remove(&path)?;
        sync_folder_of(&path)?;
        Ok(was_there)
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(Some(text))
}

fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other.map(|()| true),
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), segment::sync_dir)
}

fn damaged(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} is not what a key store wrote", path.display()))
}

#[cfg(unix)]
fn refuse_others(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(dir)?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let words = format!("others may enter {} (mode {mode:o}): chmod 700", dir.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, words))
}

#[cfg(not(unix))]
fn refuse_others(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> SubjectKey {
        SubjectKey::new(KeyId([n; 16]), [n; 32])
    }

    #[test]
    fn a_key_stays_until_it_is_erased() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("keys-of-subjects");
        let store = FileSubjectKeys::open(&dir).unwrap();
        let (alice, bob) = (SubjectTag([1; 32]), SubjectTag([2; 32]));
        assert_eq!(store.find(&alice).unwrap(), None);
        assert_eq!(store.keep(&alice, key(1)).unwrap(), key(1));
        assert_eq!(store.keep(&bob, key(2)).unwrap(), key(2));
        assert_eq!(store.keep(&alice, key(3)).unwrap(), key(1), "the first key is kept");
        let again = FileSubjectKeys::open_existing(&dir).unwrap();
        assert_eq!(again.find(&alice).unwrap(), Some(key(1)));
        assert!(again.erase(&alice).unwrap() && !again.erase(&alice).unwrap());
        assert_eq!((store.get(&key(1).id()).unwrap(), store.find(&bob).unwrap()), (None, Some(key(2))));
        assert!(!store.is_kept(&key(1).id()).unwrap() && store.is_kept(&key(2).id()).unwrap());
        let left: Vec<_> = fs::read_dir(dir.join("keys")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn an_erasure_that_was_cut_short_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileSubjectKeys::open(folder.path().join("s")).unwrap();
        let alice = SubjectTag([1; 32]);
        store.keep(&alice, key(1)).unwrap();
        fs::remove_file(store.key_path(&key(1).id())).unwrap();
        assert_eq!(store.find(&alice).unwrap(), None);
        assert_eq!(store.keep(&alice, key(4)).unwrap(), key(4));
        assert_eq!(store.find(&alice).unwrap(), Some(key(4)));
    }

    #[test]
    fn junk_is_an_error_and_never_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileSubjectKeys::open(folder.path().join("s")).unwrap();
        let alice = SubjectTag([1; 32]);
        store.keep(&alice, key(1)).unwrap();
        for junk in [&b""[..], b"\0\0\0\0", b"\xff\xfe", &[b'a'; 4_096]] {
            fs::write(store.key_path(&key(1).id()), junk).unwrap();
            assert_eq!(store.find(&alice).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        assert!(store.bind("a").unwrap() && store.bind("a").unwrap() && !store.bind("b").unwrap());
        assert!(FileSubjectKeys::open_existing(folder.path().join("none")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        let store = FileSubjectKeys::open(&dir).unwrap();
        let alice = SubjectTag([1; 32]);
        store.keep(&alice, key(1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&dir.join("keys"))), (0o700, 0o700));
        assert_eq!((mode(&store.key_path(&key(1).id())), mode(&store.subject_path(&alice))), (0o600, 0o600));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).unwrap();
        let error = FileSubjectKeys::open(&dir).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }
}
