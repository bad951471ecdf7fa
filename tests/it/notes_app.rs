//! hardened-notes as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::http::{Ask, ask};

/// The line by which the app says that it takes requests.
const READY: &str = "hardened-notes listens on ";

/// A running app; ends when dropped.
#[derive(Debug)]
pub(crate) struct NotesApp {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) dev_idp: Option<SocketAddr>,
    pub(crate) model: Option<SocketAddr>,
    pub(crate) data: tempfile::TempDir,
    pub(crate) banner: String,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl NotesApp {
    /// The app in development with its own dev identity provider, each on a free port.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The app with further variables.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), variables)
    }

    /// The app on data that is there already.
    pub(crate) fn start_in(data: tempfile::TempDir, variables: &[(&str, &str)]) -> Self {
        let mut child = command(data.path(), variables).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        let mut address = None;
        while address.is_none() {
            let Some(Ok(line)) = lines.next() else { break };
            let url = line.trim().strip_prefix(READY).and_then(|url| url.split_once("://"));
            address = url.and_then(|(_, address)| address.parse().ok());
            banner.push_str(&line);
            banner.push('\n');
        }
        let log = Arc::new(Mutex::new(String::new()));
        let mut readers = vec![collect(child.stderr.take().unwrap(), &log)];
        let Some(address) = address else {
            let _ = child.kill();
            let status = child.wait();
            readers.into_iter().for_each(|reader| reader.join().unwrap());
            panic!("the app did not start ({status:?}): {banner}{}", log.lock().unwrap());
        };
        let rest = Arc::clone(&log);
        readers.push(std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| rest.lock().unwrap().push_str(&(line + "\n")));
        }));
        let beside =
            |listens: &str| banner.lines().find_map(|line| line.trim().strip_prefix(listens)?.parse().ok());
        let dev_idp = beside("dev identity provider listens on http://");
        let model = beside("pretend model listens on http://");
        Self { child, address, dev_idp, model, data, banner, log, readers }
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        ask(self.address, method, path)
    }

    /// A token of the dev identity provider for one of its demo people.
    #[track_caller]
    pub(crate) fn token(&self, user: &str) -> String {
        let reply = ask(self.dev_idp.unwrap(), "POST", "/dev/token")
            .header("Accept", "text/plain")
            .form(&format!("user={user}"))
            .send();
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body.trim().to_owned()
    }

    /// Makes the pretend model misbehave.
    pub(crate) fn model_fault(&self, kind: &str) {
        let reply = ask(self.model.unwrap(), "POST", "/dev/fault").form(&format!("kind={kind}")).send();
        assert!(reply.status < 300, "{reply:?}");
    }

    /// Makes the dev identity provider misbehave.
    pub(crate) fn fault(&self, mode: &str) {
        let reply = ask(self.dev_idp.unwrap(), "POST", "/dev/fault").form(&format!("mode={mode}")).send();
        assert!(reply.status < 300, "{reply:?}");
    }

    /// What the app logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn audit_dir(&self) -> PathBuf {
        self.data.path().join("audit")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ctrl-C, and the wait for the end: exit code, the data that stays, and all that was logged.
    pub(crate) fn interrupt(self) -> (Option<i32>, tempfile::TempDir, String) {
        signal(self.pid(), "-INT");
        self.interrupted()
    }

    /// The wait for the end of an app that was told to end.
    pub(crate) fn interrupted(mut self) -> (Option<i32>, tempfile::TempDir, String) {
        let code = self.child.wait().unwrap().code();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        let data = std::mem::replace(&mut self.data, tempfile::tempdir().unwrap());
        let log = self.log();
        (code, data, log)
    }
}

impl Drop for NotesApp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the app where it is expected to refuse to start.
pub(crate) fn refused(variables: &[(&str, &str)]) -> Output {
    let data = tempfile::tempdir().unwrap();
    command(data.path(), variables).output().unwrap()
}

/// Sends a signal to a process that this test started.
pub(crate) fn signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// A program that the workspace built beside this test.
pub(crate) fn built(name: &str) -> PathBuf {
    let beside = std::env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        beside.exists(),
        "{} is not built: cargo build --workspace --all-features --bins",
        beside.display()
    );
    beside
}

fn command(data: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(built("hardened-notes"));
    command
        .env_clear()
        .envs([("GAMBESON_PROFILE", "development"), ("NO_COLOR", "1")])
        .envs(["PORT", "DEV_IDP_PORT", "MODEL_PORT"].map(|port| (port, "0")))
        .env("DATA_DIR", data)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn collect(mut from: impl Read + Send + 'static, into: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    })
}
