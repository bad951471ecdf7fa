//! How the pretend API is started.

use std::fmt;
use std::sync::Arc;

use gambeson_core::{Clock, Profile, SystemClock};

use super::state::{Setup, State};
use super::{DevModel, DevModelError, routes};
use crate::dev_server::{self, Failure, FailureKind};

/// What its errors call it.
const NAME: &str = "dev model";

/// A pretend model API to be.
pub struct DevModelBuilder {
    bind: String,
    profile: Option<Profile>,
    setup: Setup,
}

impl DevModelBuilder {
    pub(super) fn new() -> Self {
        let clock = Arc::new(SystemClock::new());
        Self { bind: "127.0.0.1:0".to_owned(), profile: None, setup: Setup { key: None, usage: None, clock } }
    }

    /// Where to listen; loopback only. Default `127.0.0.1:0`, any free port.
    #[must_use]
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    /// Answers only calls with `Authorization: Bearer` and this key. Default: all.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.setup.key = Some(key.into());
        self
    }

    /// Says and bills this many tokens for each call, so that each has the same price.
    ///
    /// Default: one token a word of the messages, and one a word of the answer.
    #[must_use]
    pub fn usage(mut self, prompt_tokens: u64, completion_tokens: u64) -> Self {
        self.setup.usage = Some((prompt_tokens, completion_tokens));
        self
    }

    /// Dates answers by this clock. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.setup.clock = clock;
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
    /// The production profile or the marks of a hosting platform, an address that is not loopback, a taken port (the text
    /// names it), or a system without sockets or runtime.
    pub async fn start(self) -> Result<DevModel, DevModelError> {
        let listener = dev_server::listen(NAME, &self.bind, self.profile).await?;
        let address = listener.local_addr().map_err(|error| {
            Failure::new(FailureKind::System, format!("the {NAME} has no address")).because(error)
        })?;
        let state = Arc::new(State::new(format!("http://{address}"), self.setup));
        let answering = Arc::clone(&state);
        let running =
            dev_server::run(listener, move |request| routes::answer(Arc::clone(&answering), request));
        Ok(DevModel { state, address, running })
    }
}

impl fmt::Debug for DevModelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevModelBuilder").field("bind", &self.bind).finish_non_exhaustive()
    }
}
