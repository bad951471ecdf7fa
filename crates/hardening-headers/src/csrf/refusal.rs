//! What is said to whom about a cross-site request.

use std::fmt;

use gambeson_core::{Profile, Rejection, RejectionClass};
use http::StatusCode;

use super::check::{CrossSite, Why};
use crate::PACKAGE;

const SETTING: &str = "hardening-headers.csrf.trusted-origins (Csrf::trust)";

impl CrossSite {
    /// The refusal. In development it says what a developer needs to know; in production the log does.
    pub(crate) fn rejection(&self, profile: Profile) -> Rejection {
        let refusal =
            Rejection::new(PACKAGE, RejectionClass::Permission, "cross-site", StatusCode::FORBIDDEN);
        match profile.is_production() {
            true => refusal.detail("the request comes from another site"),
            false => refusal.detail(self.to_string()),
        }
    }
}

impl fmt::Display for CrossSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.why)?;
        match self.disguise {
            Some(disguise) => write!(f, "; what makes it a request that may change something: {disguise}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site { site, origin: Some(origin) } => write!(
                f,
                "Sec-Fetch-Site is {site:?}, expected \"same-origin\": the request comes from {origin:?}; \
                 if that page is yours, add its origin to {SETTING}"
            ),
            Self::Site { site, origin: None } => write!(
                f,
                "Sec-Fetch-Site is {site:?}, expected \"same-origin\": another site's page sent it, with no Origin that could be \
                 trusted; take the parts of your own app by links and forms of its pages, or exempt the path: \
                 hardening-headers.csrf.exempt"
            ),
            Self::Origin { origin, expected } => write!(
                f,
                "Origin is {origin:?}, expected {expected:?}; if that page is yours, add its origin to {SETTING}, \
                 or say under which origin people see this app: hardening-headers.public-origin"
            ),
            Self::Twice(field) => {
                write!(f, "{field} is there more than once, expected once: no browser sends that")
            }
        }
    }
}
