//! The one connection that everything goes over, made when it is needed and made anew when it is lost.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, Pipeline, RedisError, Value};
use arc_swap::ArcSwapOption;
use gambeson_core::{Clock, Monotonic, Spawn, Timer};
use tokio::sync::{Mutex, Semaphore, oneshot};

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
    /// Held by the one who connects; when it failed last.
    connecting: Mutex<Option<(Monotonic, LinkError)>>,
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
        Self(Arc::new(Inner { parts, places, there: ArcSwapOption::empty(), connecting: Mutex::default() }))
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
                checked(answer)
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
        let mut failed = self.0.connecting.lock().await;
        if let Some(there) = self.open() {
            return Ok(there);
        }
        let clock = &self.parts().clock;
        if let Some((at, error)) = &*failed
            && clock.monotonic().since(*at) < PAUSE
        {
            return Err(error.clone());
        }
        match self.connect().await {
            Ok(established) => {
                *failed = None;
                telemetry::connected();
                self.0.there.store(Some(Arc::clone(&established)));
                Ok(established)
            }
            Err(error) => {
                telemetry::not_connected(&error);
                *failed = Some((clock.monotonic(), error.clone()));
                Err(error)
            }
        }
    }

    fn open(&self) -> Option<Arc<Established>> {
        self.0.there.load_full().filter(|there| there.is_open.load(Ordering::Acquire))
    }

    async fn connect(&self) -> Result<Arc<Established>, LinkError> {
        let parts = self.parts();
        let url = parts.url.read().await.map_err(LinkError::new)?;
        let address = Address::parse(url.expose(), parts.plain)
            .map_err(|why| LinkError::new(format_args!("its URL can't be used: {why}")))?;
        let connected = within(parts, connect(&address, &parts.trust)).await;
        let (connection, bytes) =
            connected.ok_or_else(|| LinkError::new("no connection in time"))?.map_err(LinkError::new)?;
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
