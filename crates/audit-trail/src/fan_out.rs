//! One sink over several: an event is kept when enough of them have it, and one that hangs holds up nobody.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gambeson_core::{
    Answer, AuditError, AuditErrorKind, AuditEvent, AuditSink, Clock, ConfigError, ConfigProblems,
    Durability, Health, HealthCheck, Receipt, Spawn, SystemClock, Timer, TokioSpawn,
};

use crate::deadline::before;
use crate::refusals;
use crate::ticket::Ticket;

type Taken = Result<Receipt, AuditError>;

/// How many sinks must have an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Quorum {
    /// One of them.
    Any,
    /// All of them.
    All,
    /// At least so many.
    AtLeast(usize),
}

impl Quorum {
    /// How many of so many sinks that is.
    #[must_use]
    pub const fn needed(self, sinks: usize) -> usize {
        match self {
            Self::Any => 1,
            Self::All => sinks,
            Self::AtLeast(needed) => needed,
        }
    }
}

/// An [`AuditSink`] that gives each event to several sinks.
///
/// An event counts as kept when the [`Quorum`] has it; the others go on in tasks of their own, each for as long as its sink's
/// deadline. So a sink that hangs delays nobody where the quorum can be had without it, and where it can't, an event is
/// refused after the deadline. Async events are answered at once.
///
/// The receipt says what the quorum reached: it is durable only if that many sinks have the event on stable storage. For a strict event
/// no other receipt counts, so it waits for that many durable ones, and a sink that only queues is one that fails; refusals of
/// strangers aside, which a trail never keeps strictly. The place in the chain is that of the first sink that answered so.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use gambeson_audit_trail::{FanOut, Quorum};
/// use gambeson_core::{AuditSink, NullSink};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sinks = FanOut::builder(Quorum::AtLeast(1))
///     .sink("file", Arc::new(NullSink), Duration::from_secs(5))
///     .sink("collector", Arc::new(NullSink), Duration::from_secs(1))
///     .build()?;
/// let sink: Arc<dyn AuditSink> = Arc::new(sinks);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct FanOut(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    sinks: Vec<Arc<Member>>,
    needed: usize,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    spawn: Arc<dyn Spawn>,
}

/// One of the sinks.
#[derive(Debug)]
struct Member {
    name: String,
    sink: Arc<dyn AuditSink>,
    deadline: Duration,
    /// Events whose answer is waited for.
    waiting: AtomicUsize,
    /// What became of its last event, if that was no success.
    trouble: Mutex<Option<&'static str>>,
}

/// So many answers of one sink are waited for at most. Beyond that it is passed over, as if it had failed.
const MOST_WAITING: usize = 1_024;

impl Member {
    /// The trouble of its last event, with its name.
    fn told(&self) -> Option<String> {
        let trouble = *self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.map(|trouble| format!("{} {trouble}", self.name))
    }

    /// Takes one of the places for answers that are waited for.
    fn place(self: &Arc<Self>) -> Option<Place> {
        let next = |waiting| (waiting < MOST_WAITING).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        Some(Place(self.clone()))
    }
}

/// Given back when it is dropped, whatever ends the waiting.
struct Place(Arc<Member>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Names and sinks of a [`FanOut`].
#[derive(Debug)]
pub struct FanOutBuilder {
    quorum: Quorum,
    sinks: Vec<Arc<Member>>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    spawn: Arc<dyn Spawn>,
}

impl FanOutBuilder {
    /// Adds a sink, which may take as long as `deadline` for an ordered or strict event.
    #[must_use]
    pub fn sink(mut self, name: impl Into<String>, sink: Arc<dyn AuditSink>, deadline: Duration) -> Self {
        let (waiting, trouble) = (AtomicUsize::new(0), Mutex::default());
        self.sinks.push(Arc::new(Member { name: name.into(), sink, deadline, waiting, trouble }));
        self
    }

    /// Tells the time by another clock. Default the system's.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Waits by another timer. Default that of the tokio runtime.
    #[must_use]
    pub fn timer(self, timer: Arc<dyn Timer>) -> Self {
        Self { timer, ..self }
    }

    /// Starts tasks elsewhere. Default on the tokio runtime.
    #[must_use]
    pub fn spawn(self, spawn: Arc<dyn Spawn>) -> Self {
        Self { spawn, ..self }
    }

    /// The sink.
    ///
    /// # Errors
    /// There is no sink, or the quorum can't be had: none, or more than there are sinks.
    pub fn build(self) -> Result<FanOut, ConfigError> {
        let mut problems = ConfigProblems::new();
        let needed = self.quorum.needed(self.sinks.len());
        if self.sinks.is_empty() {
            problems.add("audit_trail.fan_out", "", "add a sink");
        } else if needed == 0 || needed > self.sinks.len() {
            let cure = format!("set 1 to {}, or add sinks", self.sinks.len());
            problems.add("audit_trail.fan_out.quorum", needed.to_string(), cure);
        }
        for member in self.sinks.iter().filter(|member| member.deadline.is_zero()) {
            problems.add(
                format!("audit_trail.fan_out.{}", member.name),
                "0s",
                "give it a deadline over zero",
            );
        }
        problems.check()?;
        let Self { sinks, clock, timer, spawn, .. } = self;
        Ok(FanOut(Arc::new(Shared { sinks, needed, clock, timer, spawn })))
    }
}

impl FanOut {
    /// Begins one of which so many sinks must have an event.
    pub fn builder(quorum: Quorum) -> FanOutBuilder {
        let (clock, timer) = (Arc::new(SystemClock::new()), Arc::new(SystemClock::new()));
        FanOutBuilder { quorum, sinks: Vec::new(), clock, timer, spawn: Arc::new(TokioSpawn::new()) }
    }
}

/// Counts the sinks' answers until it is clear what they come to.
#[derive(Debug)]
struct Vote {
    state: Mutex<Counted>,
    result: Ticket<Result<Receipt, ()>>,
    needed: usize,
    /// How many may fail.
    spare: usize,
    /// Whether what is only queued counts as kept.
    takes_queued: bool,
}

#[derive(Debug, Default)]
struct Counted {
    durable: Tally,
    queued: Tally,
    failed: usize,
}

/// How many receipts of a sort, and the first of them.
#[derive(Debug, Default)]
struct Tally {
    count: usize,
    first: Option<Receipt>,
}

impl Vote {
    fn is_enough(&self, receipt: &Receipt) -> bool {
        receipt.durable || self.takes_queued
    }

    /// Counts an answer; [`decide`](Self::decide) says what it comes to.
    fn count(&self, taken: Option<Receipt>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = match taken {
            Some(receipt) if receipt.durable => &mut state.durable,
            Some(_) => &mut state.queued,
            None => return state.failed += 1,
        };
        tally.count += 1;
        tally.first = tally.first.or(taken);
    }

    /// Answers as soon as it is clear: with the weakest of the strongest receipts that are needed.
    fn decide(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Counted { durable, queued, failed } = &*state;
        let reached = if durable.count >= self.needed { durable.first } else { queued.first };
        let decided = match reached {
            Some(receipt) if durable.count + queued.count >= self.needed => Ok(receipt),
            _ if *failed > self.spare => Err(()),
            _ => return,
        };
        drop(state);
        self.result.answer(decided);
    }
}

impl Member {
    /// Notes how a sink answered, and counts it.
    fn settle(&self, taken: Option<&Taken>, vote: Option<&Vote>) {
        let (trouble, receipt) = match taken {
            Some(Ok(receipt)) if vote.is_some_and(|vote| !vote.is_enough(receipt)) => {
                (Some("only queues strict events"), None)
            }
            Some(Ok(receipt)) => (None, Some(*receipt)),
            Some(Err(_)) => (Some("refuses events"), None),
            None => (Some("does not answer in time"), None),
        };
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        if let Some(vote) = vote {
            vote.count(receipt);
        }
    }
}

impl Shared {
    /// Gives the event to one sink and counts its answer; what is not answered at once is waited for in a task of its own.
    fn give(&self, member: &Arc<Member>, event: AuditEvent, durability: Durability, vote: &Arc<Vote>) {
        let Some(place) = member.place() else {
            return member.settle(None, Some(vote));
        };
        let answer = match member.sink.record(event, durability) {
            Answer::Ready(taken) => return member.settle(Some(&taken), Some(vote)),
            Answer::Pending(answer) => answer,
        };
        // Who wants no more than that it is queued does not wait for it.
        let awaited = (durability != Durability::Async).then(|| vote.clone());
        let late = self.timer.until(self.clock.monotonic().plus(member.deadline));
        let (task_member, task_vote) = (member.clone(), awaited.clone());
        let started = self.spawn.spawn(Box::pin(async move {
            let taken = before(late, answer).await;
            drop(place);
            task_member.settle(taken.as_ref(), task_vote.as_deref());
            task_vote.iter().for_each(|vote| vote.decide());
        }));
        match (started, awaited) {
            (false, _) => member.settle(None, Some(vote)),
            (true, None) => vote.count(Some(Receipt::queued())),
            (true, Some(_)) => {}
        }
    }
}

fn too_few() -> AuditError {
    AuditError::new(AuditErrorKind::Unavailable).with_source("fewer audit sinks than needed have the event")
}

impl AuditSink for FanOut {
    fn record(&self, event: AuditEvent, durability: Durability) -> Answer<Taken> {
        let shared = &self.0;
        let vote = Arc::new(Vote {
            state: Mutex::default(),
            result: Ticket::new(),
            needed: shared.needed,
            spare: shared.sinks.len() - shared.needed,
            takes_queued: durability != Durability::Strict || refusals::is_strangers_refusal(&event),
        });
        for member in &shared.sinks {
            shared.give(member, event.clone(), durability, &vote);
        }
        // Only now, so that the order of the sinks does not matter.
        vote.decide();
        match vote.result.wait(Duration::ZERO) {
            Some(decided) => Answer::Ready(decided.map_err(|()| too_few())),
            None => {
                let result = vote.result.clone();
                Answer::pending(async move { result.await.map_err(|()| too_few()) })
            }
        }
    }
}

impl HealthCheck for FanOut {
    fn name(&self) -> &str {
        "audit-sinks"
    }

    /// Degraded while a sink is in trouble, unhealthy while so many are that the quorum can't be had.
    fn check(&self) -> Answer<Health> {
        let troubled: Vec<String> = self.0.sinks.iter().filter_map(|member| member.told()).collect();
        let why = troubled.join(", ");
        Answer::Ready(if troubled.is_empty() {
            Health::Healthy
        } else if troubled.len() > self.0.sinks.len() - self.0.needed {
            Health::Unhealthy(why)
        } else {
            Health::Degraded(why)
        })
    }
}
