//! What has to be there before the service takes requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gambeson_core::{Health, HealthCheck, Monotonic};

/// Probes come every few seconds: what is missing is told again after so long.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The parts that `/readyz` waits for. Each is waited for once: later trouble takes no service out of service.
#[derive(Default)]
pub(crate) struct Start(Vec<Awaited>);

struct Awaited {
    part: Box<dyn HealthCheck>,
    was_there: AtomicBool,
    /// When the log was told last that it is not there.
    told: Mutex<Option<Monotonic>>,
}

impl Start {
    pub(crate) fn wait_for(&mut self, part: Box<dyn HealthCheck>) {
        self.0.push(Awaited { part, was_there: AtomicBool::new(false), told: Mutex::default() });
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &dyn HealthCheck> {
        self.0.iter().map(|awaited| &*awaited.part)
    }

    /// Whether all parts were there once. Asks all, so that the log names each that is missing.
    pub(crate) fn is_over(&self, now: Monotonic) -> bool {
        self.0.iter().filter(|awaited| !awaited.is_there(now)).count() == 0
    }
}

impl Awaited {
    fn is_there(&self, now: Monotonic) -> bool {
        if self.was_there.load(Ordering::Acquire) {
            return true;
        }
        if self.part.is_ready() {
            self.was_there.store(true, Ordering::Release);
            return true;
        }
        self.tell(now);
        false
    }

    fn tell(&self, now: Monotonic) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|at| now.since(at) < TOLD_EVERY) {
            return;
        }
        *told = Some(now);
        let reason = match self.part.check().ready() {
            Ok(Health::Degraded(why) | Health::Unhealthy(why)) => why,
            _ => "it does not say at once how it is".to_owned(),
        };
        tracing::warn!(part = self.part.name(), reason, "not ready yet: a part is not there");
    }
}
