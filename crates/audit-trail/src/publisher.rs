//! Publishes heads to an anchor, off the write path.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gambeson_core::{
    Answer, ConfigError, ConfigProblems, Health, HealthCheck, Monotonic, Spawn, SystemClock, Timer,
    TokioSpawn,
};

use crate::anchor::{Anchor, AnchorError, PublishedHead};
use crate::deadline::before;
use crate::digest::Head;
use crate::error::{TrailError, TrailErrorKind};
use crate::telemetry;
use crate::ticket::Ticket;
use crate::trail::AuditTrail;
use crate::writer::Shared;

/// How often heads are published, and what is done when it fails.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Publishing {
    /// How long between two publications, if anything was written. Default one minute, at least a second.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// How often one head is tried. Default 3, at least 1. After that the next head is due at its time.
    pub attempts: u32,
    /// How long to wait before the second attempt; doubled for each further one. Default 1 s.
    #[serde(with = "humantime_serde")]
    pub pause: Duration,
    /// How long one attempt may take. Default 10 s, more than zero.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
}

impl Default for Publishing {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            attempts: 3,
            pause: Duration::from_secs(1),
            deadline: Duration::from_secs(10),
        }
    }
}

impl Publishing {
    /// Looks through all settings.
    ///
    /// # Errors
    /// Every setting that can't work, with its cure.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        let mut at_least = |field: &str, value: Duration, least: Duration| {
            if value < least {
                let field = format!("audit_trail.publishing.{field}");
                problems.add(field, format!("{value:?}"), format!("set at least {least:?}"));
            }
        };
        at_least("interval", self.interval, Duration::from_secs(1));
        at_least("deadline", self.deadline, Duration::from_millis(1));
        if self.attempts == 0 {
            problems.add("audit_trail.publishing.attempts", "0", "set at least 1");
        }
        problems.check()
    }
}

/// Publishes a trail's heads to one anchor; see [`AuditTrail::publish_to`]. Clones share it.
#[derive(Debug, Clone)]
pub struct Publisher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    trail: Arc<Shared>,
    anchor: Arc<dyn Anchor>,
    options: Publishing,
    timer: Arc<dyn Timer>,
    status: Mutex<Status>,
    /// Answered when nothing more is published by itself.
    ended: Ticket<()>,
}

#[derive(Debug, Default)]
struct Status {
    published: Option<Head>,
    failure: Option<String>,
}

impl AuditTrail {
    /// Publishes the head to `anchor`: now, then each [`Publishing::interval`] if anything was written, and once more when
    /// the trail is closed. Runs in a task on the tokio runtime until then; the trail never waits for it, but who closes the trail
    /// should, by [`Publisher::finished`]: with the process its task ends.
    ///
    /// Only heads of what is on stable storage are published, so that a crash can't look like a cut.
    ///
    /// # Errors
    /// A setting can't work.
    pub fn publish_to(&self, anchor: Arc<dyn Anchor>, options: Publishing) -> Result<Publisher, ConfigError> {
        self.publish_with(anchor, options, Arc::new(SystemClock::new()), &TokioSpawn::new())
    }

    /// Like [`publish_to`](Self::publish_to), with another timer and another place for its task.
    ///
    /// # Errors
    /// As [`publish_to`](Self::publish_to).
    pub fn publish_with(
        &self,
        anchor: Arc<dyn Anchor>,
        options: Publishing,
        timer: Arc<dyn Timer>,
        spawn: &dyn Spawn,
    ) -> Result<Publisher, ConfigError> {
        options.validate()?;
        let (status, ended) = (Mutex::default(), Ticket::new());
        let inner =
            Inner { trail: self.shared().clone(), anchor, options, timer, status, ended: ended.clone() };
        let publisher = Publisher(Arc::new(inner));
        let (inner, end) = (publisher.0.clone(), End(ended));
        let task = async move {
            inner.run().await;
            drop(end);
        };
        if !spawn.spawn(Box::pin(task)) {
            publisher.0.failed("there is no runtime for its task");
        }
        Ok(publisher)
    }
}

impl Publisher {
    /// Publishes the present head at once, with the same attempts; also after the trail was closed.
    ///
    /// # Errors
    /// Why the last attempt failed.
    pub async fn publish_now(&self) -> Result<Head, AnchorError> {
        self.0.publish().await
    }

    /// Waits until the trail is closed and its last head is published, at most for `deadline`; tells that head. A process that ends
    /// before loses it.
    ///
    /// # Errors
    /// [`Unpublished`](TrailErrorKind::Unpublished): the anchor doesn't have it, and why.
    pub async fn finished(&self, deadline: Duration) -> Result<Head, TrailError> {
        let late = self.0.timer.until(self.0.now().plus(deadline));
        let ended = before(late, self.0.ended.clone()).await;
        let last = self.0.trail.status().synced;
        let status = self.0.status();
        if ended.is_some() && status.published == Some(last) {
            return Ok(last);
        }
        let why = match &status.failure {
            Some(failure) => failure.as_str(),
            None if ended.is_some() => "its task was ended too soon",
            None => "it took too long",
        };
        let detail = format!("the last head is not published to {}: {why}", self.0.anchor.name());
        Err(TrailError::new(TrailErrorKind::Unpublished, detail))
    }

    /// The newest head that the anchor has.
    #[must_use]
    pub fn published(&self) -> Option<Head> {
        self.0.status().published
    }
}

impl HealthCheck for Publisher {
    fn name(&self) -> &str {
        "audit-anchor"
    }

    /// Degraded while the newest head could not be published: the trail itself does its work.
    fn check(&self) -> Answer<Health> {
        let failure = self.0.status().failure.clone();
        let why = |failure| format!("heads can't be published to {}: {failure}", self.0.anchor.name());
        Answer::Ready(failure.map_or(Health::Healthy, |failure| Health::Degraded(why(failure))))
    }
}

impl Inner {
    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, why: impl Into<String>) {
        let before = self.status().failure.replace(why.into());
        if before.is_none() {
            telemetry::not_published(self.anchor.name(), self.status().failure.as_deref());
        }
    }

    fn now(&self) -> Monotonic {
        self.trail.clock.monotonic()
    }

    async fn run(&self) {
        let mut due = self.now();
        let mut closed = false;
        while !closed {
            closed = self.closed_before(due).await;
            // Its failure is in the status.
            let _ = self.publish().await;
            due = self.now().plus(self.options.interval);
        }
    }

    /// Whether the trail is closed; waits for that until `due`.
    async fn closed_before(&self, due: Monotonic) -> bool {
        before(self.timer.until(due), self.trail.closed.clone()).await.is_some()
    }

    async fn publish(&self) -> Result<Head, AnchorError> {
        let result = self.try_publish().await;
        match &result {
            Ok(head) => {
                let mut status = self.status();
                status.published = Some(*head);
                if status.failure.take().is_some() {
                    telemetry::published_again(self.anchor.name());
                }
            }
            Err(error) => self.failed(chain(error)),
        }
        result
    }

    async fn try_publish(&self) -> Result<Head, AnchorError> {
        let head = self.trail.synced_head().await.ok_or(AnchorError::NotSynced)?;
        if self.status().published == Some(head) {
            return Ok(head);
        }
        let published = PublishedHead::new(&self.trail.instance, head, self.trail.clock.now().to_string());
        let mut pause = self.options.pause;
        for _ in 1..self.options.attempts {
            match self.attempt(&published).await {
                Ok(()) => return Ok(head),
                Err(error) => self.failed(chain(&error)),
            }
            self.timer.until(self.now().plus(pause)).await;
            pause = pause.saturating_mul(2);
        }
        self.attempt(&published).await.map(|()| head)
    }

    async fn attempt(&self, head: &PublishedHead) -> Result<(), AnchorError> {
        let late = self.timer.until(self.now().plus(self.options.deadline));
        before(late, self.anchor.publish(head)).await.unwrap_or(Err(AnchorError::Deadline))
    }
}

/// Whatever ends the task, nobody waits for it for ever.
struct End(Ticket<()>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.answer(());
    }
}

/// An error with what is behind it, in one line.
fn chain(error: &AnchorError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
