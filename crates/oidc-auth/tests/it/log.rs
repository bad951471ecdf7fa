//! What was logged, thread by thread.

use std::cell::RefCell;
use std::fmt::Write;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span;

thread_local! {
    static LINES: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Listens for every test of this binary, from before its first event on.
///
/// A line of the code that is reached while nobody listens is remembered as one that nobody wants, for all threads: a test
/// that listened for itself only would miss what another one reached first.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Lines).unwrap();
        tracing::callsite::rebuild_interest_cache();
    });
}

/// What this thread logged since it was asked last: every field of every event, a line each.
pub(crate) fn lines() -> String {
    LINES.take()
}

struct Lines;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("gambeson")
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(format!("{} ", event.metadata().level()));
        event.record(&mut line);
        LINES.with_borrow_mut(|lines| lines.push_str(&format!("{}\n", line.0)));
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
