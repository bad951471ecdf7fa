//! Production, unless development is asked for by name.

use std::net::SocketAddr;

use crate::word::{named, plain_error};

named! {
    /// Which shortcuts an app may take. Production is the default everywhere.
    #[derive(Default)]
    pub enum Profile {
        /// No shortcuts.
        #[default]
        Production = "production",
        /// A developer's own machine: plain http on loopback, a dev identity provider, stores in memory.
        Development = "development",
    }
}

const VARIABLE: &str = "GAMBESON_PROFILE";

/// Variables that a hosting platform sets; development is refused where one of them is present.
const HOSTED: [&str; 8] = [
    "KUBERNETES_SERVICE_HOST",
    "AWS_LAMBDA_RUNTIME_API",
    "ECS_CONTAINER_METADATA_URI_V4",
    "K_SERVICE",
    "FLY_APP_NAME",
    "WEBSITE_INSTANCE_ID",
    "DYNO",
    "RENDER_SERVICE_ID",
];

impl Profile {
    /// The variable that names the profile.
    pub const VARIABLE: &'static str = VARIABLE;

    /// The profile that this process's environment asks for.
    ///
    /// # Errors
    /// As [`Profile::from_lookup`].
    pub fn from_env() -> Result<Self, ProfileError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// The profile that `GAMBESON_PROFILE` asks for; production when it is not set.
    ///
    /// # Errors
    /// An unknown word, or development on a hosting platform.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ProfileError> {
        match lookup(VARIABLE).as_deref() {
            None | Some("" | "production") => Ok(Self::Production),
            Some("development") => Self::development(lookup),
            Some(other) => {
                Err(ProfileError(format!("{VARIABLE} is {other:?}: write \"production\" or \"development\"")))
            }
        }
    }

    /// Development, asked for by code.
    ///
    /// # Errors
    /// The environment carries the mark of a hosting platform.
    pub fn development(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ProfileError> {
        match HOSTED.iter().find(|name| lookup(name).is_some()) {
            None => Ok(Self::Development),
            Some(mark) => Err(ProfileError(format!(
                "the development profile was asked for, but {mark} says that this is a hosting platform: \
                 set {VARIABLE}=production"
            ))),
        }
    }

    /// Whether a listener may be bound there: development stays on loopback.
    ///
    /// # Errors
    /// Development and an address that others can reach.
    pub fn check_bind(self, address: SocketAddr) -> Result<(), ProfileError> {
        match self {
            Self::Development if !address.ip().is_loopback() => Err(ProfileError(format!(
                "the development profile does not listen on {address}: bind 127.0.0.1, or set {VARIABLE}=production"
            ))),
            _ => Ok(()),
        }
    }

    /// Whether this is [`Profile::Production`].
    pub const fn is_production(self) -> bool {
        matches!(self, Self::Production)
    }
}

/// The profile asked for is not to be had here; the text says why and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError(String);

plain_error!(ProfileError, |error| &error.0);
