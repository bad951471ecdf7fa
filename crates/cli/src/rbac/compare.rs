//! A policy beside another one, or beside what happened: diff, unused and replay.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use gambeson_core::escape_controls;
use gambeson_rbac::{
    Change, Difference, NextReport, PastDecision, Policy, Replay, ReplayReport, Usage, UsageReport,
};

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

pub(super) fn replay(paths: &[PathBuf], next: Option<&Path>, from: &Trail) -> Result<Outcome, Outcome> {
    let policies: Vec<Policy> = paths.iter().map(|path| policy(path)).collect::<Result<_, _>>()?;
    let next = next.map(policy).transpose()?;
    let mut replay = Replay::of(&policies);
    if let Some(next) = &next {
        replay = replay.next(next);
    }
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
    if let Some(next) = &report.next {
        next_text(next, &mut out);
    }
    out
}

fn next_text(report: &NextReport, out: &mut String) {
    for difference in &report.differences {
        let _ = writeln!(out, "next: {difference}");
        examples_text(difference, out);
    }
    if report.further > 0 {
        let _ = writeln!(out, "next: and {} of further permissions and routes", report.further);
    }
    let counts = report.counts;
    let _ = writeln!(
        out,
        "next: {} decided, {} would be allowed, {} refused, {} refused for another reason",
        counts.compared, counts.would_allow, counts.would_refuse, counts.otherwise
    );
    for (reason, count) in &report.undecided {
        let _ = writeln!(out, "note: next: {count} {reason}");
    }
    if !report.new_roles.is_empty() {
        let names = escape_controls(&report.new_roles.join(", ")).into_owned();
        let _ = writeln!(out, "note: next: nobody had the new roles, or it is not on record: {names}");
    }
}

fn examples_text(difference: &Difference, out: &mut String) {
    let example = |past: &PastDecision| {
        let who = past.subject.as_deref().unwrap_or("nobody");
        let roles = past.roles.as_deref().unwrap_or_default().join(" + ");
        let as_roles = if roles.is_empty() { "without a role".to_owned() } else { format!("as {roles}") };
        format!("record {}: {who} {as_roles}", past.place)
    };
    for past in &difference.examples {
        let _ = writeln!(out, "  {}", escape_controls(&example(past)));
    }
    if let Some(why) = &difference.why {
        let _ = writeln!(out, "  why: {}", escape_controls(why));
    }
}
