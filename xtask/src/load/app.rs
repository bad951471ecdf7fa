//! The notes app, as somebody would run it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::clock::{now, rest};
use super::http::{self, Tokens};
use super::log::Log;
use super::steady::FORGED;
use crate::process;
use crate::workspace::Workspace;

const NAME: &str = "hardened-notes";

/// How long it may take to end: three seconds for requests, two for what is on record, and one.
const ENDS_WITHIN: Duration = Duration::from_secs(6);

/// The app that runs. It is ended when this is dropped.
pub(super) struct App {
    child: Child,
    log: Option<JoinHandle<Result<Log>>>,
    pub(super) address: SocketAddr,
    idp: SocketAddr,
    pub(super) data: PathBuf,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// `None`: it did not end by itself.
    pub(super) code: Option<i32>,
    pub(super) seconds: f64,
    pub(super) log: Log,
}

impl App {
    /// Builds it for release and starts it on free loopback ports, with an empty data folder.
    pub(super) fn start(workspace: &Workspace, folder: &Path) -> Result<Self> {
        if !process::visible(process::cargo(&workspace.root).args(["build", "--release", "-p", NAME]))? {
            bail!("{NAME} does not build, see above");
        }
        let data = folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        let mut command = Command::new(workspace.target.join("release").join(NAME));
        command.env_clear().current_dir(folder).env("GAMBESON_PROFILE", "development").env("DATA_DIR", &data);
        for (name, value) in
            [("BIND", "127.0.0.1"), ("PORT", "0"), ("DEV_IDP_PORT", "0"), ("MODEL_PORT", "0")]
        {
            command.env(name, value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {NAME}"))?;
        let (out, errors) = (child.stdout.take(), child.stderr.take());
        let file = folder.join("app.log");
        let log = errors.map(|errors| thread::spawn(move || Log::read(errors, &file)));
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut app = Self { child, log, address: unknown, idp: unknown, data };
        app.listens(out.context("its output")?)?;
        Ok(app)
    }

    /// Waits for the lines that say where it listens.
    fn listens(&mut self, out: ChildStdout) -> Result<()> {
        let mut lines = BufReader::new(out).lines();
        for line in &mut lines {
            let line = line?;
            let Some((what, address)) = line.split_once(" listens on http://") else { continue };
            match what {
                "dev identity provider" => self.idp = address.parse()?,
                NAME => {
                    self.address = address.parse()?;
                    thread::spawn(move || lines.for_each(drop));
                    return Ok(());
                }
                _ => {}
            }
        }
        bail!("{NAME} did not start: target/load/app.log says why")
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// A token for each demo person, for longer than any run.
    pub(super) fn tokens(&self) -> Result<Tokens> {
        let mut tokens = Tokens::new();
        for user in ["alice", "bob", "carol", "dave"] {
            let form = format!("user={user}&expires_in=3000");
            let idp = self.idp;
            let request = format!(
                "POST /dev/token HTTP/1.1\r\nHost: {idp}\r\nAccept: text/plain\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            );
            let answer = http::once(idp, request.as_bytes())?;
            if answer.status != 200 {
                bail!("no token for {user}: {} {}", answer.status, answer.body);
            }
            tokens.insert(user, answer.body.trim().to_owned());
        }
        let forged = tokens.get("dave").and_then(|token| token.rsplit_once('.'));
        // As long and as well formed as a signature is, and another one.
        let forged = forged
            .map(|(claims, signature)| format!("{claims}.AAAA{}", signature.get(4..).unwrap_or_default()));
        tokens.insert(FORGED, forged.context("a token has three parts")?);
        Ok(tokens)
    }

    /// Tells it to end, and waits until it has.
    pub(super) fn stop(mut self) -> Result<Ended> {
        let told = now();
        let process = self.process().to_string();
        if !process::succeeds(Command::new("kill").args(["-TERM", &process])) {
            bail!("the app can't be told to end: it is gone");
        }
        let mut code = None;
        while code.is_none() && told.elapsed() < ENDS_WITHIN {
            code = self.child.try_wait()?.map(|status| status.code().unwrap_or(-1));
            rest(Duration::from_millis(20));
        }
        let seconds = told.elapsed().as_secs_f64();
        self.end();
        let log = self.log.take().context("its log")?.join();
        let log = log.map_err(|_| anyhow::anyhow!("the log's reader panicked"))??;
        Ok(Ended { code, seconds, log })
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.end();
        // What it said last is in the file then.
        drop(self.log.take().map(JoinHandle::join));
    }
}
