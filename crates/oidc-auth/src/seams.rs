//! The world as the builders are given it: time, tasks, randomness and the way out.

use std::sync::Arc;

use gambeson_core::{Clock, ConfigProblems, Entropy, HttpTransport, Spawn, Timer};

/// What was given, and with the feature `system` what is there anyway.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seams {
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) timer: Option<Arc<dyn Timer>>,
    pub(crate) spawn: Option<Arc<dyn Spawn>>,
    pub(crate) entropy: Option<Arc<dyn Entropy>>,
    pub(crate) transport: Option<Arc<dyn HttpTransport>>,
}

impl Seams {
    /// The system's own in place of what was not given. The transport is its builder's to find.
    #[cfg(feature = "system")]
    pub(crate) fn fill_in(&mut self) {
        use gambeson_core::{SystemClock, SystemEntropy, TokioSpawn};
        self.clock.get_or_insert_with(|| Arc::new(SystemClock::new()));
        self.timer.get_or_insert_with(|| Arc::new(SystemClock::new()));
        self.spawn.get_or_insert_with(|| Arc::new(TokioSpawn::new()));
        self.entropy.get_or_insert_with(|| Arc::new(SystemEntropy::new()));
    }

    #[cfg(not(feature = "system"))]
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "the feature fills in what it has"
    )]
    pub(crate) fn fill_in(&mut self) {}

    /// Notes what is still missing, but for the transport.
    pub(crate) fn check(&self, table: &str, problems: &mut ConfigProblems) {
        for (name, there) in [
            ("clock", self.clock.is_some()),
            ("timer", self.timer.is_some()),
            ("spawn", self.spawn.is_some()),
            ("entropy", self.entropy.is_some()),
        ] {
            if !there {
                problems.add(format!("{table}.{name}"), "", "give one, or enable the feature `system`");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_the_system_has_it_all() {
        let problems_of = |seams: &Seams| {
            let mut problems = ConfigProblems::new();
            seams.check("login", &mut problems);
            problems.check().err().map_or(0, |error| error.problems().len())
        };
        let mut seams = Seams::default();
        assert_eq!(problems_of(&seams), 4);
        seams.fill_in();
        assert_eq!(problems_of(&seams), if cfg!(feature = "system") { 0 } else { 4 });
        assert!(seams.transport.is_none());
    }
}
