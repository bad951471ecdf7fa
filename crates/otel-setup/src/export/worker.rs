//! The loop of the exporter's thread.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Monotonic, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::deliver::{Failure, attempt};
use super::plan::Plan;
use super::queue::SpanQueue;
use super::report::Loss;
use super::{MetricExports, telemetry};
use crate::metrics::Metrics;
use crate::otlp::{metrics_request, spans_request};

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MOST_BACKOFF: Duration = Duration::from_secs(10);

/// What the handle tells the thread.
#[derive(Debug)]
pub(super) enum Command {
    /// Send what waits, then say so.
    Flush(oneshot::Sender<()>),
    /// Send what waits, say whether the metrics arrived, and end.
    End(oneshot::Sender<bool>),
}

/// Which telemetry a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
}

enum Wake {
    FullBatch,
    Due,
    Told(Option<Command>),
}

pub(super) struct Worker {
    plan: Plan,
    queue: Arc<SpanQueue>,
    metrics: Arc<Metrics>,
    metric_exports: Arc<MetricExports>,
    commands: mpsc::UnboundedReceiver<Command>,
    flushes: Vec<oneshot::Sender<()>>,
    /// Told to end, or the handle is gone: nothing is tried twice any more.
    ending: bool,
    reply: Option<oneshot::Sender<bool>>,
    /// The collector wants to be left alone until then.
    not_before: Monotonic,
    next_spans: Monotonic,
    next_metrics: Monotonic,
    began: Timestamp,
    /// Whether the last request failed: said once, not for each batch.
    failing: bool,
}

impl Worker {
    pub(super) fn new(
        plan: Plan,
        queue: Arc<SpanQueue>,
        metrics: Arc<Metrics>,
        metric_exports: Arc<MetricExports>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        let now = plan.clock.monotonic();
        Self {
            next_spans: now.plus(plan.delay),
            next_metrics: now.plus(plan.interval),
            began: plan.clock.now(),
            not_before: now,
            plan,
            queue,
            metrics,
            metric_exports,
            commands,
            flushes: Vec::new(),
            ending: false,
            reply: None,
            failing: false,
        }
    }

    pub(super) async fn run(mut self) {
        while !self.ending {
            match self.wait().await {
                Wake::FullBatch => self.send_spans(false).await,
                Wake::Due => self.send_due().await,
                Wake::Told(command) => self.told(command),
            }
            if !self.flushes.is_empty() && !self.ending {
                self.send_spans(true).await;
                self.send_metrics().await;
                for reply in self.flushes.drain(..) {
                    // Whoever asked may have gone.
                    let _ = reply.send(());
                }
            }
        }
        self.send_spans(true).await;
        let arrived = self.send_metrics().await;
        match self.reply.take() {
            Some(reply) => {
                let _ = reply.send(arrived);
            }
            None => {
                self.queue.close();
            }
        }
    }

    /// Until there is something to do.
    async fn wait(&mut self) -> Wake {
        let due = self.next_spans.min(self.next_metrics).max(self.not_before);
        let held = self.plan.clock.monotonic() < self.not_before;
        let mut timer = self.plan.timer.until(due);
        let mut full = pin!(self.queue.full_batch.notified());
        let commands = &mut self.commands;
        poll_fn(|context| {
            if let Poll::Ready(command) = commands.poll_recv(context) {
                return Poll::Ready(Wake::Told(command));
            }
            if !held && full.as_mut().poll(context).is_ready() {
                return Poll::Ready(Wake::FullBatch);
            }
            timer.as_mut().poll(context).map(|()| Wake::Due)
        })
        .await
    }

    fn told(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Flush(reply)) => self.flushes.push(reply),
            Some(Command::End(reply)) => {
                self.ending = true;
                self.reply = Some(reply);
            }
            None => self.ending = true,
        }
    }

    async fn send_due(&mut self) {
        let now = self.plan.clock.monotonic();
        if now >= self.next_spans {
            self.send_spans(true).await;
            self.next_spans = self.plan.clock.monotonic().plus(self.plan.delay);
        }
        if now >= self.next_metrics {
            self.send_metrics().await;
            self.next_metrics = self.plan.clock.monotonic().plus(self.plan.interval);
        }
    }

    /// Sends full batches, or all there is.
    async fn send_spans(&mut self, all: bool) {
        while all || self.queue.has_batch() {
            let batch = self.queue.take();
            let count = batch.len() as u64;
            if count == 0 {
                break;
            }
            let body = spans_request(&self.plan.resource, self.plan.server.as_ref(), &batch);
            drop(batch);
            match self.deliver(Signal::Traces, body.into()).await {
                Ok(rejected) => self.queue.settle(count, count.saturating_sub(rejected), Loss::Rejected),
                Err(failure) => {
                    self.queue.settle(count, 0, failure.loss);
                    if self.ending && failure.retryable {
                        return self.give_up(failure.loss);
                    }
                    if self.held() {
                        return;
                    }
                }
            }
        }
    }

    /// What can't be sent any more was lost for the same reason as the batch before it.
    fn give_up(&self, loss: Loss) {
        loop {
            match self.queue.take().len() as u64 {
                0 => return,
                count => self.queue.settle(count, 0, loss),
            }
        }
    }

    /// Sends the state of all metrics; whether it arrived. Nothing is lost when it did not: the next state holds it all.
    async fn send_metrics(&mut self) -> bool {
        if self.plan.metrics.is_none() || (self.failing && self.ending) {
            return false;
        }
        let now = self.plan.clock.now();
        let loss = self.queue.report();
        let body = metrics_request(&self.plan.resource, &self.metrics, &loss, self.began, now);
        let arrived = self.deliver(Signal::Metrics, body.into()).await.is_ok();
        let exports = &self.metric_exports;
        let counter = if arrived { &exports.exported } else { &exports.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        arrived
    }

    fn held(&self) -> bool {
        self.plan.clock.monotonic() < self.not_before
    }

    /// Sends until it arrives, until that is hopeless, or until the time for it is over.
    async fn deliver(&mut self, signal: Signal, body: Bytes) -> Result<u64, Failure> {
        let give_up = self.plan.clock.monotonic().plus(self.plan.retry_for);
        let mut backoff = FIRST_BACKOFF;
        loop {
            let failure = match self.attempt(signal, body.clone()).await {
                Ok(rejected) => {
                    self.arrived(signal);
                    return Ok(rejected);
                }
                Err(failure) => failure,
            };
            self.failed(signal, &failure);
            let now = self.plan.clock.monotonic();
            if let Some(pause) = failure.pause {
                self.not_before = now.plus(pause);
            }
            let next = now.plus(failure.pause.unwrap_or_else(|| self.jittered(backoff)));
            if !failure.retryable || self.ending || next > give_up || !self.pause(next).await {
                return Err(failure);
            }
            backoff = (backoff * 2).min(MOST_BACKOFF);
        }
    }

    async fn attempt(&self, signal: Signal, body: Bytes) -> Result<u64, Failure> {
        let target = match signal {
            Signal::Traces => &self.plan.traces,
            Signal::Metrics => &self.plan.metrics,
        };
        match target {
            Some(target) => attempt(&*self.plan.transport, target, body).await,
            None => Ok(0),
        }
    }

    /// Three quarters to five quarters, so that many instances do not come back at the same moment.
    fn jittered(&self, backoff: Duration) -> Duration {
        let mut random = [128];
        // Without randomness, without jitter.
        let _ = self.plan.entropy.fill(&mut random);
        backoff * (384 + u32::from(random[0])) / 512
    }

    /// Waits until `until`; `false` when told to end meanwhile.
    async fn pause(&mut self, until: Monotonic) -> bool {
        let mut timer = self.plan.timer.until(until);
        loop {
            let commands = &mut self.commands;
            let woken = poll_fn(|context| {
                if let Poll::Ready(command) = commands.poll_recv(context) {
                    return Poll::Ready(Some(command));
                }
                timer.as_mut().poll(context).map(|()| None)
            })
            .await;
            match woken {
                Some(command) => self.told(command),
                None => return true,
            }
            if self.ending {
                return false;
            }
        }
    }

    fn arrived(&mut self, signal: Signal) {
        if std::mem::replace(&mut self.failing, false) {
            telemetry::arrives_again(signal);
        }
    }

    fn failed(&mut self, signal: Signal, failure: &Failure) {
        if !std::mem::replace(&mut self.failing, true) {
            telemetry::fails(signal, failure);
        }
    }
}
