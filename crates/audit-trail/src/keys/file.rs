//! Keys of subjects in a folder, one file each.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gambeson_core::{Entropy, SystemEntropy, Timestamp};

use super::hex;
use super::store::{KeyId, SubjectKey, SubjectKeys, SubjectState, SubjectTag};
use crate::segment;

/// No file of the store is longer.
const LONGEST: u64 = 256;

/// How files that are being written are called; what a crash left of them goes at the next start and erasure.
const UNFINISHED: &str = "new-";

/// So long another process may change keys before a change of ours is given up.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How often it is asked meanwhile whether it is done.
const PAUSE: Duration = Duration::from_millis(5);

/// No event is on its way for so long: then the moment of an erasure is of no use any more.
const ERASURES_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Keys in a folder that only its owner may read: `keys/<id>` holds a key, `subjects/<tag>` says which one a subject has, and
/// `erased/<tag>` when a subject was erased, for a day.
///
/// Each file is written beside under a random name, synced and then given its own: a crash leaves a key whole or not there, and what
/// it left beside goes at the next start and at each erasure. Processes of the folder's owner may share
/// it; one that changes keys waits at most a second for the others, and an event that needs a new key waits for none while that last
/// was in vain. Erasing removes the key first. Whoever reads the
/// folder can read what was sealed: keep it on another volume than the trail and out of the trail's backups, else a backup
/// brings an erased key back. What the disk itself keeps of a removed file is the disk's to say.
#[derive(Debug)]
pub struct FileSubjectKeys {
    dir: PathBuf,
    longest_wait: Duration,
    /// Others held it for the longest wait, and were not seen to be done since.
    stuck: AtomicBool,
    sync_dir: fn(&Path) -> io::Result<()>,
}

impl FileSubjectKeys {
    /// Opens the store in `dir`, which is created for its owner only if need be.
    ///
    /// # Errors
    /// The folder can't be created, read or written, others than its owner may enter it, this process is another user's, or another
    /// process holds it for more than a second.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        let stuck = AtomicBool::new(false);
        let store = Self { dir, longest_wait: LONGEST_WAIT, stuck, sync_dir: segment::sync_dir };
        segment::create_dir(&store.dir)?;
        refuse_others(&store.dir)?;
        store.refuse_another_user()?;
        for folder in ["keys", "subjects", "erased"] {
            segment::create_dir(&store.dir.join(folder))?;
        }
        store.remove_unfinished(&store.lock()?)?;
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

    fn erased_path(&self, subject: &SubjectTag) -> PathBuf {
        self.dir.join("erased").join(subject.to_string())
    }

    /// Gives `path` this content, durably, unless there is such a file already.
    fn write_new(&self, _: &Lock, path: &Path, content: &str) -> io::Result<()> {
        let beside = self.write_beside(content)?;
        // A link, unlike a new name, replaces nothing.
        let named = fs::hard_link(&beside, path);
        fs::remove_file(&beside)?;
        match named {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other.and_then(|()| self.sync_folder_of(path)),
        }
    }

    /// Gives `path` this content, durably, whatever it had before.
    fn replace(&self, _: &Lock, path: &Path, content: &str) -> io::Result<()> {
        let beside = self.write_beside(content)?;
        fs::rename(&beside, path).inspect_err(|_| drop(remove(&beside)))?;
        self.sync_folder_of(path)
    }

    /// A new file under a random name.
    fn create_beside(&self) -> io::Result<(PathBuf, File)> {
        let mut random = [0; 16];
        SystemEntropy::new().fill(&mut random).map_err(io::Error::other)?;
        let beside = self.dir.join(format!("{UNFINISHED}{}", hex::encode(&random)));
        let file = segment::private().create_new(true).write(true).open(&beside)?;
        Ok((beside, file))
    }

    /// The owner can't read what another user writes here: then the app could seal nothing for whom that user erased.
    #[cfg(unix)]
    fn refuse_another_user(&self) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        let (beside, file) = self.create_beside()?;
        let made = file.metadata();
        remove(&beside)?;
        refuse_user(&self.dir, made?.uid(), fs::metadata(&self.dir)?.uid())
    }

    #[cfg(not(unix))]
    fn refuse_another_user(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), self.sync_dir)
    }

    /// A synced file of this content that nothing else is linked to.
    fn write_beside(&self, content: &str) -> io::Result<PathBuf> {
        let (beside, mut file) = self.create_beside()?;
        let written = file.write_all(content.as_bytes()).and_then(|()| file.sync_all());
        written.inspect_err(|_| drop(remove(&beside)))?;
        Ok(beside)
    }

    /// Removes what a crash left: it may be a second name of a key, which would outlive the key's erasure. So does a name whose removal
    /// is not synced, if the power fails: also one that was removed when its key was made.
    fn remove_unfinished(&self, _: &Lock) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                remove(&entry.path())?;
            }
        }
        (self.sync_dir)(&self.dir)
    }

    /// Forgets who was erased longer ago than anything that is on its way. What tells no time or can't be removed stays.
    fn remove_old_erasures(&self, _: &Lock, now: Timestamp) {
        let entries = fs::read_dir(self.dir.join("erased")).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if matches!(read_erasure(&path), Ok(Some(at)) if now.since(at) > ERASURES_KEPT) {
                let _ = remove(&path);
            }
        }
    }

    /// Removes the key of a subject, and then what names it.
    fn remove_key_of(&self, _: &Lock, subject: &SubjectTag) -> io::Result<bool> {
        let Some(id) = self.id_of(subject)? else { return Ok(false) };
        let mut was_there = false;
        for (path, is_key) in [(self.key_path(&id), true), (self.subject_path(subject), false)] {
            was_there |= remove(&path)? && is_key;
            self.sync_folder_of(&path)?;
        }
        Ok(was_there)
    }

    /// Held while files come and go, so that a subject never has two keys, of which one would outlive an erasure. The system
    /// frees it when the process ends in any way.
    fn lock(&self) -> io::Result<Lock> {
        self.lock_within(self.longest_wait)
    }

    /// Like [`lock`](Self::lock), without waiting when that was in vain and the others were not seen to be done since: the events behind
    /// this one would all wait too.
    fn lock_unless_stuck(&self) -> io::Result<Lock> {
        let stuck = self.stuck.load(Ordering::Relaxed);
        self.lock_within(if stuck { Duration::ZERO } else { self.longest_wait })
    }

    fn lock_within(&self, longest: Duration) -> io::Result<Lock> {
        let path = self.dir.join("lock");
        let file = segment::private().create(true).truncate(false).write(true).open(path)?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    self.stuck.store(false, Ordering::Relaxed);
                    return Ok(Lock(file));
                }
                Err(TryLockError::WouldBlock) if waited < longest => std::thread::park_timeout(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    self.stuck.store(true, Ordering::Relaxed);
                    let words = "another process holds the keys of subjects: end it, or try again";
                    return Err(io::Error::new(io::ErrorKind::WouldBlock, words));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            waited += PAUSE;
        }
    }

    /// The id that a subject's file names, whether or not that key is there.
    fn id_of(&self, subject: &SubjectTag) -> io::Result<Option<KeyId>> {
        let path = self.subject_path(subject);
        let Some(text) = read(&path)? else { return Ok(None) };
        KeyId::parse(text.trim_end()).map(Some).ok_or_else(|| damaged(&path))
    }
}

/// Whoever has it is the only one that changes files of the store; dropping it frees it.
#[derive(Debug)]
struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl SubjectKeys for FileSubjectKeys {
    fn bind(&self, fingerprint: &str) -> io::Result<bool> {
        let path = self.dir.join("secret-fingerprint");
        if read(&path)?.is_none() {
            self.write_new(&self.lock()?, &path, &format!("{fingerprint}\n"))?;
        }
        let kept = read(&path)?.ok_or_else(|| damaged(&path))?;
        Ok(kept.trim_end() == fingerprint)
    }

    fn find(&self, subject: &SubjectTag) -> io::Result<SubjectState> {
        // The moment comes last: an erasure writes it first, so a key is never seen without the erasure before it.
        let key = match self.id_of(subject)? {
            Some(id) => self.get(&id)?,
            None => None,
        };
        Ok(SubjectState { key, erased: read_erasure(&self.erased_path(subject))? })
    }

    fn keep(&self, subject: &SubjectTag, fresh: SubjectKey) -> io::Result<SubjectState> {
        let lock = self.lock_unless_stuck()?;
        let state = self.find(subject)?;
        if state.key.is_some() {
            return Ok(state);
        }
        let path = self.subject_path(subject);
        // What an erasure left that was cut short after the key itself.
        remove(&path)?;
        self.write_new(&lock, &self.key_path(&fresh.id()), &format!("{}\n", hex::encode(fresh.expose())))?;
        self.write_new(&lock, &path, &format!("{}\n", fresh.id()))?;
        Ok(SubjectState { key: Some(fresh), ..state })
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

    fn erase(&self, subject: &SubjectTag, now: Timestamp) -> io::Result<bool> {
        let lock = self.lock()?;
        self.remove_unfinished(&lock)?;
        self.replace(&lock, &self.erased_path(subject), &format!("{}\n", now.unix_nanos()))?;
        let was_there = self.remove_key_of(&lock, subject)?;
        self.remove_old_erasures(&lock, now);
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

fn read_erasure(path: &Path) -> io::Result<Option<Timestamp>> {
    let Some(text) = read(path)? else { return Ok(None) };
    let nanos = text.trim_end().parse().map_err(|_| damaged(path))?;
    Ok(Some(Timestamp::from_unix_nanos(nanos)))
}

fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other.map(|()| true),
    }
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

#[cfg(unix)]
fn refuse_user(dir: &Path, user: u32, owner: u32) -> io::Result<()> {
    if user == owner {
        return Ok(());
    }
    let words = format!(
        "{} belongs to user {owner}, who could not read what user {user} writes there: run it as its owner (sudo -u '#{owner}')",
        dir.display()
    );
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

    fn having(key: SubjectKey) -> SubjectState {
        SubjectState { key: Some(key), erased: None }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_seconds(second)
    }

    #[test]
    fn a_key_stays_until_it_is_erased() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("keys-of-subjects");
        let store = FileSubjectKeys::open(&dir).unwrap();
        let (alice, bob) = (SubjectTag([1; 32]), SubjectTag([2; 32]));
        assert_eq!(store.find(&alice).unwrap(), SubjectState::default());
        assert_eq!(store.keep(&alice, key(1)).unwrap(), having(key(1)));
        assert_eq!(store.keep(&bob, key(2)).unwrap(), having(key(2)));
        assert_eq!(store.keep(&alice, key(3)).unwrap(), having(key(1)), "the first key is kept");
        let again = FileSubjectKeys::open_existing(&dir).unwrap();
        assert_eq!(again.find(&alice).unwrap(), having(key(1)));
        assert!(again.erase(&alice, at(1)).unwrap() && !again.erase(&alice, at(2)).unwrap());
        assert_eq!((store.get(&key(1).id()).unwrap(), store.find(&bob).unwrap()), (None, having(key(2))));
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
        assert_eq!(store.find(&alice).unwrap(), SubjectState::default());
        assert_eq!(store.keep(&alice, key(4)).unwrap(), having(key(4)));
        assert_eq!(store.find(&alice).unwrap(), having(key(4)));
    }

    #[cfg(unix)]
    #[test]
    fn what_a_crash_left_touches_no_other_key_and_outlives_no_erasure() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        let store = FileSubjectKeys::open(&dir).unwrap();
        let (alice, bob) = (SubjectTag([1; 32]), SubjectTag([2; 32]));
        store.keep(&alice, key(1)).unwrap();
        let alices = store.key_path(&key(1).id());
        // As a crash after the link leaves it; a process of the same number comes again after a restart in a container.
        let leave = || {
            for number in 0..4 {
                let left = dir.join(format!("new-{}-{number}", std::process::id()));
                let _ = fs::remove_file(&left);
                fs::hard_link(&alices, left).unwrap();
            }
        };
        leave();
        let again = FileSubjectKeys::open(&dir).unwrap();
        assert_eq!(unfinished(&dir), 0, "gone when it is opened");
        leave();
        assert_eq!(again.keep(&bob, key(2)).unwrap(), having(key(2)));
        assert_eq!(again.find(&alice).unwrap(), having(key(1)), "hers is as it was");
        let second_name = File::open(dir.join(format!("new-{}-0", std::process::id()))).unwrap();
        assert!(again.erase(&alice, at(1)).unwrap());
        assert_eq!(unfinished(&dir), 0, "gone when somebody is erased");
        assert_eq!(std::os::unix::fs::MetadataExt::nlink(&second_name.metadata().unwrap()), 0);
        assert_eq!(again.find(&bob).unwrap(), having(key(2)));
    }

    #[test]
    fn what_can_not_be_written_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        let store = FileSubjectKeys::open(&dir).unwrap();
        let alice = SubjectTag([1; 32]);
        fs::create_dir(store.erased_path(&alice)).unwrap();
        assert!(store.erase(&alice, at(1)).is_err());
        assert_eq!(unfinished(&dir), 0);
        assert!(!store.erase(&SubjectTag([2; 32]), at(1)).unwrap(), "others can be erased");
        fs::write(store.erased_path(&SubjectTag([3; 32])), "junk").unwrap();
        assert!(store.find(&SubjectTag([3; 32])).is_err());
        assert!(!store.erase(&SubjectTag([3; 32]), at(1)).unwrap(), "and erasing mends it");
        fs::remove_dir(dir.join("keys")).unwrap();
        assert!(store.keep(&SubjectTag([2; 32]), key(1)).is_err());
        assert_eq!(unfinished(&dir), 0);
    }

    thread_local! {
        /// The folders that were synced, each with the number of marks of erasures then.
        static SYNCED: std::cell::RefCell<Vec<(PathBuf, usize)>> = const { std::cell::RefCell::new(Vec::new()) };
    }

    fn note_sync(dir: &Path) -> io::Result<()> {
        let store = dir.ancestors().find(|dir| dir.ends_with("s")).unwrap();
        let marks = fs::read_dir(store.join("erased")).unwrap().count();
        SYNCED.with_borrow_mut(|synced| synced.push((dir.into(), marks)));
        segment::sync_dir(dir)
    }

    #[test]
    fn an_erasure_syncs_all_that_it_removes_and_forgets_others_last() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        let mut store = FileSubjectKeys::open(&dir).unwrap();
        store.sync_dir = note_sync;
        let (alice, bob) = (SubjectTag([1; 32]), SubjectTag([2; 32]));
        store.erase(&bob, at(1)).unwrap();
        store.keep(&alice, key(1)).unwrap();
        SYNCED.take();
        store.erase(&alice, at(2 + 86_400)).unwrap();
        let expected =
            [(dir.clone(), 1), (dir.join("erased"), 2), (dir.join("keys"), 2), (dir.join("subjects"), 2)];
        assert_eq!(SYNCED.take(), expected);
        assert_eq!(store.find(&bob).unwrap(), SubjectState::default(), "he is forgotten then");
    }

    #[test]
    fn when_somebody_was_erased_is_known_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        let store = FileSubjectKeys::open(&dir).unwrap();
        let (alice, bob) = (SubjectTag([1; 32]), SubjectTag([2; 32]));
        assert!(!store.erase(&alice, at(1)).unwrap(), "she has no key, but something may be on its way");
        let erased = |moment| SubjectState { key: None, erased: Some(moment) };
        assert_eq!(store.find(&alice).unwrap(), erased(at(1)));
        store.keep(&alice, key(1)).unwrap();
        let both = SubjectState { key: Some(key(1)), erased: Some(at(1)) };
        assert_eq!(store.keep(&alice, key(2)).unwrap(), both);
        store.erase(&alice, at(2)).unwrap();
        assert_eq!(store.find(&alice).unwrap(), erased(at(2)));
        store.erase(&bob, at(2 + 86_400)).unwrap();
        assert_eq!(store.find(&alice).unwrap(), erased(at(2)));
        store.erase(&bob, at(3 + 86_400)).unwrap();
        assert_eq!(store.find(&alice).unwrap(), SubjectState::default());
        assert_eq!(store.find(&bob).unwrap(), erased(at(3 + 86_400)));
    }

    #[test]
    fn nobody_waits_for_ever_for_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = FileSubjectKeys::open(folder.path().join("s")).unwrap();
        let (alice, bob, carol) = (SubjectTag([1; 32]), SubjectTag([2; 32]), SubjectTag([3; 32]));
        store.keep(&alice, key(1)).unwrap();
        store.longest_wait = PAUSE;
        let lock = store.lock().unwrap();
        assert_eq!(store.erase(&alice, at(1)).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        store.longest_wait = Duration::from_secs(3_600);
        assert_eq!(store.find(&alice).unwrap(), having(key(1)), "whoever only reads does not wait");
        std::thread::scope(|scope| {
            let (said, says) = std::sync::mpsc::channel();
            let store = &store;
            scope.spawn(move || said.send(store.keep(&bob, key(2)).map_err(|error| error.kind())));
            let kept = says.recv_timeout(Duration::from_secs(20));
            drop(lock);
            assert_eq!(kept, Ok(Err(io::ErrorKind::WouldBlock)), "one wait in vain is enough");
        });
        assert_eq!(store.keep(&bob, key(2)).unwrap(), having(key(2)), "they are done");
        assert!(!store.stuck.load(Ordering::Relaxed), "so the next one waits again");
        let lock = store.lock().unwrap();
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| store.keep(&carol, key(3)));
            drop(lock);
            waiting.join().unwrap()
        });
        assert_eq!(waiting.unwrap(), having(key(3)), "who waits gets his turn");
    }

    fn unfinished(dir: &Path) -> usize {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(UNFINISHED)).count()
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

    #[cfg(unix)]
    #[test]
    fn another_user_than_the_owner_writes_nothing_there() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        FileSubjectKeys::open(&dir).unwrap();
        // Only root may give a folder away.
        let refused = match std::os::unix::fs::chown(&dir, Some(12_345), None) {
            Ok(()) => FileSubjectKeys::open_existing(&dir).map(drop),
            Err(_) => refuse_user(&dir, 0, 12_345),
        };
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("belongs to user 12345") && error.contains("sudo -u '#12345'"), "{error}");
        assert_eq!(unfinished(&dir), 0);
    }
}
