//! The one connection that everything goes over, made when it is needed and made anew when it is lost.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, Pipeline, RedisError, Value};
use arc_swap::ArcSwapOption;
use gambeson_core::{Clock, Monotonic, Spawn, Timer};
use tokio::sync::{Semaphore, oneshot, watch};

use super::address::{Address, Kept, PlainText};
use super::connect::{Trust, connect};
use super::telemetry;

/// After a failed attempt to connect, nobody tries again before.
const PAUSE: Duration = Duration::from_millis(200);
/// So many answers in a row that did not come in time, and the connection is taken for dead.
const SILENT: u32 = 3;

/// What a link is made of.
pub(super) struct Parts {
    pub(super) url: Kept,
    pub(super) plain: PlainText,
    pub(super) trust: Trust,
    pub(super) deadline: Duration,
    pub(super) in_flight: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) spawn: Arc<dyn Spawn>,
}

/// The way to the server. A clone is the same.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

struct Inner {
    parts: Parts,
    places: Semaphore,
    there: ArcSwapOption<Established>,
    connecting: Mutex<Connecting>,
    /// What the server answered last, when that was a refusal.
    refusal: ArcSwapOption<LinkError>,
}

/// A connection, or why there is none; `None` while nobody knows.
type Outcome = Option<Result<Arc<Established>, LinkError>>;

/// An attempt is a task of its own: who asks waits for it, and who gives up leaves it to the others.
#[derive(Default)]
struct Connecting {
    /// The last attempt.
    attempt: Option<watch::Receiver<Outcome>>,
    /// When one failed last.
    failed: Option<(Monotonic, LinkError)>,
}

impl Connecting {
    /// The attempt that is under way. One whose task is gone, with its runtime, is not.
    fn under_way(&self) -> Option<watch::Receiver<Outcome>> {
        let attempt = self.attempt.as_ref()?;
        let is_under_way = attempt.has_changed().is_ok() && attempt.borrow().is_none();
        is_under_way.then(|| attempt.clone())
    }
}

struct Established {
    connection: MultiplexedConnection,
    /// Cleared when the connection is over.
    is_open: Arc<AtomicBool>,
    silent: AtomicU32,
    /// Its end tells the task that moves the bytes to let go, also of a server that hangs.
    _in_use: oneshot::Sender<()>,
}

/// The server can't be asked, or does not understand. Holds no secret.
#[derive(Debug, Clone)]
pub(super) struct LinkError(Arc<str>);

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis: {}", self.0)
    }
}

impl std::error::Error for LinkError {}

impl LinkError {
    pub(super) fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string().into())
    }

    /// What stands under the key is of another kind than is asked for.
    pub(super) fn is_of_another_kind(&self) -> bool {
        self.0.contains("WRONGTYPE")
    }

    /// The server has no memory left.
    pub(super) fn is_full(&self) -> bool {
        self.0.contains("OOM")
    }
}

/// What is sent: one command, or several of which all answers come together.
pub(super) enum Ask {
    One(Cmd),
    Several(Pipeline),
}

impl Link {
    pub(super) fn new(parts: Parts) -> Self {
        let places = Semaphore::new(parts.in_flight);
        let (there, connecting, refusal) = Default::default();
        Self(Arc::new(Inner { parts, places, there, connecting, refusal }))
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// Asks once, within the deadline. Whether the server did what was asked is unknown after an error.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Value, LinkError> {
        let Ok(_place) = self.0.places.try_acquire() else {
            return Err(LinkError::new("too many requests are under way"));
        };
        let mut used = None;
        let answer = within(self.parts(), self.send(&ask, &mut used)).await;
        match (answer, used) {
            (Some(Ok(answer)), used) => {
                if let Some(used) = used {
                    used.silent.store(0, Ordering::Relaxed);
                }
                let answer = checked(answer);
                self.note_refusal(answer.as_ref().err());
                answer
            }
            (Some(Err(error)), _) => Err(error),
            (None, used) => {
                self.note_silence(used.as_ref());
                Err(LinkError::new("no answer in time"))
            }
        }
    }

    /// The same for what may be done twice: when the connection is lost meanwhile, it is asked again over a new one.
    pub(super) async fn ask_again(&self, ask: impl Fn() -> Ask) -> Result<Value, LinkError> {
        let open = self.0.there.load_full();
        match self.ask(ask()).await {
            Err(_) if open.is_some_and(|open| !open.is_open.load(Ordering::Acquire)) => self.ask(ask()).await,
            answer => answer,
        }
    }

    async fn send(&self, ask: &Ask, used: &mut Option<Arc<Established>>) -> Result<Value, LinkError> {
        let established = self.established().await?;
        let mut connection = established.connection.clone();
        let established = used.insert(established);
        let answer = match ask {
            Ask::One(command) => connection.send_packed_command(command).await,
            Ask::Several(pipeline) => {
                let answers = connection.send_packed_commands(pipeline, 0, pipeline.cmd_iter().count()).await;
                answers.map(Value::Array)
            }
        };
        answer.map_err(|error: RedisError| {
            if error.is_unrecoverable_error() {
                self.forget(established);
            }
            LinkError::new(error)
        })
    }

    async fn established(&self) -> Result<Arc<Established>, LinkError> {
        if let Some(there) = self.open() {
            return Ok(there);
        }
        let mut attempt = self.attempt()?;
        let outcome = attempt.wait_for(Option::is_some).await;
        let outcome = outcome.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(|| Err(LinkError::new("the runtime that connected is gone")))
    }

    /// The attempt to connect that is under way, or another one.
    fn attempt(&self) -> Result<watch::Receiver<Outcome>, LinkError> {
        let mut connecting = self.connecting();
        if let Some(attempt) = connecting.under_way() {
            return Ok(attempt);
        }
        if let Some(there) = self.open() {
            return Ok(watch::channel(Some(Ok(there))).1);
        }
        let clock = &self.parts().clock;
        if let Some((at, error)) = &connecting.failed
            && clock.monotonic().since(*at) < PAUSE
        {
            return Err(error.clone());
        }
        let (tell, attempt) = watch::channel(None);
        connecting.attempt = Some(attempt.clone());
        drop(connecting);
        let link = self.clone();
        let task = async move {
            let outcome = link.try_to_connect().await;
            let _told = tell.send(Some(outcome));
        };
        match self.parts().spawn.spawn(Box::pin(task)) {
            true => Ok(attempt),
            false => Err(LinkError::new("there is no runtime to connect")),
        }
    }

    async fn try_to_connect(&self) -> Result<Arc<Established>, LinkError> {
        let connected = self.within(self.connect()).await;
        let outcome = connected.unwrap_or_else(|| Err(LinkError::new("no connection in time")));
        let mut connecting = self.connecting();
        match &outcome {
            Ok(established) => {
                connecting.failed = None;
                self.0.refusal.store(None);
                self.0.there.store(Some(Arc::clone(established)));
                telemetry::connected();
            }
            Err(error) => {
                connecting.failed = Some((self.parts().clock.monotonic(), error.clone()));
                telemetry::not_connected(error);
            }
        }
        outcome
    }

    fn connecting(&self) -> MutexGuard<'_, Connecting> {
        self.0.connecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when the deadline came first.
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        within(self.parts(), work).await
    }

    fn open(&self) -> Option<Arc<Established>> {
        self.0.there.load_full().filter(|there| there.is_open.load(Ordering::Acquire))
    }

    async fn connect(&self) -> Result<Arc<Established>, LinkError> {
        let parts = self.parts();
        let url = parts.url.read().await.map_err(LinkError::new)?;
        let address = Address::parse(url.expose(), parts.plain)
            .map_err(|why| LinkError::new(format_args!("its URL can't be used: {why}")))?;
        let (connection, bytes) = connect(&address, &parts.trust).await.map_err(LinkError::new)?;
        let (in_use, let_go) = oneshot::channel::<()>();
        let is_open = Arc::new(AtomicBool::new(true));
        let over = Over(Arc::clone(&is_open));
        let task = async move {
            let _over = over;
            first(bytes, let_go).await;
        };
        if !parts.spawn.spawn(Box::pin(task)) {
            return Err(LinkError::new("there is no runtime to run its connection"));
        }
        Ok(Arc::new(Established { connection, is_open, silent: AtomicU32::new(0), _in_use: in_use }))
    }

    /// How it is, as far as is known without asking the server: `None` before the first attempt, and between a lost connection and the
    /// next.
    pub(super) fn state(&self) -> Option<Result<(), LinkError>> {
        let failed = || self.connecting().failed.as_ref().map(|(_, error)| Err(error.clone()));
        match self.open() {
            Some(there) if there.silent.load(Ordering::Relaxed) > 0 => {
                Some(Err(LinkError::new("no answer in time")))
            }
            Some(_) => {
                Some(self.0.refusal.load().as_ref().map_or(Ok(()), |refusal| Err((**refusal).clone())))
            }
            None => failed(),
        }
    }

    /// What stands under one key says nothing of the server.
    fn note_refusal(&self, refusal: Option<&LinkError>) {
        let refusal = refusal.filter(|refusal| !refusal.is_of_another_kind());
        if refusal.is_some() || self.0.refusal.load().is_some() {
            self.0.refusal.store(refusal.cloned().map(Arc::new));
        }
    }

    fn note_silence(&self, used: Option<&Arc<Established>>) {
        if let Some(used) = used
            && used.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT
        {
            self.forget(used);
        }
    }

    fn forget(&self, established: &Arc<Established>) {
        established.is_open.store(false, Ordering::Release);
        let there = self.0.there.load();
        if there.as_ref().is_some_and(|there| Arc::ptr_eq(there, established)) {
            self.0.there.compare_and_swap(&there, None);
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("open", &self.open().is_some()).finish_non_exhaustive()
    }
}

/// Notes the end of a connection, however it comes.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// An error that the server answered with is one, also among the answers to several commands.
fn checked(answer: Value) -> Result<Value, LinkError> {
    match answer {
        Value::ServerError(error) => Err(LinkError::new(RedisError::from(error))),
        Value::Array(answers) => answers.into_iter().map(checked).collect::<Result<_, _>>().map(Value::Array),
        other => Ok(other),
    }
}

/// `None` when the deadline came first.
async fn within<T>(parts: &Parts, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut deadline = parts.timer.until(parts.clock.monotonic().plus(parts.deadline));
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        deadline.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Until one of both is over.
async fn first(bytes: impl Future<Output = ()>, let_go: oneshot::Receiver<()>) {
    let (mut bytes, mut let_go) = (pin!(bytes), pin!(let_go));
    poll_fn(|context| {
        if bytes.as_mut().poll(context).is_ready() || let_go.as_mut().poll(context).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
