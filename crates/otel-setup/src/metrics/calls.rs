//! Calls to other services.

use std::sync::Arc;
use std::time::Duration;

use super::{ErrorLabel, Histogram, MethodLabel, Metrics};

/// What tells one series of outgoing calls from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallLabels<'a> {
    pub(crate) dependency: &'a str,
    pub(crate) method: MethodLabel,
    pub(crate) https: bool,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// 0: there was no answer.
    pub(crate) status: u16,
    pub(crate) error: ErrorLabel,
}

pub(crate) struct CallSeries {
    dependency: Arc<str>,
    method: MethodLabel,
    https: bool,
    host: Box<str>,
    port: u16,
    status: u16,
    error: ErrorLabel,
    pub(crate) durations: Histogram,
}

impl CallSeries {
    pub(crate) fn labels(&self) -> CallLabels<'_> {
        CallLabels {
            dependency: &self.dependency,
            method: self.method,
            https: self.https,
            host: &self.host,
            port: self.port,
            status: self.status,
            error: self.error,
        }
    }
}

impl Metrics {
    /// Counts one call that is over.
    pub(crate) fn called(&self, dependency: &Arc<str>, labels: CallLabels<'_>, took: Duration) {
        let make = || CallSeries {
            dependency: dependency.clone(),
            method: labels.method,
            https: labels.https,
            host: labels.host.into(),
            port: labels.port,
            status: labels.status,
            error: labels.error,
            durations: Histogram::default(),
        };
        match self.calls.get_or_insert(&labels, |series| series.labels() == labels, make) {
            Some(series) => series.durations.record(took),
            None => self.calls_overflow.record(took),
        }
    }
}
