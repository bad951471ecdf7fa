//! Further trails that get each event too.

use std::collections::HashSet;
use std::iter::once;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gambeson_audit_trail::{AuditTrail, FanOut, TrailError};
use gambeson_core::{
    Answer, AuditError, AuditErrorKind, AuditEvent, AuditSink, ConfigError, ConfigProblems, Durability,
    Health, HealthCheck, NullSink, Receipt,
};
use gambeson_otel_setup::TelemetryBuilder;

use super::readiness::Named;
use super::trail::{Parts, noted, open_one, unopened};
use super::{cause, text};
use crate::Config;
use crate::config::CopiesTable;

/// The copies, and what gives events to the first trail and to them.
#[derive(Debug, Clone)]
pub(super) struct Copies {
    all: Vec<Copy>,
    pub(super) fan_out: FanOut,
}

/// A further trail, or why there is none: then the quorum can be had without it.
#[derive(Debug, Clone)]
enum Copy {
    Open(AuditTrail),
    Missing(String),
}

/// Looks through the settings; opens nothing.
pub(super) fn check(config: &Config, first: &Path, table: &CopiesTable, problems: &mut ConfigProblems) {
    const FIELD: &str = "audit-trail.copies.directories";
    if table.directories.is_empty() {
        return problems.add(FIELD, "", "name a folder, or leave the table out");
    }
    let mut seen = HashSet::from([config.path(first)]);
    for directory in table.directories.iter().map(|directory| config.path(directory)) {
        let shown = text(directory.display());
        if !seen.insert(directory) {
            problems.add(FIELD, shown, "name each folder once: a copy is a trail of its own");
        }
    }
    let sinks = once(first).chain(table.directories.iter().map(PathBuf::as_path));
    let rehearsed =
        sinks.map(|directory| (text(directory.display()), Arc::new(NullSink) as Arc<dyn AuditSink>));
    if let Err(error) = fan_out(table, rehearsed) {
        noted(&error, "copies", problems);
    }
}

/// Opens them; those that can't be are told by the health, as long as there are enough without them.
pub(super) fn open(
    config: &Config,
    table: &CopiesTable,
    first: &AuditTrail,
    parts: &Parts,
    problems: &mut ConfigProblems,
) -> Option<Copies> {
    let opened: Vec<_> =
        table.directories.iter().map(|directory| open_one(config, directory, parts)).collect();
    let kept = 1 + opened.iter().filter(|opened| opened.is_ok()).count();
    if kept < table.quorum.needed(1 + opened.len()) {
        for (directory, opened) in table.directories.iter().zip(opened) {
            let note = |error| unopened("copies.directories", config, directory, &error, problems);
            opened.map_or_else(note, drop);
        }
        return None;
    }
    let all: Vec<_> = opened
        .into_iter()
        .map(|opened| opened.map_or_else(|error| Copy::missing(&error), Copy::Open))
        .collect();
    let names = table.directories.iter().map(|directory| text(config.path(directory).display()));
    let copies = names.zip(all.iter().map(|copy| Arc::new(copy.clone()) as Arc<dyn AuditSink>));
    let first = (text(first.dir().display()), Arc::new(first.clone()) as Arc<dyn AuditSink>);
    let fan_out =
        fan_out(table, once(first).chain(copies)).map_err(|error| noted(&error, "copies", problems));
    Some(Copies { all, fan_out: fan_out.ok()? })
}

fn fan_out(
    table: &CopiesTable,
    sinks: impl Iterator<Item = (String, Arc<dyn AuditSink>)>,
) -> Result<FanOut, ConfigError> {
    let builder = FanOut::builder(table.quorum);
    sinks.fold(builder, |builder, (name, sink)| builder.sink(name, sink, table.deadline)).build()
}

impl Copies {
    /// Those that are open.
    pub(super) fn trails(&self) -> impl Iterator<Item = &AuditTrail> {
        self.all.iter().filter_map(|copy| match copy {
            Copy::Open(trail) => Some(trail),
            Copy::Missing(_) => None,
        })
    }

    /// Tells the telemetry how they are, by number.
    pub(super) fn told_to(self, telemetry: TelemetryBuilder) -> TelemetryBuilder {
        (1..).zip(self.all).fold(telemetry.health(self.fan_out), |telemetry, (number, copy)| {
            telemetry.health(Named { name: format!("audit-copy.{number}"), check: copy })
        })
    }
}

impl Copy {
    fn missing(error: &TrailError) -> Self {
        Self::Missing(format!("not open since the start: {}", cause(error)))
    }
}

impl AuditSink for Copy {
    fn record(&self, event: AuditEvent, durability: Durability) -> Answer<Result<Receipt, AuditError>> {
        match self {
            Self::Open(trail) => trail.record(event, durability),
            Self::Missing(why) => {
                Answer::Ready(Err(AuditError::new(AuditErrorKind::Unavailable).with_source(why.clone())))
            }
        }
    }
}

impl HealthCheck for Copy {
    fn name(&self) -> &str {
        "audit-copy"
    }

    fn check(&self) -> Answer<Health> {
        match self {
            Self::Open(trail) => trail.check(),
            Self::Missing(why) => Answer::Ready(Health::Degraded(why.clone())),
        }
    }
}
