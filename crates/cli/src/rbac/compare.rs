//! A policy beside another one, or beside what happened: diff, unused and replay.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use gambeson_core::escape_controls;
use gambeson_rbac::{Change, Policy, Replay, ReplayReport, Usage, UsageReport};

use super::Trail;
use super::past::{self, Needs};
use super::policy_file::{policy, shown, text};
use crate::outcome::Outcome;

pub(super) fn diff(old: &Path, new: &Path) -> Result<Outcome, Outcome> {
    let diff = policy(old)?.diff(&policy(new)?);
    let mut out = String::new();
    let mut lines = |sign: char, changes: &[Change]| {
        changes.iter().for_each(|change| _ = writeln!(out, "{sign} {change}"));
    };
    lines('+', &diff.gained);
    lines('-', &diff.lost);
    let _ = writeln!(out, "{} gained, {} lost", diff.gained.len(), diff.lost.len());
    Ok(Outcome { code: u8::from(!diff.gained.is_empty()), ..Outcome::said(out) })
}

pub(super) fn unused(path: &Path, from: &Trail) -> Result<Outcome, Outcome> {
    let text = text(path)?;
    let policy = policy(path)?;
    let mut usage = Usage::of(&policy);
    let keys = from.keys.open()?;
    let covered = past::each(&from.path, keys.as_ref(), Needs::Roles, |past| usage.take(&past))?;
    let report = usage.report();
    let fails = !report.unused.is_empty() || report.allowed == 0;
    let out = usage_text(path, &text, &report) + &covered;
    Ok(Outcome { code: u8::from(fails), ..Outcome::said(out) })
}

fn usage_text(path: &Path, text: &str, report: &UsageReport) -> String {
    let mut out = String::new();
    for grant in &report.unused {
        let _ = writeln!(out, "{}:{}: {grant}", shown(path), grant.position(text));
    }
    for role in &report.unseen_roles {
        let _ = writeln!(out, "nobody was allowed anything as {}", escape_controls(role));
    }
    let _ = writeln!(
        out,
        "{} grants unused, {} roles unseen; looked at {}, of which {} allowed something",
        report.unused.len(),
        report.unseen_roles.len(),
        report.period,
        report.allowed
    );
    if report.without_roles > 0 {
        let _ = writeln!(
            out,
            "note: {} don't tell the roles, so all grants of what they were about count as used",
            report.without_roles
        );
    }
    if report.by_other_policies > 0 {
        let _ = writeln!(out, "note: {} were decided by another policy", report.by_other_policies);
    }
    out
}

pub(super) fn replay(paths: &[PathBuf], from: &Trail) -> Result<Outcome, Outcome> {
    let policies: Vec<Policy> = paths.iter().map(|path| policy(path)).collect::<Result<_, _>>()?;
    let mut replay = Replay::of(&policies);
    let keys = from.keys.open()?;
    let covered = past::each(&from.path, keys.as_ref(), Needs::RolesAndRecord, |past| replay.take(past))?;
    let report = replay.report();
    let out = replay_text(&policies, report) + &covered;
    Ok(Outcome { code: u8::from(!report.is_ok()), ..Outcome::said(out) })
}

fn replay_text(policies: &[Policy], report: &ReplayReport) -> String {
    let mut out = String::new();
    for disagreement in &report.disagreements {
        let _ = writeln!(out, "{disagreement}");
    }
    let untold = report.disagreed - report.disagreements.len() as u64;
    if untold > 0 {
        let _ = writeln!(out, "and {untold} more");
    }
    let (agreed, disagreed) = (report.agreed, report.disagreed);
    let _ = writeln!(out, "{agreed} agree, {disagreed} disagree; looked at {}", report.period);
    for (reason, count) in &report.skipped {
        let _ = writeln!(out, "note: {count} {reason}");
    }
    for (digest, count) in &report.other_policies {
        let named =
            digest.as_deref().map_or_else(|| "unnamed policies".into(), |digest| escape_controls(digest));
        let _ = writeln!(out, "note: {count} were decided by policy {named}, which was not given");
    }
    if !report.other_policies.is_empty() {
        let given: Vec<&str> = policies.iter().map(Policy::digest).collect();
        let _ = writeln!(out, "given: {}", given.join(", "));
    }
    out
}
