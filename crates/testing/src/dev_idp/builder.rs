//! How a provider is started.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use gambeson_core::{Clock, Profile, Spawn, SystemClock, TokioSpawn};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::keys::Keys;
use super::person::demo_people;
use super::state::State;
use super::{DevIdp, DevIdpError, DevIdpErrorKind, Person, server};

/// A provider to be.
pub struct DevIdpBuilder {
    bind: String,
    audience: String,
    people: Option<Vec<Person>>,
    clients: Vec<(String, String)>,
    clock: Arc<dyn Clock>,
    profile: Option<Profile>,
}

impl DevIdpBuilder {
    pub(super) fn new() -> Self {
        Self {
            bind: "127.0.0.1:0".to_owned(),
            audience: "dev".to_owned(),
            people: None,
            clients: vec![("service".to_owned(), "dev-service-secret".to_owned())],
            clock: Arc::new(SystemClock::new()),
            profile: None,
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

    /// Knows this client, beside `service`, for client credentials.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.clients.push((id.into(), secret.into()));
        self
    }

    /// Tells the time of tokens by this clock. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The profile of the app. Default: development, unless `GAMBESON_PROFILE` says `production`.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Listens and answers, in a task of the current tokio runtime.
    ///
    /// # Errors
    /// The production profile or the marks of a hosting platform, an address that is not loopback, a taken port (the
    /// text names it), or a system without sockets, randomness or runtime.
    pub async fn start(self) -> Result<DevIdp, DevIdpError> {
        self.check_profile()?;
        let listener = listen(loopback(&self.bind)?).await?;
        let address = listener.local_addr().map_err(|error| system("has no address", error))?;
        let keys = Keys::generate().map_err(|error| system("could not make keys", error))?;
        let parties = (self.people.unwrap_or_else(demo_people), self.clients);
        let issuer = format!("http://{address}");
        let state = Arc::new(State::new(issuer, self.audience, parties, self.clock, keys));
        let (stop, stopped) = watch::channel(false);
        let (alive, tasks) = mpsc::channel(1);
        let serving = server::serve(listener, Arc::clone(&state), stopped, alive);
        if !TokioSpawn::new().spawn(Box::pin(serving)) {
            return Err(DevIdpError::new(DevIdpErrorKind::System, "there is no tokio runtime to run on"));
        }
        Ok(DevIdp { state, address, stop, tasks })
    }

    fn check_profile(&self) -> Result<(), DevIdpError> {
        let lookup = |name: &str| std::env::var(name).ok();
        let refused = |what| DevIdpError::new(DevIdpErrorKind::Profile, what);
        let by_environment = lookup(Profile::VARIABLE).as_deref() == Some("production");
        let production = self.profile.map_or(by_environment, Profile::is_production);
        if production {
            return Err(refused(
                "the dev identity provider does not start in the production profile: name a real issuer"
                    .to_owned(),
            ));
        }
        Profile::development(lookup).map(|_| ()).map_err(|error| refused(error.to_string()))
    }
}

impl fmt::Debug for DevIdpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevIdpBuilder").field("bind", &self.bind).finish_non_exhaustive()
    }
}

fn loopback(bind: &str) -> Result<SocketAddr, DevIdpError> {
    let refused = |why| {
        let what =
            format!("the dev identity provider does not listen on {bind:?}, {why}: bind 127.0.0.1:3001");
        DevIdpError::new(DevIdpErrorKind::Address, what)
    };
    let address: SocketAddr = bind
        .parse()
        .map_err(|error| refused("which is not an address with a port").because(io::Error::other(error)))?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(refused("which others can reach")),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, DevIdpError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            let what = format!("port {} of {} is taken: choose another one", address.port(), address.ip());
            DevIdpError::new(DevIdpErrorKind::PortTaken, what).because(error)
        }
        _ => system("can't listen", error),
    })
}

fn system(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> DevIdpError {
    DevIdpError::new(DevIdpErrorKind::System, format!("the dev identity provider {what}")).because(error)
}
