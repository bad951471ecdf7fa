//! A strict act between its record and its beginning.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::{AuditError, AuditEvent, AuditSink, BoxFuture, Clock, Outcome, Receipt, Rejection};

use super::record::record_async;
use super::{rejections, telemetry};

/// A strict act that waits for its record. Resolves when it may begin; say so with [`Recording::begun`].
pub(crate) struct Recording {
    answer: BoxFuture<Result<Receipt, AuditError>>,
    promise: Promise,
}

impl Recording {
    pub(super) fn new(answer: BoxFuture<Result<Receipt, AuditError>>, promise: Promise) -> Self {
        Self { answer, promise }
    }

    /// The act begins: the record tells the truth.
    pub(crate) fn begun(mut self) {
        self.promise.event = None;
    }
}

impl Future for Recording {
    type Output = Result<(), Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(self.answer.as_mut().poll(context)) {
            Ok(Receipt { durable: true, .. }) => Ok(()),
            Ok(_) => Err(self.promise.not_durable()),
            Err(error) => {
                telemetry::unrecorded(&error);
                self.promise.withdraw(rejections::AUDIT_UNAVAILABLE);
                Err(rejections::audit_unavailable().cause(error))
            }
        })
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recording")
    }
}

/// What the trail was told of an act. Unless the act begins, the trail is told that it did not.
pub(super) struct Promise {
    sink: Arc<dyn AuditSink>,
    clock: Arc<dyn Clock>,
    event: Option<Box<AuditEvent>>,
}

impl Promise {
    pub(super) fn new(clock: &Arc<dyn Clock>, sink: &Arc<dyn AuditSink>, event: AuditEvent) -> Self {
        Self { sink: Arc::clone(sink), clock: Arc::clone(clock), event: Some(Box::new(event)) }
    }

    /// The refusal of an act that a sink took, but did not put on stable storage.
    pub(super) fn not_durable(&mut self) -> Rejection {
        self.withdraw(rejections::AUDIT_UNAVAILABLE);
        rejections::audit_unavailable().cause("the audit sink is not durable")
    }

    fn withdraw(&mut self, reason: &'static str) {
        if let Some(mut event) = self.event.take() {
            event.at = self.clock.now();
            event.outcome = Outcome::Failed;
            event.reason = Some(Cow::Borrowed(reason));
            record_async(&*self.sink, *event);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.withdraw("not-begun");
    }
}
