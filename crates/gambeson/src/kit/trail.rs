//! The audit trail as the file describes it: with its keys, signed, copied, and its heads published.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gambeson_audit_trail::{
    AuditLayer, AuditTrail, FieldKeys, FileSubjectKeys, Head, PersonalData, Publisher, SigningKey,
    TrailBuilder, TrailError,
};
use gambeson_core::{
    AuditSink, Clock, ConfigError, ConfigProblems, RequestHead, SecretBytes, SecretRef, SystemClock,
};
use gambeson_otel_setup::TelemetryBuilder;
use gambeson_secrets::{ReadError, ReadErrorKind, Secrets};

use super::anchors::{self, Anchored};
use super::copies::{self, Copies};
use super::readiness::Named;
use super::{cause, text, with};
use crate::Config;
use crate::config::{AuditTrailTable, KeysTable, OutcomesTable, SigningTable};

/// The trails, and what gives events to them.
#[derive(Debug, Clone)]
pub(super) struct Trails {
    pub(super) first: AuditTrail,
    copies: Option<Copies>,
    publishers: Vec<Publisher>,
}

/// What the trails are opened with.
pub(super) struct Parts {
    keys: Option<FieldKeys>,
    signing: Option<SigningKey>,
    anchors: Vec<Anchored>,
}

/// Opens the trail, if there is to be one, and begins to publish its heads where that is asked for. All settings are looked
/// through before anything is made: nothing is written unsigned or in the clear that should not have been. What can't be opened then
/// leaves those open that were opened before it.
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
    if let Some(copies) = &table.copies {
        copies::check(config, directory, copies, &mut found);
    }
    let parts = found.into_result(parts).map_err(|error| problems.extend(error)).ok()?;
    let parts = prepared(config, parts, problems)?;
    let first = open_one(config, directory, &parts);
    let first = first.map_err(|error| unopened("directory", config, directory, &error, problems)).ok()?;
    let copies = match &table.copies {
        Some(copies) => Some(copies::open(config, copies, &first, &parts, problems)?),
        None => None,
    };
    let publish =
        |anchored: &Anchored| first.publish_to(anchored.anchor.clone(), anchored.publishing.clone());
    // Their settings were looked through.
    let publishers = parts.anchors.iter().filter_map(|anchored| publish(anchored).ok()).collect();
    Some(Trails { first, copies, publishers })
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
    let noted = |error| problems.add("audit-trail.keys.secret", text(secret), cause(&error));
    FieldKeys::new(&bytes).map_err(noted).ok()
}

/// Opens what the trails need before they are open: the store of subjects' keys, and files for heads.
fn prepared(config: &Config, parts: Parts, problems: &mut ConfigProblems) -> Option<Parts> {
    let mut found = ConfigProblems::new();
    anchors::prepare(config, &mut found);
    let folder = config.audit_trail.keys.as_ref().and_then(|table| table.subjects.as_deref());
    let keys = match (parts.keys, folder) {
        (Some(keys), Some(folder)) => with_subjects(keys, &config.path(folder), &mut found),
        (keys, _) => keys,
    };
    found.into_result(Parts { keys, ..parts }).map_err(|error| problems.extend(error)).ok()
}

fn with_subjects(keys: FieldKeys, folder: &Path, problems: &mut ConfigProblems) -> Option<FieldKeys> {
    let store = FileSubjectKeys::open(folder).map_err(|error| cause(&error));
    let keys = store.and_then(|store| keys.with_subjects(Arc::new(store)).map_err(|error| cause(&error)));
    keys.map_err(|why| problems.add("audit-trail.keys.subjects", text(folder.display()), why)).ok()
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

/// A trail in `directory`, with all that the file says of it.
pub(super) fn open_one(config: &Config, directory: &Path, parts: &Parts) -> Result<AuditTrail, TrailError> {
    let builder = AuditTrail::builder(config.path(directory)).config(config.audit_trail.limits.clone());
    let builder = with(builder, parts.keys.clone(), TrailBuilder::keys);
    let previous = config.audit_trail.signing.iter().flat_map(|table| table.previous.clone());
    let builder = previous.fold(builder, TrailBuilder::previous_key);
    with(builder, parts.signing.clone(), TrailBuilder::sign).open()
}

pub(super) fn unopened(
    field: &str,
    config: &Config,
    directory: &Path,
    error: &TrailError,
    problems: &mut ConfigProblems,
) {
    problems.add(format!("audit-trail.{field}"), text(config.path(directory).display()), cause(error));
}

impl Trails {
    /// What takes events for all of them.
    pub(super) fn sink(&self) -> Arc<dyn AuditSink> {
        match &self.copies {
            Some(copies) => Arc::new(copies.fan_out.clone()),
            None => Arc::new(self.first.clone()),
        }
    }

    /// Tells the telemetry how they are, the copies and all anchors but the first by number.
    pub(super) fn told_to(self, telemetry: TelemetryBuilder) -> TelemetryBuilder {
        let telemetry =
            with(telemetry.health(self.first), self.copies, |telemetry, copies| copies.told_to(telemetry));
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
        let copies = || self.copies.iter().flat_map(Copies::trails);
        copies().for_each(AuditTrail::stop);
        let mut closed = self.first.stopped(left()).await;
        for copy in copies() {
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
