//! What holds and what does not.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::app::Ended;
use super::counted::{Counted, Row};
use super::ledger::Ledger;
use super::memory::Memory;
use super::wrk::Figures;

/// A connection that is still being closed is none that leaked.
const FILES_MORE: usize = 4;

/// Everybody who asked.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) figures: Vec<Figures>,
    pub(super) wrk: Ledger,
    pub(super) steady: Ledger,
    pub(super) aborting: Ledger,
}

/// Everything that was seen of one run.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) minutes: u64,
    pub(super) memory: Memory,
    pub(super) requests: u64,
    pub(super) cancelled: u64,
    /// 1 when idle: the request for the metrics.
    pub(super) active: i64,
    /// Open files and connections, before and after.
    pub(super) files: (usize, usize),
    /// Whether it was still ready after all.
    pub(super) answers: bool,
    /// What notes and audit trail take on the disk.
    pub(super) data_bytes: u64,
    pub(super) ended: Ended,
    pub(super) clients: Clients,
    pub(super) counted: Counted,
}

/// One claim.
struct Claim {
    what: &'static str,
    holds: bool,
    detail: String,
}

impl Report {
    /// Prints the table, writes the file; false when a claim does not hold.
    pub(super) fn tell(mut self, file: &Path) -> Result<bool> {
        let mut all = Ledger::default();
        let by_whom = self.by_whom();
        for ledger in [&mut self.clients.wrk, &mut self.clients.steady, &mut self.clients.aborting] {
            all.add(std::mem::take(ledger));
        }
        let (series, refusals) = (self.counted.series(&all), self.counted.refusals(&all));
        let claims = self.claims(&all, &series, &refusals);
        println!("\n{}", table("requests", &series));
        println!("{}", table("refusals", &refusals));
        println!("{}", pace(&self.clients.figures, self.minutes));
        for (who, answered, given_up) in &by_whom {
            println!("{who:<10} {answered:>10} answers seen, {given_up} given up before");
        }
        let data = self.data_bytes >> 20;
        println!(
            "\n{} requests ended without their client; notes and audit trail took {data} MiB\n",
            self.cancelled
        );
        for claim in &claims {
            println!(
                "{} {}: {}",
                if claim.holds { "holds        " } else { "DOES NOT HOLD" },
                claim.what,
                claim.detail
            );
        }
        self.ended.log.told.iter().for_each(|line| println!("  log: {line}"));
        let holds = claims.iter().all(|claim| claim.holds);
        let json = self.json(&by_whom, &series, &refusals, &claims);
        fs::write(file, serde_json::to_string_pretty(&json)? + "\n")
            .with_context(|| format!("writing {}", file.display()))?;
        println!("\nreport: {}", file.display());
        Ok(holds)
    }

    fn by_whom(&self) -> [(&'static str, u64, u64); 3] {
        let Clients { wrk, steady, aborting, .. } = &self.clients;
        [("wrk", wrk), ("steady", steady), ("aborting", aborting)]
            .map(|(who, ledger)| (who, ledger.answers(), ledger.given_up()))
    }

    fn claims(&self, all: &Ledger, series: &[Row], refusals: &[Row]) -> Vec<Claim> {
        let (memory, log) = (&self.memory, &self.ended.log);
        let claim = |what, holds, detail| Claim { what, holds, detail };
        let counts = |rows: &[Row]| {
            let (holding, all) = (rows.iter().filter(|row| row.holds()).count(), rows.len());
            (holding == all && all > 0, format!("{holding} of {all} counts agree"))
        };
        let (requests_hold, requests) = counts(series);
        let (refusals_hold, refusals) = counts(refusals);
        vec![
            claim("no panic", log.panics == 0, format!("{} in {} lines of log", log.panics, log.lines)),
            claim(
                "no error is logged",
                log.errors == 0,
                format!("{} errors, {} warnings", log.errors, log.warnings),
            ),
            claim("memory is flat", memory.is_flat(), memory_told(memory)),
            claim("every request is counted", requests_hold, format!("{requests}, {} in all", self.requests)),
            claim("every refusal is counted", refusals_hold, refusals),
            claim(
                "every request is logged",
                log.requests == self.counted.logged(),
                format!("{} lines for {} requests, probes left out", log.requests, self.counted.logged()),
            ),
            claim(
                "no request is left",
                self.active <= 1,
                format!("{} active, the one that asks included", self.active),
            ),
            claim(
                "no connection is left",
                self.files.1 <= self.files.0 + FILES_MORE,
                format!("{} open files before, {} after", self.files.0, self.files.1),
            ),
            claim(
                "clients saw whole answers",
                all.failed == 0,
                format!("{} broken {}", all.failed, all.failures.join("; ")),
            ),
            claim("it is ready afterwards", self.answers, format!("/readyz: {}", self.answers)),
            claim(
                "it ends when told to",
                self.ended.code == Some(0),
                format!("exit code {:?} after {:.1} s", self.ended.code, self.ended.seconds),
            ),
        ]
    }

    fn json(
        &self,
        by_whom: &[(&str, u64, u64)],
        series: &[Row],
        refusals: &[Row],
        claims: &[Claim],
    ) -> Value {
        let clients: Vec<Value> = by_whom
            .iter()
            .map(|(who, answered, given_up)| json!({ "who": who, "answers": answered, "given_up": given_up }))
            .collect();
        let claims: Vec<Value> = claims
            .iter()
            .map(|claim| json!({ "what": claim.what, "holds": claim.holds, "detail": claim.detail }))
            .collect();
        json!({
            "minutes": self.minutes,
            "claims": claims,
            "requests": { "all": self.requests, "cancelled": self.cancelled, "series": series },
            "refusals": refusals,
            "clients": clients,
            "wrk": self.clients.figures,
            "memory": self.memory,
            "log": self.ended.log,
            "data_bytes": self.data_bytes,
        })
    }
}

fn memory_told(memory: &Memory) -> String {
    let mib = |kib: f64| kib / 1_024.0;
    format!(
        "median {:.1} MiB after {:.0} s of warm-up, {:.1} MiB at the end, highest {:.1} MiB; fitted {:+.3} MiB a minute; \
         tolerated +{:.1} MiB",
        mib(memory.early_kib),
        memory.warm_up_seconds,
        mib(memory.late_kib),
        mib(memory.highest_kib),
        mib(memory.slope_kib_per_minute),
        mib(memory.tolerated_kib),
    )
}

/// How fast the answers came.
fn pace(figures: &[Figures], minutes: u64) -> String {
    let mut text =
        format!("{:<24} {:>10} {:>10} {:>10} {:>10}\n", "wrk", "a second", "p50 µs", "p99 µs", "longest");
    for wrk in figures {
        let a_second = wrk.requests / (minutes * 60);
        let Figures { name, p50_micros, p99_micros, longest_micros, .. } = wrk;
        text.push_str(&format!(
            "{name:<24} {a_second:>10} {p50_micros:>10} {p99_micros:>10} {longest_micros:>10}\n"
        ));
    }
    text
}

fn table(what: &str, rows: &[Row]) -> String {
    let mut text = format!("{what:<45} {:>10} {:>10} {:>10}\n", "clients", "perhaps", "app");
    for row in rows {
        let mark = if row.holds() { "" } else { "  <- does not hold" };
        text.push_str(&format!(
            "{:<45} {:>10} {:>10} {:>10}{mark}\n",
            row.what, row.clients, row.perhaps, row.app
        ));
    }
    text
}
