//! What the trail promises, seen from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod anchoring;
mod crash;
mod exporting;
mod fan_out;
mod faults;
mod keeping;
mod log;
mod outcome;
mod people;
mod process;
mod reading;
mod retention;
mod signing;
mod strangers;
mod withheld;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gambeson_audit_trail::{AuditTrail, Config};
use gambeson_core::{
    Answer, AuditEvent, AuditKind, AuditSink, Durability, FixedEntropy, Health, HealthCheck, ManualClock,
    Outcome, Subject, Timestamp,
};
use gambeson_testing::within;

const LONG: Duration = Duration::from_secs(20);

/// Waits for an answer, but not for ever.
async fn answered<T>(answer: Answer<T>) -> T {
    within(LONG, answer.wait()).await.expect("an answer")
}

/// Lets tasks run until `seen`, but not for ever.
async fn until(mut seen: impl FnMut() -> bool) {
    let seen = async {
        while !seen() {
            tokio::task::yield_now().await;
        }
    };
    within(LONG, seen).await.expect("to be seen");
}

fn health(trail: &AuditTrail) -> Health {
    trail.check().ready().ok().unwrap()
}

fn small() -> Config {
    Config::default().segment_bytes(2_048)
}

fn open(dir: &Path, config: &Config) -> AuditTrail {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    AuditTrail::open_with(dir, config, Arc::new(clock), &FixedEntropy::starting_at(1)).unwrap()
}

fn event(name: &str, tenant: Option<&str>) -> AuditEvent {
    let at = Timestamp::from_unix_seconds(1_795_421_730);
    let mut event = AuditEvent::new(AuditKind::Authorization, "notes:write", Outcome::Success, at);
    event.object = Some(name.into());
    event.context.tenant = tenant.map(Into::into);
    event.context.subject =
        tenant.map(|_| Subject { issuer: "https://id.example".into(), name: "alice".into() });
    event
}

/// Writes `events` events and closes.
fn written(dir: &Path, config: &Config, events: usize) -> gambeson_audit_trail::Head {
    let trail = open(dir, config);
    for n in 0..events {
        assert!(trail.record(event(&format!("note/{n}"), Some("acme")), Durability::Async).ready().is_ok());
    }
    trail.close(LONG).unwrap()
}
