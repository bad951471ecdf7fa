//! The tasks of HTTP/2 streams, and the readers that don't read them.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::Executor;
use hyper_util::rt::TokioExecutor;
use pin_project_lite::pin_project;

use super::contain::Contained;
use super::stall::{Readers, Stall};
use super::telemetry;

tokio::task_local! {
    /// What the stream's body says to its task.
    static FLOW: Cell<Flow>;
}

/// The pieces of an answer that hyper has asked for.
///
/// HTTP/2 has windows of its own, so a client can leave an answer where it is without a full socket. hyper then holds a piece and
/// doesn't ask for the next.
#[derive(Debug, Clone, Copy, Default)]
struct Flow {
    held: usize,
    taken: usize,
}

/// hyper asks for a piece, and so got rid of the one before.
pub(super) fn asked() {
    let _ = FLOW.try_with(|flow| {
        let Flow { held, taken } = flow.get();
        flow.set(Flow { held: 0, taken: taken.saturating_add(held) });
    });
}

/// hyper got a piece of so many bytes. Whether that was on HTTP/2.
pub(super) fn gave(bytes: usize) {
    let _ = FLOW.try_with(|flow| flow.set(Flow { held: bytes, ..flow.get() }));
}

/// Starts a task for each stream, which ends with its reader's patience.
#[derive(Debug, Clone)]
pub(super) struct Streams(pub(super) Readers);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let task = StreamTask { stream, stall: self.0.one() };
        TokioExecutor::new().execute(Contained::new(FLOW.scope(Cell::default(), task)));
    }
}

pin_project! {
    struct StreamTask<F> {
        #[pin]
        stream: F,
        stall: Stall,
    }
}

impl<F: Future<Output = ()>> Future for StreamTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.stream.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Flow { held, taken } = FLOW.with(|flow| flow.replace(Flow { taken: 0, ..flow.get() }));
        if taken > 0 {
            this.stall.took(taken);
        }
        if held == 0 {
            this.stall.took_all();
        } else if this.stall.poll_waits(cx).is_ready() {
            // hyper resets the stream when its task is dropped; the connection's other streams go on.
            telemetry::stalled();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
