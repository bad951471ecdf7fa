//! What the crate says to the log, by thread.

use std::fmt::{Debug, Write};
use std::sync::{Mutex, Once};
use std::thread::{self, ThreadId};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static LINES: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

/// Listens for every test of this binary: the trail's own thread speaks too, and what is reached while nobody listens would be
/// remembered as wanted by nobody.
pub(super) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Lines).unwrap();
        tracing::callsite::rebuild_interest_cache();
    });
}

/// What this thread says while `run` runs, a line for each event.
pub(super) fn logged<T>(run: impl FnOnce() -> T) -> Vec<String> {
    listen();
    let before = LINES.lock().unwrap().len();
    run();
    let lines = LINES.lock().unwrap();
    let mine = lines[before..].iter().filter(|(thread, _)| *thread == thread::current().id());
    mine.map(|(_, line)| line.clone()).collect()
}

/// How often any thread said something with these words since it is listened to.
pub(super) fn times_said(words: &str) -> usize {
    LINES.lock().unwrap().iter().filter(|(_, line)| line.contains(words)).count()
}

struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("gambeson")
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
