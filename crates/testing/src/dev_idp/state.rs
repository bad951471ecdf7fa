//! What the provider's server and its handle share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use gambeson_core::{BoxFuture, Clock, Timer, Timestamp};
use serde_json::{Value, json};

#[cfg(feature = "rp")]
use super::exchange::Exchange;
use super::grant::{Grants, Participant};
use super::keys::Keys;
use super::session::Sessions;
use super::{DevClient, Fault, Person};

pub(super) struct State {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) people: Vec<Person>,
    /// The path of the key set while it is [moved](Fault::MovedJwks).
    pub(super) moved_jwks: String,
    time: Arc<dyn Time>,
    pub(super) token_lifetime: Duration,
    changing: Mutex<Changing>,
    tables: Mutex<Tables>,
}

/// Whom the provider knows and what it has granted.
pub(super) struct Tables {
    clients: Vec<DevClient>,
    pub(super) sessions: Sessions,
    pub(super) grants: Grants,
}

/// A clock that is a timer too: slow answers and the times in tokens go by the same one.
pub(super) trait Time: Clock + Timer {}

impl<T: Clock + Timer> Time for T {}

struct Changing {
    keys: Arc<Keys>,
    retired: Vec<Arc<Keys>>,
    fault: Fault,
    ahead: Duration,
    requests: BTreeMap<String, usize>,
    #[cfg(feature = "rp")]
    exchanges: std::collections::VecDeque<Exchange>,
}

/// The endpoints, which are always counted one by one.
const ENDPOINTS: [&str; 15] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/jwks",
    "/token",
    "/authorize",
    "/sign-in",
    "/userinfo",
    "/logout",
    "/revoke",
    "/dev/sign-out",
    "/dev/token",
    "/dev/rotate",
    "/dev/fault",
    "/dev/clock",
    "/dev/requests",
];

/// Other paths that are counted one by one, and how long they may be; the rest counts as one, so that strangers can't
/// fill memory.
const MOST_PATHS: usize = 64;
const LONGEST_PATH: usize = 256;

/// Requests that are remembered; each is bounded by the largest form.
#[cfg(feature = "rp")]
const MOST_EXCHANGES: usize = 256;

/// Key pairs that stay published after rotations.
const MOST_RETIRED: usize = 8;

impl State {
    pub(super) fn new(
        issuer: String,
        audience: String,
        (people, clients): (Vec<Person>, Vec<DevClient>),
        (time, token_lifetime): (Arc<dyn Time>, Duration),
        (keys, random): (Arc<Keys>, &str),
    ) -> Self {
        let changing = Mutex::new(Changing {
            keys,
            retired: Vec::new(),
            fault: Fault::None,
            ahead: Duration::ZERO,
            requests: BTreeMap::new(),
            #[cfg(feature = "rp")]
            exchanges: std::collections::VecDeque::new(),
        });
        let tables = Mutex::new(Tables { clients, sessions: Sessions::new(), grants: Grants::new() });
        let moved_jwks = format!("/jwks-{random}");
        Self { issuer, audience, people, moved_jwks, time, token_lifetime, changing, tables }
    }

    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn client(&self, id: &str) -> Option<DevClient> {
        self.tables().clients.iter().find(|client| client.id == id).cloned()
    }

    /// Knows this client from now on; it takes the place of one with the same id.
    pub(super) fn register(&self, client: DevClient) {
        let clients = &mut self.tables().clients;
        clients.retain(|known| known.id != client.id);
        clients.push(client);
    }

    /// Ends a session and what was granted in it; gives who is to be told.
    pub(super) fn end_session(&self, sid: &str) -> Vec<Participant> {
        let mut tables = self.tables();
        tables.sessions.end(sid);
        tables.grants.end(sid)
    }

    /// Ends all sessions of a person.
    pub(super) fn end_sessions_of(&self, person: &str) -> Vec<Participant> {
        let sids = self.tables().grants.sessions_of(person);
        sids.iter().flat_map(|sid| self.end_session(sid)).collect()
    }

    /// Whether a key of this provider, also a retired one, made the signature.
    pub(super) fn signed(&self, kid: &str, alg: &str, message: &[u8], signature: &[u8]) -> bool {
        let changing = self.changing();
        let mut keys = std::iter::once(&changing.keys).chain(&changing.retired);
        keys.any(|keys| keys.signed(kid, alg, message, signature))
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.time.now().plus(self.changing().ahead)
    }

    /// Waits by the provider's clock.
    pub(super) fn wait(&self, duration: Duration) -> BoxFuture<()> {
        self.time.until(self.time.monotonic().plus(duration))
    }

    pub(super) fn advance(&self, by: Duration) {
        let mut changing = self.changing();
        changing.ahead = changing.ahead.saturating_add(by);
    }

    pub(super) fn fault(&self) -> Fault {
        self.changing().fault
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        self.changing().fault = fault;
    }

    pub(super) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.changing().keys)
    }

    pub(super) fn rotate(&self, keep_old: bool) -> Result<(), Unspecified> {
        let fresh = Arc::new(Keys::generate()?);
        let mut changing = self.changing();
        let old = std::mem::replace(&mut changing.keys, fresh);
        if keep_old {
            changing.retired.insert(0, old);
            changing.retired.truncate(MOST_RETIRED);
        } else {
            changing.retired.clear();
        }
        Ok(())
    }

    pub(super) fn jwks(&self) -> Value {
        let changing = self.changing();
        let keys: Vec<Value> =
            std::iter::once(&changing.keys).chain(&changing.retired).flat_map(|keys| keys.jwks()).collect();
        json!({ "keys": keys })
    }

    pub(super) fn count(&self, path: &str) {
        let requests = &mut self.changing().requests;
        let room = requests.len() < MOST_PATHS && path.len() <= LONGEST_PATH;
        let known = room || ENDPOINTS.contains(&path) || requests.contains_key(path);
        let path = if known { path } else { "*" };
        *requests.entry(path.to_owned()).or_default() += 1;
    }

    /// Remembers what was asked.
    #[cfg(feature = "rp")]
    pub(super) fn note(&self, exchange: Exchange) {
        let exchanges = &mut self.changing().exchanges;
        exchanges.push_back(exchange);
        if exchanges.len() > MOST_EXCHANGES {
            exchanges.pop_front();
        }
    }

    /// What was asked since this was called last, at most the youngest 256.
    #[cfg(feature = "rp")]
    pub(super) fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.changing().exchanges).into()
    }

    pub(super) fn requests(&self, path: &str) -> usize {
        self.changing().requests.get(path).copied().unwrap_or_default()
    }

    pub(super) fn all_requests(&self) -> Value {
        json!(self.changing().requests)
    }

    pub(super) fn person(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.name == name)
    }
}
