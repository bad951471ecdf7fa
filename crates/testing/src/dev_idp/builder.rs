//! How a provider is started.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, Profile, SystemClock, Timer};

use super::keys::{Keys, random_id};
use super::mint::LIFETIME;
use super::person::demo_people;
use super::state::{State, Time};
use super::{DevClient, DevIdp, DevIdpError, DevIdpErrorKind, Person, routes};
use crate::dev_server;

/// What its errors call it.
const NAME: &str = "dev identity provider";

/// A provider to be.
pub struct DevIdpBuilder {
    bind: String,
    audience: String,
    people: Option<Vec<Person>>,
    clients: Vec<DevClient>,
    time: Arc<dyn Time>,
    token_lifetime: Duration,
    profile: Option<Profile>,
    keys: Option<Arc<Keys>>,
}

impl DevIdpBuilder {
    pub(super) fn new() -> Self {
        Self {
            bind: "127.0.0.1:0".to_owned(),
            audience: "dev".to_owned(),
            people: None,
            clients: vec![DevClient::confidential("service", "dev-service-secret")],
            time: Arc::new(SystemClock::new()),
            token_lifetime: LIFETIME,
            profile: None,
            keys: None,
        }
    }

    /// Where to listen; loopback only. Default `127.0.0.1:0`, any free port.
    #[must_use]
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    /// The audience of tokens for which none is asked. Default `dev`.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// Knows this person; the first call replaces the demo people.
    #[must_use]
    pub fn person(mut self, person: Person) -> Self {
        self.people.get_or_insert_default().push(person);
        self
    }

    /// Knows this client, beside `service`; the last one of an id counts.
    #[must_use]
    pub fn client(mut self, client: DevClient) -> Self {
        self.clients.retain(|known| known.id != client.id);
        self.clients.push(client);
        self
    }

    /// Tells the time of tokens by this clock, and waits by it where an answer is [slow](super::Fault::Slow). Default:
    /// the system's. By a `ManualClock` a slow answer comes when the test has advanced it far enough.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + Timer + 'static) -> Self {
        self.time = Arc::new(clock);
        self
    }

    /// How long tokens last, and in whole seconds what `expires_in` says. Default 300 s. A few seconds make an app refresh
    /// while somebody watches.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// The profile of the app, where it does not come from the environment. Default: development.
    ///
    /// It can forbid the start, never allow it: when `GAMBESON_PROFILE` says `production`, or a word that nobody knows,
    /// nothing starts, whatever is said here.
    #[must_use]
    pub fn run_in(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// With the keys of another provider of this process: to make them takes longer than all the rest.
    #[cfg(feature = "rp")]
    pub(crate) fn keys_of(mut self, other: &DevIdp) -> Self {
        self.keys = Some(other.state.keys());
        self
    }

    /// Listens and answers, in a task of the current tokio runtime.
    ///
    /// # Errors
    /// The production profile or the marks of a hosting platform, an address that is not loopback, a client that redirects
    /// elsewhere, a taken port (the text names it), or a system without sockets, randomness or runtime.
    pub async fn start(self) -> Result<DevIdp, DevIdpError> {
        if let Some(problem) = self.clients.iter().find_map(DevClient::problem) {
            return Err(DevIdpError::new(DevIdpErrorKind::Client, problem));
        }
        let listener = dev_server::listen(NAME, &self.bind, self.profile).await?;
        let address = listener.local_addr().map_err(|error| system("has no address", error))?;
        let keys = match self.keys {
            Some(keys) => keys,
            None => Arc::new(Keys::generate().map_err(|error| system("could not make keys", error))?),
        };
        let random = random_id().map_err(|error| system("has no randomness", error))?;
        let parties = (self.people.unwrap_or_else(demo_people), self.clients);
        let issuer = format!("http://{address}");
        let time = (self.time, self.token_lifetime);
        let state = Arc::new(State::new(issuer, self.audience, parties, time, (keys, &random)));
        let answering = Arc::clone(&state);
        let running =
            dev_server::run(listener, move |request| routes::answer(Arc::clone(&answering), request));
        Ok(DevIdp { state, address, running })
    }
}

impl fmt::Debug for DevIdpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevIdpBuilder").field("bind", &self.bind).finish_non_exhaustive()
    }
}

fn system(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> DevIdpError {
    DevIdpError::new(DevIdpErrorKind::System, format!("the {NAME} {what}")).because(error)
}
