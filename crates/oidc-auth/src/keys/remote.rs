//! Keys that are fetched: the newest set, and the books about fetching.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use gambeson_core::{BoxFuture, Clock, Entropy, Monotonic, Spawn, Timer, Timestamp};
use http::HeaderValue;
use tokio::sync::Notify;

use super::doubt::Doubt;
use super::fetch::{Endpoint, FetchError, Fetched, Told};
use super::freshness::{LONGEST, SHORTEST};
use super::keeper::{AtWork, keep};
use super::set::KeySet;
use super::waiting::{KeyWait, Network, WaitingRoom};
use crate::error::{Reason, TokenError};
use crate::key_policy::KeyPolicy;
use crate::telemetry;

/// By how many seconds clocks may differ before each fetch warns of it: the default leeway.
const CLOCKS_DIFFER: u64 = 30;

/// What fetching needs from the world.
#[derive(Debug)]
pub(crate) struct RemoteParts {
    pub(crate) endpoint: Endpoint,
    pub(crate) policy: KeyPolicy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) spawn: Arc<dyn Spawn>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// A set and when it was last confirmed.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: KeySet,
    pub(crate) fetched_at: Timestamp,
    /// The same on the clock that nobody sets: the other may have been wrong.
    confirmed: Monotonic,
    etag: Option<HeaderValue>,
    /// Where it came from: another place's validator says nothing there.
    place: String,
}

/// How a round of waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// A set was fetched that was asked for after the arrival: what it lacks is not published.
    Fetched,
    /// A set came that had been asked for before; the next one tells.
    Early,
    /// The same, but a cache gave the set, which was so old: what it lacks may have been published since.
    Cached(Duration),
    /// The issuer gave no set.
    Failed,
    /// The time is up.
    TimedOut,
    /// The room was full, and this network had most of it.
    CrowdedOut,
}

/// Fetches by number: one at a time, so the numbers tell which was asked for when.
#[derive(Debug, Default)]
struct Books {
    started: u64,
    ended: u64,
    /// Fetches up to this number are wanted as soon as the cooldown allows.
    wanted: u64,
    succeeded: bool,
    /// How old the set was when it came.
    age: Duration,
    failures: u32,
    /// The start that the cooldown counts from. The first success leaves it alone: a rotation right after the start-up
    /// must not wait.
    spent: Option<Monotonic>,
    doubt: Doubt,
    due: Monotonic,
    place: Option<(String, Monotonic)>,
    error: Option<Arc<str>>,
}

/// The keys of an issuer that is asked for them.
#[derive(Debug)]
pub(crate) struct Remote {
    parts: RemoteParts,
    snapshot: ArcSwapOption<Snapshot>,
    generation: AtomicU64,
    /// Wall clock, nanoseconds: from then on a request rings the bell itself, for a process whose timers were frozen.
    overdue: AtomicI64,
    books: Mutex<Books>,
    room: WaitingRoom,
    bell: Arc<Notify>,
    at_work: Arc<AtomicBool>,
}

impl Remote {
    pub(crate) fn new(parts: RemoteParts) -> Arc<Self> {
        let remote = Arc::new(Self {
            room: WaitingRoom::new(parts.policy.max_waiting, parts.policy.max_waiting_per_network),
            parts,
            snapshot: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            overdue: AtomicI64::new(i64::MAX),
            books: Mutex::new(Books { wanted: 1, ..Books::default() }),
            bell: Arc::new(Notify::new()),
            at_work: Arc::default(),
        });
        // Outside a runtime there is nobody to do it yet: the first request starts it.
        remote.put_to_work();
        remote
    }

    /// The newest set, unless it is too old to be trusted.
    pub(crate) fn usable(self: &Arc<Self>, now: Timestamp) -> Option<Guard<Option<Arc<Snapshot>>>> {
        if now.unix_nanos() >= self.overdue.load(Ordering::Relaxed) {
            self.overdue.store(i64::MAX, Ordering::Relaxed);
            self.want_fetch();
        }
        let snapshot = self.snapshot.load();
        let fresh = snapshot
            .as_ref()
            .is_some_and(|snapshot| now < snapshot.fetched_at.plus(self.parts.policy.max_stale));
        fresh.then_some(snapshot)
    }

    /// A place to wait for keys, with a fetch under way that may bring them. `wanted` says which: by its name, or by what it signed.
    ///
    /// # Errors
    /// The room is full, nobody can fetch, or the key is known to be absent.
    pub(crate) fn wait(self: &Arc<Self>, network: Network, wanted: &[u8]) -> Result<KeyWait, TokenError> {
        let wanted = self.room.name(network, wanted);
        if self.room.is_absent(wanted) {
            self.want_fetch();
            return Err(TokenError::with(Reason::UnknownKey, "not in the newest set either"));
        }
        let id = self.room.enter(network)?;
        let (arrived, seen) = {
            let books = self.books();
            (books.started, books.ended)
        };
        let end = self.parts.clock.monotonic().plus(self.parts.policy.max_wait);
        let wait = KeyWait {
            remote: Arc::clone(self),
            id,
            network,
            wanted,
            arrived,
            seen,
            deadline: self.parts.timer.until(end),
        };
        if self.want_fetch() {
            Ok(wait)
        } else {
            Err(TokenError::with(Reason::KeysUnavailable, "no runtime to fetch keys on"))
        }
    }

    /// Asks for a fetch that starts from now on; `false` when nobody can do it. However often it is asked for, one starts in
    /// each cooldown at most.
    pub(crate) fn want_fetch(self: &Arc<Self>) -> bool {
        {
            let mut books = self.books();
            books.wanted = books.started + 1;
        }
        self.bell.notify_one();
        self.put_to_work()
    }

    /// A signature is wrong under a known name: a key may have been replaced, or somebody forges. Asks for a fetch, unless
    /// others have just shown that nothing was replaced.
    pub(crate) fn suspect(self: &Arc<Self>) {
        let now = self.parts.clock.monotonic();
        let wanted = {
            let mut books = self.books();
            let next = books.started + 1;
            books.doubt.raise(now, next)
        };
        if wanted {
            self.want_fetch();
        }
    }

    fn put_to_work(self: &Arc<Self>) -> bool {
        match AtWork::begin(&self.at_work) {
            None => true,
            Some(at_work) => {
                let task = keep(Arc::downgrade(self), Arc::clone(&self.bell), at_work);
                self.parts.spawn.spawn(task)
            }
        }
    }

    /// How long the keeper may rest; `None` when it is time to fetch.
    pub(super) fn pause(&self) -> Option<BoxFuture<()>> {
        let now = self.parts.clock.monotonic();
        let books = self.books();
        let wish = if books.wanted > books.started { now } else { books.due };
        let start = match books.spent {
            Some(spent) => wish.max(spent.plus(self.parts.policy.cooldown)),
            None => wish,
        };
        drop(books);
        (start > now).then(|| self.parts.timer.until(start))
    }

    /// One fetch, from the books to the waking of all who wait.
    pub(super) async fn refresh(&self) {
        let started = self.parts.clock.monotonic();
        let (place, wanted) = {
            let mut books = self.books();
            let wanted = books.wanted > books.started;
            books.started += 1;
            let fresh = |(_, at): &(String, Monotonic)| started.since(*at) < LONGEST;
            books.place.take_if(|place| !fresh(place));
            (books.place.as_ref().map(|(place, _)| place.clone()), wanted)
        };
        let fetched = self.fetch(place, started, wanted).await;
        self.enter_in_books(fetched, started);
        self.room.wake_all();
    }

    async fn fetch(
        &self,
        place: Option<String>,
        started: Monotonic,
        wanted: bool,
    ) -> Result<(Fetched, String), FetchError> {
        let place = match place {
            Some(place) => place,
            None => {
                let place = self.parts.endpoint.discover().await?;
                self.books().place = Some((place.clone(), started));
                place
            }
        };
        let known = self.snapshot.load_full().filter(|snapshot| snapshot.place == place);
        let etag = known.as_ref().and_then(|snapshot| snapshot.etag.as_ref());
        let Told { fetched, clock, age } = self.parts.endpoint.keys(&place, etag, wanted).await?;
        if let Some(clock) = clock {
            self.compare_clocks(clock);
        }
        self.books().age = age;
        Ok((fetched, place))
    }

    /// Tokens say `iat` and `exp` by the issuer's clock: one that is far off refuses good tokens, with nothing wrong in them.
    fn compare_clocks(&self, theirs: i64) {
        let ahead = self.parts.clock.now().unix_seconds().saturating_sub(theirs);
        if ahead.unsigned_abs() > CLOCKS_DIFFER {
            telemetry::clocks_differ(&self.parts.endpoint.issuer, ahead);
        }
    }

    fn enter_in_books(&self, fetched: Result<(Fetched, String), FetchError>, started: Monotonic) {
        let news = fetched.as_ref().is_ok_and(|(fetched, _)| self.is_news(fetched));
        let (rest, error) = match fetched {
            Ok((fetched, place)) => (self.publish(fetched, place), None),
            Err(error) => {
                self.end_trust();
                (self.backoff(), Some(told(&error)))
            }
        };
        let (now, wall) = (self.parts.clock.monotonic(), self.parts.clock.now());
        self.overdue.store(wall.plus(rest).plus(SHORTEST / 4).unix_nanos(), Ordering::Relaxed);
        let mut books = self.books();
        books.ended = books.started;
        let ended = books.ended;
        books.doubt.settle(now, ended, news);
        let start_up = books.spent.is_none() && !books.succeeded && error.is_none();
        if !start_up || books.failures > 0 {
            books.spent = Some(started);
        }
        books.due = now.plus(rest);
        books.succeeded = error.is_none();
        match error {
            None => {
                books.failures = 0;
                books.error = None;
            }
            Some(error) => {
                telemetry::fetch_failed(&self.parts.endpoint.issuer, &error);
                books.failures = books.failures.saturating_add(1);
                // The document may have moved the keys.
                books.place = None;
                books.error = Some(error);
            }
        }
    }

    /// Lets go of keys that nobody has confirmed for too long, whatever the wall clock says.
    fn end_trust(&self) {
        let now = self.parts.clock.monotonic();
        let snapshot = self.snapshot.load_full();
        if snapshot.is_some_and(|known| now.since(known.confirmed) >= self.parts.policy.max_stale) {
            self.snapshot.store(None);
        }
    }

    /// Whether other keys came than there were.
    fn is_news(&self, fetched: &Fetched) -> bool {
        match (fetched, self.snapshot.load().as_ref()) {
            (Fetched::Same(_), _) => false,
            (Fetched::New(keys, ..), Some(known)) => !keys.same_keys(&known.keys),
            (Fetched::New(..), None) => true,
        }
    }

    /// Puts the set in place; says when it wants to be refreshed.
    fn publish(&self, fetched: Fetched, place: String) -> Duration {
        let (fetched_at, confirmed) = (self.parts.clock.now(), self.parts.clock.monotonic());
        let (keys, etag, fresh) = match fetched {
            Fetched::New(keys, etag, fresh) => {
                self.generation.fetch_add(1, Ordering::Relaxed);
                telemetry::keys_fetched(&self.parts.endpoint.issuer, &keys);
                (keys, etag, fresh)
            }
            Fetched::Same(fresh) => match self.snapshot.load().as_ref() {
                Some(same) => (same.keys.clone(), same.etag.clone(), fresh),
                None => return SHORTEST,
            },
        };
        self.snapshot.store(Some(Arc::new(Snapshot { keys, fetched_at, confirmed, etag, place })));
        // A little early, and not all instances of an app at once.
        fresh.min(self.parts.policy.max_stale / 2).mul_f64(1.0 - self.random() / 10.0)
    }

    /// 2, 4, 8 … 60 seconds, a fifth of it by chance.
    fn backoff(&self) -> Duration {
        let doublings = self.books().failures.min(5);
        let rest = Duration::from_secs(2 << doublings).min(SHORTEST);
        rest.mul_f64(1.0 - self.random() / 5.0)
    }

    /// From 0 to 1; only spreads load, so no randomness is no harm.
    fn random(&self) -> f64 {
        let mut byte = [0];
        let _ = self.parts.entropy.fill(&mut byte);
        f64::from(byte[0]) / 255.0
    }

    pub(super) fn room(&self) -> &WaitingRoom {
        &self.room
    }

    /// The end of a fetch that `seen` does not count yet.
    pub(super) fn round_since(&self, seen: &mut u64, arrived: u64) -> Option<Round> {
        let books = self.books();
        if books.ended <= *seen {
            return None;
        }
        *seen = books.ended;
        Some(match books.succeeded {
            false => Round::Failed,
            true if books.ended > arrived && !books.age.is_zero() => Round::Cached(books.age),
            true if books.ended > arrived => Round::Fetched,
            true => Round::Early,
        })
    }

    pub(crate) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.load_full()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    pub(crate) fn last_error(&self) -> Option<Arc<str>> {
        self.books().error.clone()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.room.len()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In words for a log: a document may say what it likes, but not at any length.
fn told(error: &FetchError) -> Arc<str> {
    let cut: String = error.to_string().chars().take(600).collect();
    gambeson_core::escape_controls(&cut).into()
}

impl Drop for Remote {
    fn drop(&mut self) {
        // The keeper wakes, finds nobody and ends.
        self.bell.notify_one();
    }
}
