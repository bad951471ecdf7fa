//! The trace that the running code belongs to.
//!
//! While the layer polls a request's service and body, and while a span of the app is entered, that trace is the current one of
//! the thread: log lines, spans of the app and calls to other services find it there.

use std::cell::RefCell;
use std::sync::Arc;

use gambeson_core::TraceContext;

use crate::export::SpanQueue;
use crate::ids::Ids;

/// A span that others may be children of. Held by value: a trace that is not recorded costs neither an allocation nor
/// an atomic increment, one that is recorded an increment a clone.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    trace: TraceContext,
    random: bool,
    state: Option<Arc<str>>,
    recorder: Option<Arc<Recorder>>,
}

/// Where spans of a sampled trace go.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) queue: Arc<SpanQueue>,
    pub(crate) ids: Arc<Ids>,
}

impl Active {
    /// `recorder` only when the trace is sampled and spans are exported.
    pub(crate) fn new(
        trace: TraceContext,
        random: bool,
        state: Option<Arc<str>>,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        Self { trace, random, state, recorder }
    }

    /// A span within the same trace.
    pub(crate) fn child(&self, span_id: [u8; 8]) -> Option<Self> {
        let trace = TraceContext::new(self.trace.trace_id, span_id, self.trace.sampled)?;
        Some(Self::new(trace, self.random, self.state.clone(), self.recorder.clone()))
    }

    pub(crate) fn trace(&self) -> &TraceContext {
        &self.trace
    }

    pub(crate) fn random(&self) -> bool {
        self.random
    }

    pub(crate) fn state(&self) -> Option<&Arc<str>> {
        self.state.as_ref()
    }

    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_deref()
    }
}

struct Entered {
    /// The span of the app that was entered; `None`: a request.
    span: Option<u64>,
    active: Active,
}

thread_local! {
    static STACK: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// The innermost active span of this thread.
pub(crate) fn active() -> Option<Active> {
    STACK.try_with(|stack| stack.borrow().last().map(|entered| entered.active.clone())).ok().flatten()
}

/// The trace that the running code belongs to: that of the request whose service or body is being polled on this thread, or of
/// the span of the app within it. `None` outside of both, for example in a task that was spawned without `tracing`'s
/// `in_current_span`.
#[must_use]
pub fn current_trace() -> Option<TraceContext> {
    STACK.try_with(|stack| stack.borrow().last().map(|entered| *entered.active.trace())).ok().flatten()
}

/// Runs `run` within `active`.
pub(crate) fn within<T>(active: Option<&Active>, run: impl FnOnce() -> T) -> T {
    let Some(active) = active else { return run() };
    let _leave = Leave(push(None, active.clone()));
    run()
}

fn push(span: Option<u64>, active: Active) -> usize {
    let push = |stack: &RefCell<Vec<Entered>>| {
        let mut stack = stack.borrow_mut();
        stack.push(Entered { span, active });
        stack.len() - 1
    };
    STACK.try_with(push).unwrap_or(usize::MAX)
}

/// Takes off what was put on the stack since, also after a panic.
struct Leave(usize);

impl Drop for Leave {
    fn drop(&mut self) {
        let _ = STACK.try_with(|stack| stack.borrow_mut().truncate(self.0));
    }
}

/// A span of the app was entered.
pub(crate) fn enter(span: u64, active: Active) {
    push(Some(span), active);
}

/// A span of the app was left; spans may be left in another order than they were entered in.
pub(crate) fn exit(span: u64) {
    let _ = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        if let Some(at) = stack.iter().rposition(|entered| entered.span == Some(span)) {
            stack.remove(at);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(span: u8) -> Active {
        Active::new(TraceContext::new([1; 16], [span; 8], false).unwrap(), true, None, None)
    }

    fn current() -> Option<u8> {
        current_trace().map(|trace| trace.span_id[0])
    }

    #[test]
    fn what_is_entered_is_left_also_out_of_order_and_after_a_panic() {
        let caught = std::panic::catch_unwind(|| {
            within(Some(&of(1)), || {
                enter(7, of(2));
                enter(8, of(3));
                exit(7);
                assert_eq!(current(), Some(3));
                exit(8);
                assert_eq!(current(), Some(1));
                enter(9, of(4));
                std::panic::resume_unwind(Box::new(()));
            });
        });
        assert!(caught.is_err());
        assert_eq!(current(), None);
        within(None, || assert_eq!(current(), None));
    }
}
