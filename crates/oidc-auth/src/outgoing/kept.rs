//! One token, kept fresh: renewed behind requests, got once for all who want it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use gambeson_core::{Answer, Clock, Credential, Entropy, Monotonic, Spawn, Timer, Timestamp};
use tokio::sync::Notify;

use super::issue::{Issue, IssueError, IssueErrorKind, Issued};
use super::pace;
use super::status::TokenSourceStatus;
use super::telemetry;

/// How long a token is taken for good whose issuer does not say: a 401 replaces it sooner.
const ASSUMED: Duration = Duration::from_secs(300);
/// A rejected token is replaced at most so often: an API that answers 401 to everything is no reason for a storm.
const REPLACED_AT_MOST: Duration = Duration::from_secs(10);

/// The world, and how long it may take.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) spawn: Arc<dyn Spawn>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) deadline: Duration,
    pub(super) max_waiting: usize,
}

/// Why there is no token now, and when there may be one.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) error: IssueError,
    pub(super) retry_after: Duration,
}

/// Why the last attempt failed, of all that are told of together; none when it succeeded.
#[derive(Debug, Default)]
pub(super) struct LastError(ArcSwapOption<Arc<str>>);

impl LastError {
    pub(super) fn get(&self) -> Option<Arc<str>> {
        self.0.load().as_deref().cloned()
    }

    /// What was wrong with the token of a caller is nobody's trouble but theirs: the issuer has answered.
    fn note(&self, error: Option<&IssueError>) {
        let error = error.filter(|error| error.kind != IssueErrorKind::Caller);
        self.0.store(error.map(|error| Arc::new(error.to_string().into())));
    }
}

pub(super) struct Kept {
    issue: Arc<dyn Issue>,
    seams: Arc<Surroundings>,
    last_error: Arc<LastError>,
    held: ArcSwapOption<Held>,
    turn: Mutex<Turn>,
    over: Notify,
}

struct Held {
    credential: Credential,
    renew_at: Timestamp,
    ends_at: Timestamp,
}

/// Whose turn it is to ask.
#[derive(Debug, Default)]
struct Turn {
    /// Somebody asks right now.
    flying: bool,
    /// How often somebody has asked, to the end.
    round: u64,
    waiting: usize,
    failures: u32,
    not_before: Monotonic,
    error: Option<IssueError>,
    replaced: Option<Monotonic>,
}

enum Begun {
    There(Credential),
    Round(u64),
    Not(Failure),
}

impl Kept {
    pub(super) fn new(issue: Arc<dyn Issue>, seams: Arc<Surroundings>) -> Self {
        Self::among(issue, seams, Arc::default())
    }

    /// One of several, which are told of together.
    pub(super) fn among(issue: Arc<dyn Issue>, seams: Arc<Surroundings>, last_error: Arc<LastError>) -> Self {
        let (held, turn, over) = Default::default();
        Self { issue, seams, last_error, held, turn, over }
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token to use now: at once while it is good, else when it has come.
    pub(super) fn credential(self: &Arc<Self>) -> Answer<Result<Credential, Failure>> {
        let now = self.seams.clock.now();
        if let Some(held) = &*self.held.load()
            && now < held.ends_at
        {
            if now >= held.renew_at {
                self.begin(Some(&held.credential));
            }
            return Answer::Ready(Ok(held.credential.clone()));
        }
        self.join(None)
    }

    /// Another token than this one, which was rejected; an error when there is none to be had now.
    pub(super) fn replace(self: &Arc<Self>, rejected: &Credential) -> Answer<Result<Credential, Failure>> {
        if let Some(other) = self.other_than(Some(rejected)) {
            return Answer::Ready(Ok(other));
        }
        let now = self.seams.clock.monotonic();
        let mut turn = self.turn();
        match turn.replaced {
            _ if turn.flying => {}
            Some(at) if now.since(at) < REPLACED_AT_MOST => {
                let error = IssueError::refused("the token was replaced a moment ago, and is rejected again");
                let retry_after = REPLACED_AT_MOST.saturating_sub(now.since(at));
                return Answer::Ready(Err(Failure { error, retry_after }));
            }
            _ => {
                turn.replaced = Some(now);
                telemetry::rejected(self.issue.name());
            }
        }
        drop(turn);
        self.join(Some(rejected))
    }

    /// Whether it holds nothing that is worth keeping.
    pub(super) fn is_over(&self) -> bool {
        let now = self.seams.clock.now();
        let holds = self.held.load().as_ref().is_some_and(|held| now < held.ends_at);
        !holds && !self.turn().flying
    }

    /// How it is.
    pub(super) fn status(&self) -> TokenSourceStatus {
        let now = self.seams.clock.now();
        let ends_at = self.held.load().as_ref().map(|held| held.ends_at).filter(|ends_at| now < *ends_at);
        TokenSourceStatus {
            tokens: usize::from(ends_at.is_some()),
            ends_at,
            good_for: ends_at.map(|ends_at| ends_at.since(now)),
            last_error: self.last_error.get(),
            waiting: self.turn().waiting,
        }
    }

    fn other_than(&self, rejected: Option<&Credential>) -> Option<Credential> {
        let now = self.seams.clock.now();
        let held = self.held.load();
        let held = held.as_ref().filter(|held| now < held.ends_at)?;
        let same = rejected.is_some_and(|rejected| same(rejected, &held.credential));
        (!same).then(|| held.credential.clone())
    }

    fn join(self: &Arc<Self>, rejected: Option<&Credential>) -> Answer<Result<Credential, Failure>> {
        let round = match self.begin(rejected) {
            Begun::There(credential) => return Answer::Ready(Ok(credential)),
            Begun::Not(failure) => return Answer::Ready(Err(failure)),
            Begun::Round(round) => round,
        };
        match Waiter::enter(self, rejected) {
            Ok(waiter) => Answer::pending(waiter.until_after(round)),
            Err(failure) => Answer::Ready(Err(failure)),
        }
    }

    /// Asks for a token in a task of its own, unless somebody does or it is too soon after a failure.
    fn begin(self: &Arc<Self>, rejected: Option<&Credential>) -> Begun {
        let (round, deadline) = {
            let mut turn = self.turn();
            if turn.flying {
                return Begun::Round(turn.round);
            }
            // Somebody may have got it between the look and the lock.
            if let Some(credential) = self.other_than(rejected) {
                return Begun::There(credential);
            }
            let now = self.seams.clock.monotonic();
            if now < turn.not_before {
                return Begun::Not(turn.failure(now));
            }
            turn.flying = true;
            (turn.round, now.plus(self.seams.deadline))
        };
        let flight = Flight { kept: Arc::clone(self), deadline, outcome: None, begun: false };
        // A runtime that takes no task drops it, and the flight lands with an error.
        self.seams.spawn.spawn(Box::pin(flight.run()));
        Begun::Round(round)
    }

    fn land(&self, outcome: Result<Issued, IssueError>) {
        let (now, wall) = (self.seams.clock.monotonic(), self.seams.clock.now());
        let entropy = &*self.seams.entropy;
        let outcome = outcome.and_then(|issued| Held::new(issued, wall, entropy));
        self.last_error.note(outcome.as_ref().err());
        let mut turn = self.turn();
        turn.flying = false;
        turn.round += 1;
        match outcome {
            Ok(held) => {
                telemetry::renewed(self.issue.name(), held.ends_at.since(wall));
                self.held.store(Some(Arc::new(held)));
                (turn.failures, turn.error, turn.not_before) = (0, None, Monotonic::default());
            }
            Err(error) => {
                turn.failures = turn.failures.saturating_add(1);
                let wait = pace::wait_after(turn.failures, entropy);
                turn.not_before = now.plus(wait);
                telemetry::failed(self.issue.name(), &error, wait);
                turn.error = Some(error);
            }
        }
        drop(turn);
        self.over.notify_waiters();
    }
}

fn same(one: &Credential, other: &Credential) -> bool {
    let (one, other) = (one.authorization().as_bytes(), other.authorization().as_bytes());
    verify_slices_are_equal(one, other).is_ok()
}

impl Held {
    fn new(issued: Issued, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, IssueError> {
        let lifetime = issued.ends_at.map_or(ASSUMED, |ends_at| ends_at.since(now));
        let (renew, end) = pace::points(lifetime, entropy);
        if end.is_zero() {
            return Err(IssueError::unavailable("the token that came has ended already: compare the clocks"));
        }
        let renew = issued.look_again.map_or(renew, |again| renew.min(again));
        Ok(Self {
            credential: Credential::new(issued.authorization, issued.ends_at),
            renew_at: now.plus(renew),
            ends_at: now.plus(end),
        })
    }
}

impl Turn {
    fn failure(&self, now: Monotonic) -> Failure {
        let none = || IssueError::unavailable("no token came");
        Failure {
            error: self.error.clone().unwrap_or_else(none),
            retry_after: self.not_before.since(now).max(Duration::from_secs(1)),
        }
    }
}

/// One try to get a token. However it ends, those who wait are told.
struct Flight {
    kept: Arc<Kept>,
    deadline: Monotonic,
    outcome: Option<Result<Issued, IssueError>>,
    begun: bool,
}

impl Flight {
    async fn run(mut self) {
        self.begun = true;
        let seams = &self.kept.seams;
        let too_late = seams.timer.until(self.deadline);
        let issued = race(Arc::clone(&self.kept.issue).issue(), too_late).await;
        let late = || Err(IssueError::unavailable(format!("no token came within {:?}", seams.deadline)));
        self.outcome = Some(issued.unwrap_or_else(late));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let why = match self.begun {
            true => "the task that gets it ended half-way: it panicked, or the runtime shuts down",
            false => "there is no runtime for the task that gets it",
        };
        let ended = || Err(IssueError::unavailable(why));
        let outcome = self.outcome.take().unwrap_or_else(ended);
        self.kept.land(outcome);
    }
}

/// What `first` gives, or `None` when `other` ended before it.
async fn race<T>(first: impl Future<Output = T>, other: impl Future<Output = ()>) -> Option<T> {
    let (mut first, mut other) = (pin!(first), pin!(other));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => other.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// A place among those who wait; dropped with the request.
struct Waiter {
    kept: Arc<Kept>,
    rejected: Option<Credential>,
}

impl Waiter {
    fn enter(kept: &Arc<Kept>, rejected: Option<&Credential>) -> Result<Self, Failure> {
        let most = kept.seams.max_waiting;
        let mut turn = kept.turn();
        if turn.waiting >= most {
            let error =
                IssueError::unavailable(format!("more than {most} requests wait for a token already"));
            return Err(Failure { error, retry_after: Duration::from_secs(1) });
        }
        turn.waiting += 1;
        Ok(Self { kept: Arc::clone(kept), rejected: rejected.cloned() })
    }

    async fn until_after(self, round: u64) -> Result<Credential, Failure> {
        loop {
            let mut over = pin!(self.kept.over.notified());
            over.as_mut().enable();
            if let Some(outcome) = self.outcome(round) {
                return outcome;
            }
            over.await;
        }
    }

    /// What came of the round, once it is over.
    fn outcome(&self, round: u64) -> Option<Result<Credential, Failure>> {
        let turn = self.kept.turn();
        (turn.round > round).then(|| {
            let other = self.kept.other_than(self.rejected.as_ref());
            other.ok_or_else(|| turn.failure(self.kept.seams.clock.monotonic()))
        })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut turn = self.kept.turn();
        turn.waiting = turn.waiting.saturating_sub(1);
    }
}

/// Shows no token.
impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("source", &self.issue.name()).finish_non_exhaustive()
    }
}
