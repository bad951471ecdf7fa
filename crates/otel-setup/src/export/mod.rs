//! Sends spans and metrics to a collector, away from the requests.
//!
//! One thread with a runtime of its own: no feature of another crate and no runtime flavour of the app can starve it, and nothing that
//! it waits for makes a request wait.

mod deliver;
mod plan;
mod queue;
mod report;
mod telemetry;
mod worker;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::Poll;
use std::thread;

use gambeson_core::{ConfigError, Monotonic, Timer};
use tokio::sync::{mpsc, oneshot};

pub(crate) use plan::{Headers, Plan, Target};
pub(crate) use queue::SpanQueue;
pub use report::{Losses, ShutdownReport, SpanReport};
use worker::{Command, Worker};

use crate::metrics::Metrics;

/// How often metrics left.
#[derive(Debug, Default)]
pub(crate) struct MetricExports {
    pub(crate) exported: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// The handle on the thread that exports. It ends by itself when the handle goes.
#[derive(Debug)]
pub(crate) struct Exporter {
    commands: mpsc::UnboundedSender<Command>,
    pub(crate) queue: Arc<SpanQueue>,
    pub(crate) metric_exports: Arc<MetricExports>,
    /// Whether spans are exported.
    pub(crate) traces: bool,
    metrics: bool,
}

impl Exporter {
    pub(crate) fn start(plan: Plan, queue: SpanQueue, metrics: Arc<Metrics>) -> Result<Self, ConfigError> {
        let failed = |error: std::io::Error| {
            ConfigError::one("telemetry.exporter", error.to_string(), "let the process start one more thread")
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        let exporter = Self {
            commands,
            queue: Arc::new(queue),
            metric_exports: Arc::default(),
            traces: plan.traces.is_some(),
            metrics: plan.metrics.is_some(),
        };
        let worker =
            Worker::new(plan, exporter.queue.clone(), metrics, exporter.metric_exports.clone(), receiver);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let run = move || {
            runtime.block_on(worker.run());
            // A name lookup that hangs must not keep the thread.
            runtime.shutdown_background();
        };
        thread::Builder::new().name("gambeson-otlp".to_owned()).spawn(run).map_err(failed)?;
        Ok(exporter)
    }

    /// Sends what waits, unless `deadline` comes first; whether it was done by then.
    pub(crate) async fn flush(&self, timer: &dyn Timer, deadline: Monotonic) -> bool {
        let (reply, done) = oneshot::channel();
        self.commands.send(Command::Flush(reply)).is_ok()
            && before(timer.until(deadline), done).await.is_some()
    }

    /// Sends what waits and ends, unless `deadline` comes first. Gives the spans' report, and whether the metrics arrived.
    pub(crate) async fn end(&self, timer: &dyn Timer, deadline: Monotonic) -> (SpanReport, Option<bool>) {
        let (reply, done) = oneshot::channel();
        let told = self.commands.send(Command::End(reply)).is_ok();
        let arrived = if told { before(timer.until(deadline), done).await } else { None };
        (self.queue.close(), self.metrics.then(|| arrived.unwrap_or(false)))
    }
}

/// The reply, unless the deadline comes first or nobody is there to reply.
async fn before<T>(
    mut deadline: impl Future<Output = ()> + Unpin,
    mut reply: oneshot::Receiver<T>,
) -> Option<T> {
    poll_fn(move |context| {
        if let Poll::Ready(reply) = Pin::new(&mut reply).poll(context) {
            return Poll::Ready(reply.ok());
        }
        Pin::new(&mut deadline).poll(context).map(|()| None)
    })
    .await
}
