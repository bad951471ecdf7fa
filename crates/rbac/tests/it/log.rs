//! What the crate warns of in the log, by thread.

use std::fmt::{Debug, Write};
use std::sync::{Mutex, Once};
use std::thread::{self, ThreadId};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

static LINES: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

/// What this thread warns of while `run` runs, a line for each event.
pub(crate) fn warned<T>(run: impl FnOnce() -> T) -> Vec<String> {
    static ONCE: Once = Once::new();
    // For every test of this binary: what is reached while nobody listens would be remembered as wanted by nobody.
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Lines).unwrap();
        tracing::callsite::rebuild_interest_cache();
    });
    let before = LINES.lock().unwrap().len();
    run();
    let lines = LINES.lock().unwrap();
    let mine = lines[before..].iter().filter(|(thread, _)| *thread == thread::current().id());
    mine.map(|(_, line)| line.clone()).collect()
}

struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("gambeson") && *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = String::new();
        event.record(&mut Line(&mut line));
        LINES.lock().unwrap().push((thread::current().id(), line));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line<'l>(&'l mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
