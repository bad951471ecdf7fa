//! How the sealing of data about people goes, for the health and the log.

use std::time::Duration;

use gambeson_core::Monotonic;

use crate::error::TrailError;
use crate::telemetry;

/// So long nothing may fail before a success ends the trouble: the keys of some subjects may be well while those of others are not.
const QUIET: Duration = Duration::from_secs(10);

/// What is wrong with the store of keys, as far as sealing has shown.
#[derive(Debug, Default)]
pub(crate) struct Sealing(Option<Trouble>);

#[derive(Debug)]
struct Trouble {
    error: TrailError,
    /// How often since it began.
    times: u64,
    last: Monotonic,
}

impl Sealing {
    /// Takes note of an event that was sealed, or whose texts were withheld.
    pub(crate) fn note(&mut self, now: Monotonic, sealed: &Result<(), TrailError>) {
        match sealed {
            Ok(()) => drop(self.0.take_if(|trouble| now.since(trouble.last) >= QUIET)),
            Err(error) => {
                let times = self.0.as_ref().map_or(0, |trouble| trouble.times).saturating_add(1);
                telemetry::withheld(error, times);
                self.0 = Some(Trouble { error: error.clone(), times, last: now });
            }
        }
    }

    /// What is wrong, for operators.
    pub(crate) fn trouble(&self) -> Option<String> {
        let error = &self.0.as_ref()?.error;
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let words = "data about people is withheld, and strict events about them are refused";
        Some(format!("{words}: {error}{cause}"))
    }
}
