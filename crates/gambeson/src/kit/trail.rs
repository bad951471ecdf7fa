//! The audit trail as the file describes it: with its keys, signed, copied, and its heads published.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gambeson_audit_trail::{
    AuditLayer, AuditTrail, FanOut, FieldKeys, FileSubjectKeys, Head, PersonalData, Publisher, SigningKey,
    TrailBuilder, TrailError,
};
use gambeson_core::{
    AuditSink, Clock, ConfigError, ConfigProblems, RequestHead, SecretBytes, SecretRef, SystemClock,
};
use gambeson_otel_setup::TelemetryBuilder;
use gambeson_secrets::{ReadError, ReadErrorKind, Secrets};

use super::anchors::{self, Anchored};
use super::readiness::Named;
use super::{cause, text, with};
use crate::Config;
use crate::config::{AuditTrailTable, CopiesTable, KeysTable, OutcomesTable, SigningTable};

/// The trails, and what gives events to them.
#[derive(Debug, Clone)]
pub(super) struct Trails {
    pub(super) first: AuditTrail,
    copies: Vec<AuditTrail>,
    fan_out: Option<FanOut>,
    publishers: Vec<Publisher>,
}

/// What the trails are opened with.
struct Parts {
    keys: Option<FieldKeys>,
    signing: Option<SigningKey>,
    anchors: Vec<Anchored>,
}

/// Opens the trail, if there is to be one, and begins to publish its heads where that is asked for. Where a part is wrong, nothing is
/// opened: nothing is written unsigned or in the clear that should not have been.
pub(super) async fn open(
    config: &Config,
    secrets: Option<&Secrets>,
    problems: &mut ConfigProblems,
) -> Option<Trails> {
    let table = &config.audit_trail;
    let Some(directory) = &table.directory else {
        note_orphans(table, problems);
        return None;
    };
    let mut found = ConfigProblems::new();
    if let Err(error) = table.limits.validate() {
        noted(&error, "limits", &mut found);
    }
    let parts = Parts {
        keys: keys(config, secrets, &mut found).await,
        signing: signing(table.signing.as_ref(), secrets, &mut found).await,
        anchors: anchors::all(config, secrets, &mut found).await,
    };
    if found.is_empty() {
        anchors::prepare(config, &mut found);
    }
    let parts = found.into_result(parts).map_err(|error| problems.extend(error)).ok()?;
    let first = open_one(config, "audit-trail.directory", directory, &parts, problems)?;
    let (copies, fan_out) = match &table.copies {
        Some(copies) => copied(config, copies, &first, &parts, problems)?,
        None => (Vec::new(), None),
    };
    let publish =
        |anchored: &Anchored| first.publish_to(anchored.anchor.clone(), anchored.publishing.clone());
    // Their settings were looked through.
    let publishers = parts.anchors.iter().filter_map(|anchored| publish(anchored).ok()).collect();
    Some(Trails { first, copies, fan_out, publishers })
}

/// What is set for a trail that there is none of.
fn note_orphans(table: &AuditTrailTable, problems: &mut ConfigProblems) {
    for (field, is_set) in [
        ("keys", table.keys.is_some()),
        ("signing", table.signing.is_some()),
        ("anchors", !table.anchors.is_empty()),
        ("copies", table.copies.is_some()),
        ("outcomes", table.outcomes.is_some()),
    ] {
        if is_set {
            let cure = "name the trail's directory, or leave this out";
            problems.add(format!("audit-trail.{field}"), "", cure);
        }
    }
}

/// Notes what audit-trail has found, under the names that the file has for it.
pub(super) fn noted(error: &ConfigError, within: &str, problems: &mut ConfigProblems) {
    for problem in error.problems() {
        let field = problem.field.strip_prefix("audit_trail.").unwrap_or(&problem.field);
        let field = field.rsplit_once("publishing.").map_or(field, |(_, field)| field);
        let field = field.rsplit_once("fan_out.").map_or(field, |(_, field)| field);
        let field = format!("audit-trail.{within}.{}", field.replace('_', "-"));
        problems.add(field, &*problem.value, &*problem.cure);
    }
}

async fn keys(
    config: &Config,
    secrets: Option<&Secrets>,
    problems: &mut ConfigProblems,
) -> Option<FieldKeys> {
    let wanted = config.audit_trail.limits.personal_data;
    let Some(KeysTable { secret, subjects }) = &config.audit_trail.keys else {
        if matches!(wanted, PersonalData::Hmac | PersonalData::Sealed) {
            let cure = "name the secret that this is done with in [audit-trail.keys]";
            problems.add("audit-trail.limits.personal-data", wanted.as_str(), cure);
        }
        return None;
    };
    if subjects.is_none() && wanted == PersonalData::Sealed {
        problems.add("audit-trail.keys.subjects", "", "name the folder of the keys to seal with");
    }
    let bytes = resolved("audit-trail.keys.secret", secret, secrets, problems).await?;
    let mut noted = |field, value: String, error: &dyn std::error::Error| {
        problems.add(format!("audit-trail.keys.{field}"), value, cause(error));
    };
    let keys = FieldKeys::new(&bytes).map_err(|error| noted("secret", text(secret), &error)).ok()?;
    let Some(folder) = subjects.as_deref().map(|folder| config.path(folder)) else { return Some(keys) };
    let shown = text(folder.display());
    let store =
        FileSubjectKeys::open(&folder).map_err(|error| noted("subjects", shown.clone(), &error)).ok()?;
    keys.with_subjects(Arc::new(store)).map_err(|error| noted("subjects", shown, &error)).ok()
}

async fn signing(
    table: Option<&SigningTable>,
    secrets: Option<&Secrets>,
    problems: &mut ConfigProblems,
) -> Option<SigningKey> {
    let SigningTable { name, key, .. } = table?;
    let bytes = resolved("audit-trail.signing.key", key, secrets, problems).await?;
    SigningKey::from_pkcs8(name, bytes.expose())
        .map_err(|error| problems.add("audit-trail.signing", text(key), text(error)))
        .ok()
}

/// What a reference leads to. Whoever may verify a trail must not learn its keys, so they are secrets like others.
async fn resolved(
    field: &str,
    reference: &SecretRef,
    secrets: Option<&Secrets>,
    problems: &mut ConfigProblems,
) -> Option<SecretBytes> {
    let found = allowed(field, reference, secrets, problems)?.bytes(reference).await;
    found.map_err(|error| problems.add(field, text(reference), unread(&error))).ok()
}

/// The secrets, if there are any.
pub(super) fn allowed<'a>(
    field: &str,
    reference: &SecretRef,
    secrets: Option<&'a Secrets>,
    problems: &mut ConfigProblems,
) -> Option<&'a Secrets> {
    if secrets.is_none() {
        problems.add(field, text(reference), "allow it in the table [secrets]");
    }
    secrets
}

/// Why a secret of the trail can't be read.
pub(super) fn unread(error: &ReadError) -> String {
    match error.kind() {
        ReadErrorKind::Unrecorded => {
            "leave it out of secrets.privileged: it is read before the trail is open".into()
        }
        _ => cause(error),
    }
}

fn open_one(
    config: &Config,
    field: &str,
    directory: &Path,
    parts: &Parts,
    problems: &mut ConfigProblems,
) -> Option<AuditTrail> {
    let directory = config.path(directory);
    let builder = AuditTrail::builder(&directory).config(config.audit_trail.limits.clone());
    let builder = with(builder, parts.keys.clone(), TrailBuilder::keys);
    let previous = config.audit_trail.signing.iter().flat_map(|table| table.previous.clone());
    let builder = previous.fold(builder, TrailBuilder::previous_key);
    let opened = with(builder, parts.signing.clone(), TrailBuilder::sign).open();
    opened.map_err(|error| problems.add(field, text(directory.display()), cause(&error))).ok()
}

fn copied(
    config: &Config,
    table: &CopiesTable,
    first: &AuditTrail,
    parts: &Parts,
    problems: &mut ConfigProblems,
) -> Option<(Vec<AuditTrail>, Option<FanOut>)> {
    let open =
        |directory: &PathBuf| open_one(config, "audit-trail.copies.directories", directory, parts, problems);
    let copies: Vec<AuditTrail> = table.directories.iter().map(open).collect::<Option<_>>()?;
    let sinks = std::iter::once(first).chain(&copies);
    let fan_out = sinks.fold(FanOut::builder(table.quorum), |builder, trail| {
        builder.sink(text(trail.dir().display()), Arc::new(trail.clone()), table.deadline)
    });
    let fan_out = fan_out.build().map_err(|error| noted(&error, "copies", problems)).ok()?;
    Some((copies, Some(fan_out)))
}

impl Trails {
    /// What takes events for all of them.
    pub(super) fn sink(&self) -> Arc<dyn AuditSink> {
        match &self.fan_out {
            Some(fan_out) => Arc::new(fan_out.clone()),
            None => Arc::new(self.first.clone()),
        }
    }

    /// Tells the telemetry how they are, the copies and all anchors but the first by number.
    pub(super) fn told_to(self, telemetry: TelemetryBuilder) -> TelemetryBuilder {
        let telemetry = with(telemetry.health(self.first), self.fan_out, TelemetryBuilder::health);
        let telemetry = (1..).zip(self.copies).fold(telemetry, |telemetry, (number, copy)| {
            telemetry.health(Named { name: format!("audit-copy.{number}"), check: copy })
        });
        (1..).zip(self.publishers).fold(telemetry, |telemetry, (number, publisher)| match number {
            1 => telemetry.health(publisher),
            _ => telemetry.health(Named { name: format!("audit-anchor.{number}"), check: publisher }),
        })
    }

    /// Tells all of them to end, then waits for each, and until the last heads are published; what the first says, else what failed.
    pub(super) async fn close(&self, deadline: Duration) -> Result<Head, TrailError> {
        let clock = SystemClock::new();
        let late = clock.monotonic().plus(deadline);
        let left = || late.since(clock.monotonic());
        self.first.stop();
        self.copies.iter().for_each(AuditTrail::stop);
        let mut closed = self.first.stopped(left()).await;
        for copy in &self.copies {
            let copied = copy.stopped(left()).await;
            closed = closed.and_then(|head| copied.map(|_| head));
        }
        for publisher in &self.publishers {
            let published = publisher.finished(left()).await;
            closed = closed.and_then(|head| published.map(|_| head));
        }
        closed
    }
}

/// The layer that tells these sinks how acts end.
pub(super) fn outcomes(table: Option<&OutcomesTable>, sink: Option<Arc<dyn AuditSink>>) -> AuditLayer {
    let Some((table, sink)) = table.zip(sink) else { return AuditLayer::off() };
    let layer = AuditLayer::new(sink);
    let layer = if table.strangers { layer.strangers() } else { layer };
    match table.changes_only {
        true => layer.only(|head: &RequestHead<'_>| !head.method.is_safe()),
        false => layer,
    }
}
