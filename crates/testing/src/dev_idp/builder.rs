//! How a provider is started.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use gambeson_core::{Clock, Profile, Spawn, SystemClock, Timer, TokioSpawn};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::keys::Keys;
use super::person::demo_people;
use super::state::{State, Time};
use super::{DevClient, DevIdp, DevIdpError, DevIdpErrorKind, Person, server};

/// A provider to be.
pub struct DevIdpBuilder {
    bind: String,
    audience: String,
    people: Option<Vec<Person>>,
    clients: Vec<DevClient>,
    time: Arc<dyn Time>,
    profile: Option<Profile>,
}

impl DevIdpBuilder {
    pub(super) fn new() -> Self {
        Self {
            bind: "127.0.0.1:0".to_owned(),
            audience: "dev".to_owned(),
            people: None,
            clients: vec![DevClient::confidential("service", "dev-service-secret")],
            time: Arc::new(SystemClock::new()),
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

    /// The profile of the app, where it does not come from the environment. Default: development.
    ///
    /// It can forbid the start, never allow it: when `GAMBESON_PROFILE` says `production`, or a word that nobody knows,
    /// nothing starts, whatever is said here.
    #[must_use]
    pub fn run_in(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Listens and answers, in a task of the current tokio runtime.
    ///
    /// # Errors
    /// The production profile or the marks of a hosting platform, an address that is not loopback, a client that redirects
    /// elsewhere, a taken port (the text names it), or a system without sockets, randomness or runtime.
    pub async fn start(self) -> Result<DevIdp, DevIdpError> {
        check_profile(self.profile, |name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })?;
        if !has_runtime() {
            return Err(DevIdpError::new(DevIdpErrorKind::System, "there is no tokio runtime to run on"));
        }
        if let Some(problem) = self.clients.iter().find_map(DevClient::problem) {
            return Err(DevIdpError::new(DevIdpErrorKind::Client, problem));
        }
        let listener = listen(loopback(&self.bind)?).await?;
        let address = listener.local_addr().map_err(|error| system("has no address", error))?;
        let keys = Keys::generate().map_err(|error| system("could not make keys", error))?;
        let parties = (self.people.unwrap_or_else(demo_people), self.clients);
        let issuer = format!("http://{address}");
        let state = Arc::new(State::new(issuer, self.audience, parties, self.time, keys));
        let (stop, stopped) = watch::channel(false);
        let (alive, tasks) = mpsc::channel(1);
        let serving = server::serve(listener, Arc::clone(&state), stopped, alive);
        TokioSpawn::new().spawn(Box::pin(serving));
        Ok(DevIdp { state, address, stop, tasks })
    }
}

/// A socket needs a runtime, and panics without.
fn has_runtime() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

/// Development, unless code or environment say otherwise; production by either is production.
fn check_profile(
    by_code: Option<Profile>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<(), DevIdpError> {
    let refused = |what: String| DevIdpError::new(DevIdpErrorKind::Profile, what);
    let unset = lookup(Profile::VARIABLE).is_none_or(|word| word.is_empty());
    let checked = match unset {
        true => Profile::development(&lookup),
        false => Profile::from_lookup(&lookup),
    };
    let by_environment = checked.map_err(|error| refused(error.to_string()))?;
    if by_environment.is_production() || by_code.is_some_and(Profile::is_production) {
        return Err(refused(
            "the dev identity provider does not start in the production profile: name a real issuer"
                .to_owned(),
        ));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(by_code: Option<Profile>, variables: &[(&str, &str)]) -> Result<(), String> {
        let lookup =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        check_profile(by_code, lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn it_starts_in_development_only() {
        for by_code in [None, Some(Profile::Development)] {
            assert_eq!(checked(by_code, &[]), Ok(()));
            assert_eq!(checked(by_code, &[("GAMBESON_PROFILE", "")]), Ok(()));
            assert_eq!(checked(by_code, &[("GAMBESON_PROFILE", "development")]), Ok(()));
            for (variable, value, words) in [
                ("GAMBESON_PROFILE", "production", "name a real issuer"),
                ("GAMBESON_PROFILE", "prod", "write \"production\" or"),
                ("GAMBESON_PROFILE", "Production", "write \"production\" or"),
                ("KUBERNETES_SERVICE_HOST", "10.0.0.1", "hosting platform"),
                ("FLY_APP_NAME", "", "hosting platform"),
            ] {
                let refused = checked(by_code, &[(variable, value)]).unwrap_err();
                assert!(refused.contains(words), "{variable}={value}: {refused}");
            }
        }
        assert!(checked(Some(Profile::Production), &[("GAMBESON_PROFILE", "development")]).is_err());
        let hosted = [("GAMBESON_PROFILE", "development"), ("DYNO", "web.1")];
        assert!(checked(None, &hosted).unwrap_err().contains("DYNO"));
    }
}
