//! Many requests by `wrk`: mostly what the app refuses, as fast as it can.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::http::Tokens;
use super::ledger::Ledger;

/// The script, for wrk's own interpreter.
pub(super) const SCRIPT: &str = include_str!("wrk.lua");

/// No request is begun in wrk's last seconds.
const QUIET: u64 = 3;

/// What one `wrk` sends.
#[derive(Debug)]
pub(super) struct Kind {
    name: &'static str,
    connections: u32,
    /// Between two requests of a connection, in milliseconds.
    pause: u32,
    method: &'static str,
    path: &'static str,
    route: &'static str,
    user: Option<&'static str>,
    /// `None`: the app's own name.
    host: Option<&'static str>,
    headers: &'static [&'static str],
}

/// All that is sent, over 32 connections.
pub(super) const KINDS: &[Kind] = &[
    Kind { connections: 14, path: "/api/notes", route: "/api/notes", ..Kind::new("over the rate") },
    Kind { connections: 9, path: "/livez", route: "/livez", ..Kind::new("probe") },
    Kind { connections: 2, pause: 10, host: Some("elsewhere.example"), ..Kind::new("foreign host") },
    Kind { pause: 10, host: Some("not a host"), ..Kind::new("malformed host") },
    Kind { pause: 10, host: Some("localhost:PORT"), ..Kind::new("other name") },
    Kind { pause: 10, path: "/nowhere", route: "", ..Kind::new("unknown route") },
    Kind {
        connections: 2,
        pause: 20,
        method: "POST",
        path: "/api/notes",
        route: "/api/notes",
        // Refused by its announcement: the body never comes.
        headers: &["Content-Length: 2000000", "Connection: close"],
        ..Kind::new("too large")
    },
    Kind {
        connections: 2,
        pause: 20,
        method: "DELETE",
        path: "/api/notes/1",
        route: "/api/notes/{id}",
        user: Some("bob"),
        ..Kind::new("not allowed")
    },
];

impl Kind {
    const fn new(name: &'static str) -> Self {
        let (method, path, user, host) = ("GET", "/", None, None);
        Self { name, connections: 1, pause: 0, method, path, route: "/", user, host, headers: &[] }
    }

    fn host(&self, app: SocketAddr) -> String {
        let named = self.host.map(|host| host.replace("PORT", &app.port().to_string()));
        named.unwrap_or_else(|| app.to_string())
    }
}

/// A `wrk` that runs. It is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    kind: &'static Kind,
    child: Child,
}

/// What a `wrk` has to say, and nothing but what it saw.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Figures {
    #[serde(default)]
    pub(super) name: String,
    pub(super) requests: u64,
    failed: u64,
    pub(super) p50_micros: u64,
    pub(super) p99_micros: u64,
    pub(super) longest_micros: u64,
    #[serde(skip_serializing)]
    tally: String,
}

impl Running {
    /// Starts one for each kind.
    pub(super) fn all(
        wrk: &Path,
        script: &Path,
        app: SocketAddr,
        seconds: u64,
        tokens: &Tokens,
    ) -> Result<Vec<Self>> {
        KINDS.iter().map(|kind| Self::start(kind, wrk, script, app, seconds, tokens)).collect()
    }

    fn start(
        kind: &'static Kind,
        wrk: &Path,
        script: &Path,
        app: SocketAddr,
        seconds: u64,
        tokens: &Tokens,
    ) -> Result<Self> {
        let mut command = Command::new(wrk);
        command.args(["--threads", "1", "--timeout", "60s"]);
        command.args(["--connections", &kind.connections.to_string()]);
        command.args(["--duration", &format!("{seconds}s"), "--script"]).arg(script);
        command.args([format!("http://{app}"), "--".to_owned()]);
        command.args([kind.method, kind.path]);
        command.args([(seconds - QUIET).to_string(), kind.pause.to_string()]);
        command.arg(format!("Host: {}", kind.host(app))).args(kind.headers);
        if let Some(token) = kind.user.and_then(|user| tokens.get(user)) {
            command.arg(format!("Authorization: Bearer {token}"));
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Ok(Self { kind, child: child.with_context(|| format!("cannot start {}", wrk.display()))? })
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// What it saw; waits for its end.
    pub(super) fn figures(mut self) -> Result<(Figures, Ledger)> {
        let mut printed = String::new();
        if let Some(mut out) = self.child.stdout.take() {
            out.read_to_string(&mut printed)?;
        }
        let line = printed.lines().find_map(|line| line.strip_prefix("TALLY "));
        let line =
            line.with_context(|| format!("wrk of `{}` ended without figures: {printed}", self.kind.name))?;
        let mut figures: Figures = serde_json::from_str(line)?;
        figures.name = self.kind.name.to_owned();
        let ledger = ledger(self.kind, &figures)?;
        Ok((figures, ledger))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ledger(kind: &Kind, figures: &Figures) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    for part in figures.tally.split(';').filter(|part| !part.is_empty()) {
        let (status, rest) = part.split_once(' ').context("a status")?;
        let (slug, count) = rest.split_once(' ').context("a reason and a count")?;
        let (status, count) = (status.parse()?, count.parse()?);
        ledger.answered(kind.method, kind.route, status, count);
        if status >= 400 {
            ledger.refused(slug, count);
        }
    }
    if ledger.answers() != figures.requests {
        ledger.failure(format!(
            "wrk of `{}` saw {} answers, counted {}",
            kind.name,
            figures.requests,
            ledger.answers()
        ));
    }
    if figures.failed > 0 {
        ledger.failure(format!(
            "wrk of `{}`: {} connections or answers were broken",
            kind.name, figures.failed
        ));
    }
    Ok(ledger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_becomes_a_ledger() {
        let line = r#"{"requests":7,"failed":0,"p50_micros":1,"p99_micros":2,"longest_micros":3,"tally":"401 unauthenticated 5;200 - 2"}"#;
        let figures: Figures = serde_json::from_str(line).expect("figures");
        let ledger = ledger(&KINDS[0], &figures).expect("a ledger");
        assert_eq!((ledger.answers(), ledger.failed), (7, 0));
        assert_eq!(ledger.refused.get("unauthenticated"), Some(&5));
    }

    #[test]
    fn the_connections_are_thirty_two() {
        assert_eq!(KINDS.iter().map(|kind| kind.connections).sum::<u32>(), 32);
    }
}
