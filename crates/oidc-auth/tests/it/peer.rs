//! A provider of `tests/peers` as a process: it says when it is ready, and ends when its standard input closes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;

pub(crate) struct Peer {
    child: Child,
    input: Option<ChildStdin>,
}

impl Peer {
    /// Runs `<name>/server.mjs` with these variables; with it what it said when it was ready.
    pub(crate) fn start(name: &str, variables: &[(&str, &str)]) -> (Self, Value) {
        let peers = std::env::var("GAMBESON_PEERS").expect("cargo xtask test sets GAMBESON_PEERS");
        let node = std::env::var_os("GAMBESON_NODE").unwrap_or_else(|| "node".into());
        let mut child = Command::new(node)
            .arg(Path::new(&peers).join(name).join("server.mjs"))
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        (Self { input: child.stdin.take(), child }, ready)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
