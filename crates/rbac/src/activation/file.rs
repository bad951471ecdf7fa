//! Activations in a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gambeson_core::{Subject, Timestamp, escape_controls};
use toml::{Table, Value};

use super::store::{Activation, ActivationKind, ActivationStore, without_ended};

/// Keeps activations in a TOML file that only its owner can read. Each change replaces the file in one step, under a lock on an empty
/// file beside it, whose name ends with `.lock`.
///
/// For one process: two that share a file forget each other's. One that starts while another is about to end takes nothing back from it:
/// what is dropped then is only what is over.
#[derive(Debug)]
pub struct FileActivations {
    path: PathBuf,
}

const BREAK_GLASS: &str = "break-glass";
const DUTY: &str = "duty";
/// The largest file that is read or written, in bytes: more than a thousand of the longest activations need.
const LARGEST: u64 = 16 * 1024 * 1024;
/// No activation lasts longer.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

impl FileActivations {
    /// The file at `path`, in a folder that exists; a file that does not holds nothing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Makes sure that changes can be saved, and leaves the activations as they are: another process may be at work on the file.
    ///
    /// # Errors
    /// No file can be written beside it, or its lock can't be had.
    pub fn check(&self) -> io::Result<()> {
        drop(self.locked()?);
        let probe = self.beside(".probe");
        fs::write(&probe, written(&[]))?;
        match fs::remove_file(&probe) {
            // Another process was as quick.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

impl ActivationStore for FileActivations {
    fn load(&self) -> io::Result<Vec<Activation>> {
        self.text().map_err(|error| self.at(&error))?.map_or_else(|| Ok(Vec::new()), |text| self.read(&text))
    }

    fn save(&self, live: &[Activation]) -> io::Result<()> {
        self.locked().and_then(|_locked| self.replace(live)).map_err(|error| self.at(&error))
    }

    fn forget_ended(&self, now: Timestamp) -> io::Result<()> {
        let _locked = self.locked().map_err(|error| self.at(&error))?;
        let live = without_ended(self.load()?, now);
        live.map_or(Ok(()), |live| self.replace(&live)).map_err(|error| self.at(&error))
    }
}

impl FileActivations {
    /// What the file holds; `None`: there is none.
    fn text(&self) -> io::Result<Option<String>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(LARGEST + 1).read_to_string(&mut text)?;
        // A part of it may be well-formed, and then the rest would be lost with the next change.
        bounded(&text)?;
        Ok(Some(text))
    }

    fn read(&self, text: &str) -> io::Result<Vec<Activation>> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the file of activations is damaged");
        read(text).ok_or_else(|| self.at(&damaged()))
    }

    /// Held while the file is changed; ends with what is given back.
    fn locked(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.beside(".lock"))?;
        match file.lock() {
            // Where there are no locks there is one process, as it should be.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
            locked => locked.map(|()| file),
        }
    }

    fn replace(&self, live: &[Activation]) -> io::Result<()> {
        let beside = self.beside(".new");
        let replaced = self.replace_by(&beside, live);
        if replaced.is_err() {
            // What could not take its place holds names of people too.
            let _ = fs::remove_file(&beside);
        }
        replaced
    }

    fn replace_by(&self, beside: &Path, live: &[Activation]) -> io::Result<()> {
        let text = written(live);
        bounded(&text)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Opened before the file is replaced, so that as little as possible can fail afterwards.
        let folder = self.folder()?;
        fs::rename(beside, &self.path)?;
        // The new name must be durable too.
        folder.map_or(Ok(()), |folder| folder.sync_all())
    }

    /// The same error, with the file that it is about.
    fn at(&self, error: &io::Error) -> io::Error {
        let path = self.path.display().to_string();
        io::Error::new(error.kind(), format!("{}: {error}", escape_controls(&path)))
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(end);
        self.path.with_file_name(name)
    }

    /// The folder that must be durable; `None`: this platform has no such thing.
    fn folder(&self) -> io::Result<Option<File>> {
        if !cfg!(unix) {
            return Ok(None);
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).map(Some)
    }
}

fn bounded(text: &str) -> io::Result<()> {
    match text.len() as u64 > LARGEST {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "activations need more than 16 MiB")),
        false => Ok(()),
    }
}

fn written(live: &[Activation]) -> String {
    let rows = live.iter().map(|activation| Value::Table(row(activation))).collect();
    let mut table = Table::new();
    table.insert("version".into(), Value::Integer(1));
    table.insert("activation".into(), Value::Array(rows));
    table.to_string()
}

fn row(activation: &Activation) -> Table {
    let kind = if activation.kind == ActivationKind::BreakGlass { BREAK_GLASS } else { DUTY };
    let texts = [
        ("kind", Some(kind)),
        ("issuer", Some(&*activation.subject.issuer)),
        ("subject", Some(&*activation.subject.name)),
        ("session", activation.session.as_deref()),
        ("role", Some(&*activation.role)),
        ("reason", Some(&*activation.reason)),
    ];
    let moments = [("from", activation.from), ("until", activation.until)];
    texts
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?.to_owned()))))
        .chain(moments.map(|(name, at)| (name.to_owned(), Value::Integer(at.unix_nanos()))))
        .collect()
}

fn read(text: &str) -> Option<Vec<Activation>> {
    let table: Table = text.parse().ok()?;
    if table.get("version")?.as_integer()? != 1 {
        return None;
    }
    table.get("activation")?.as_array()?.iter().map(|row| activation(row.as_table()?)).collect()
}

fn activation(row: &Table) -> Option<Activation> {
    let text = |name: &str| row.get(name)?.as_str();
    let moment = |name: &str| row.get(name)?.as_integer().map(Timestamp::from_unix_nanos);
    let kind = match text("kind")? {
        BREAK_GLASS => ActivationKind::BreakGlass,
        DUTY => ActivationKind::Duty,
        _ => return None,
    };
    let subject = Subject { issuer: text("issuer")?.into(), name: text("subject")?.into() };
    let (from, until) = (moment("from")?, moment("until")?);
    let activation = Activation::new(kind, subject, text("role")?, from, until);
    let session = text("session").map(Box::from);
    (until.since(from) <= LONGEST).then(|| Activation {
        session,
        reason: text("reason").unwrap_or_default().into(),
        ..activation
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: ActivationKind) -> Activation {
        let subject = Subject { issuer: "https://id.example".into(), name: "bob \"\n'".into() };
        let at = Timestamp::from_unix_nanos;
        let plain = Activation::new(kind, subject, "admin", at(1_000_000_001), at(2_000_000_002));
        Activation { session: Some("s".into()), reason: "fire = [\"x\"]".into(), ..plain }
    }

    #[test]
    fn what_was_saved_is_loaded_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("activations.toml");
        assert_eq!(FileActivations::new(&path).load().unwrap(), []);
        let both = [
            sample(ActivationKind::BreakGlass),
            Activation { session: None, ..sample(ActivationKind::Duty) },
        ];
        FileActivations::new(&path).save(&both).unwrap();
        assert_eq!(FileActivations::new(&path).load().unwrap(), both);
        FileActivations::new(&path).save(&[]).unwrap();
        assert_eq!(FileActivations::new(&path).load().unwrap(), []);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    /// As the next process does it, while the one before may still take and end roles.
    #[test]
    fn what_is_over_is_dropped_from_what_the_file_has_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("activations.toml");
        let (before, next) = (FileActivations::new(&path), FileActivations::new(&path));
        let over = sample(ActivationKind::BreakGlass);
        let until = Timestamp::from_unix_nanos(2_000_000_003);
        let [one, other] = ["one", "other"].map(|role| Activation {
            role: role.into(),
            until,
            ..sample(ActivationKind::Duty)
        });
        before.save(&[over.clone(), one]).unwrap();
        next.load().unwrap();
        before.save(&[over.clone(), other.clone()]).unwrap();
        next.forget_ended(over.until).unwrap();
        assert_eq!(next.load().unwrap(), std::slice::from_ref(&other));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}# kept")).unwrap();
        next.forget_ended(over.until).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("# kept"), "nothing is over");
        let moment_before = Timestamp::from_unix_nanos(2_000_000_001);
        before.save(&[over.clone(), other.clone()]).unwrap();
        next.forget_ended(moment_before).unwrap();
        assert_eq!(next.load().unwrap(), [over, other]);
    }

    /// Two handles keep each other out as two processes do.
    #[test]
    fn two_that_change_the_file_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("activations.toml");
        let over = sample(ActivationKind::BreakGlass);
        let newest = |number: u32| Activation {
            role: format!("role {number}").into(),
            until: Timestamp::from_unix_nanos(2_000_000_003),
            ..sample(ActivationKind::Duty)
        };
        // Many that are over, so that the other one is long between reading and writing.
        let changed = |number: u32| [vec![over.clone(); 200], vec![newest(number)]].concat();
        let next = FileActivations::new(&path);
        std::thread::scope(|scope| {
            let changing = scope.spawn(|| {
                let before = FileActivations::new(&path);
                for number in 0..100 {
                    before.save(&changed(number)).unwrap();
                    let kept = fs::read_to_string(&path).unwrap();
                    assert!(kept.contains(&format!("\"role {number}\"")), "{number} was taken back");
                }
            });
            while !changing.is_finished() {
                next.forget_ended(over.until).unwrap();
            }
        });
        next.forget_ended(over.until).unwrap();
        assert_eq!(next.load().unwrap(), [newest(99)]);
    }

    #[test]
    fn of_a_file_that_is_too_long_no_part_is_taken_for_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileActivations::new(folder.path().join("activations.toml"));
        store.save(&[sample(ActivationKind::Duty)]).unwrap();
        let mut text = fs::read(&store.path).unwrap();
        text.push(b'#');
        text.resize(usize::try_from(LARGEST).unwrap(), b'x');
        fs::write(&store.path, &text).unwrap();
        assert_eq!(store.load().unwrap().len(), 1);
        text.push(b'x');
        fs::write(&store.path, &text).unwrap();
        assert_eq!(store.load().unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(store.forget_ended(Timestamp::from_unix_nanos(i64::MAX)).is_err());
        let reason = "x".repeat(text.len());
        let long = Activation { reason: reason.into(), ..sample(ActivationKind::Duty) };
        assert_eq!(store.save(&[long]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::metadata(&store.path).unwrap().len(), text.len() as u64);
    }

    #[test]
    fn what_could_not_take_the_file_s_place_is_gone_and_the_error_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("activations.toml");
        fs::create_dir(&path).unwrap();
        let store = FileActivations::new(&path);
        let error = store.save(&[sample(ActivationKind::Duty)]).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        assert!(!store.beside(".new").exists());
        let error = store.load().unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }

    #[test]
    fn whether_it_can_be_written_is_found_without_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileActivations::new(folder.path().join("activations.toml"));
        store.check().unwrap();
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["activations.toml.lock"]);
        fs::remove_file(store.beside(".lock")).unwrap();
        fs::create_dir(store.beside(".lock")).unwrap();
        assert!(store.check().is_err(), "no change could be saved");
        assert!(FileActivations::new(folder.path().join("gone/activations.toml")).check().is_err());
    }

    #[test]
    fn a_damaged_file_is_an_error_and_never_empty() {
        let good = written(&[sample(ActivationKind::Duty)]);
        assert!(read(&good).is_some());
        for bad in [
            "",
            "version = 1",
            "version = 2\nactivation = []",
            &good[..good.len() / 2],
            &good.replace("duty", "king"),
            &good.replace("2000000002", "9000000000000000000"),
        ] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}
