//! The app's log: read to its end, kept but for its line a request.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write as _};
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// So much is kept.
const MOST: u64 = 16 << 20;

/// So many lines of one sort are told.
const TOLD: usize = 10;

/// What is in the log.
#[derive(Debug, Default, Serialize)]
pub(super) struct Log {
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// Lines of a request that ended.
    pub(super) requests: u64,
    pub(super) warnings: u64,
    pub(super) errors: u64,
    pub(super) panics: u64,
    /// The first lines of panics, errors and warnings.
    pub(super) told: Vec<String>,
}

impl Log {
    /// Reads the log until the app has ended, and keeps what is no request of level INFO in a file.
    pub(super) fn read(from: impl Read, file: &Path) -> Result<Self> {
        let mut kept = BufWriter::new(File::create(file)?);
        let mut room = MOST;
        let mut log = Self::default();
        let mut from = BufReader::with_capacity(1 << 16, from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line)? > 0 {
            let is_plain = log.line(&String::from_utf8_lossy(&line));
            if !is_plain && let Some(left) = room.checked_sub(line.len() as u64) {
                kept.write_all(&line)?;
                room = left;
            }
            line.clear();
        }
        kept.flush()?;
        Ok(log)
    }

    /// Whether it is but a request that ended.
    fn line(&mut self, line: &str) -> bool {
        self.lines += 1;
        self.bytes += line.len() as u64;
        let mut words = line.split_whitespace().skip(1);
        let (level, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let is_request = target == "gambeson::http";
        self.requests += u64::from(is_request);
        let count = match level {
            _ if line.contains("panicked") => &mut self.panics,
            "ERROR" => &mut self.errors,
            "WARN" => &mut self.warnings,
            _ => return is_request,
        };
        *count += 1;
        if self.told.len() < TOLD {
            self.told.push(line.trim_end().to_owned());
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_request_is_kept() {
        let text = "2026-01-01T00:00:00Z INFO  gambeson::http method=GET status=200\n\
                    2026-01-01T00:00:00Z ERROR gambeson::http method=GET status=500\n\
                    thread 'main' panicked at src/main.rs:1:1:\n";
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app.log");
        let log = Log::read(text.as_bytes(), &file).expect("read");
        assert_eq!((log.lines, log.requests, log.errors, log.panics), (3, 2, 1, 1));
        assert_eq!(std::fs::read_to_string(file).expect("kept").lines().count(), 2);
    }
}
