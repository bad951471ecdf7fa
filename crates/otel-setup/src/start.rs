//! What has to be there before the service takes requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use gambeson_core::{Health, HealthCheck};

/// The parts that `/readyz` waits for. Each is waited for once: later trouble takes no service out of service.
#[derive(Default)]
pub(crate) struct Start(Vec<Awaited>);

struct Awaited {
    part: Box<dyn HealthCheck>,
    was_there: AtomicBool,
    /// Why it is not there, as the log was told last.
    said: Mutex<String>,
}

impl Start {
    pub(crate) fn wait_for(&mut self, part: Box<dyn HealthCheck>) {
        self.0.push(Awaited { part, was_there: AtomicBool::new(false), said: Mutex::default() });
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &dyn HealthCheck> {
        self.0.iter().map(|awaited| &*awaited.part)
    }

    /// Whether all parts were there once. Asks all, so that the log names each that is missing.
    pub(crate) fn is_over(&self) -> bool {
        self.0.iter().filter(|awaited| !awaited.is_there()).count() == 0
    }
}

impl Awaited {
    fn is_there(&self) -> bool {
        if self.was_there.load(Ordering::Acquire) {
            return true;
        }
        let why = match self.part.check().ready() {
            Ok(Health::Healthy) => {
                self.was_there.store(true, Ordering::Release);
                return true;
            }
            Ok(Health::Degraded(why) | Health::Unhealthy(why)) => why,
            _ => "it does not say at once how it is".to_owned(),
        };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if *said != why {
            tracing::warn!(part = self.part.name(), reason = %why, "not ready yet: a part is not there");
            *said = why;
        }
        false
    }
}
