//! A policy as it is written, with the place of each word.

use gambeson_core::Access;
use http::Method;

use super::claims::DeclaredClaims;
use super::services::DeclaredService;
use super::terms::Terms;
use crate::log_in::LogIn;

/// A word and the byte at which it starts.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

impl<T> At<T> {
    pub(crate) fn new(value: T, at: usize) -> Self {
        Self { value, at }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) permissions: Vec<DeclaredPermission>,
    pub(crate) roles: Vec<DeclaredRole>,
    pub(crate) business_roles: Vec<BusinessRole>,
    /// `None`: there is no `[claims]`.
    pub(crate) claims: Option<Vec<DeclaredClaims>>,
    /// `None`: there is no `[services]`.
    pub(crate) services: Option<Vec<DeclaredService>>,
    pub(crate) routes: Vec<DeclaredRoute>,
    pub(crate) fallback: Option<At<Access>>,
    pub(crate) fallback_terms: Terms,
    /// Whether what is forbidden is hidden, where a route does not say it.
    pub(crate) hides: bool,
    pub(crate) tests: Vec<DeclaredTest>,
}

#[derive(Debug)]
pub(crate) struct DeclaredPermission {
    pub(crate) name: At<String>,
    pub(crate) privileged: bool,
    pub(crate) strict: bool,
    /// How callers must be signed in.
    pub(crate) log_in: Option<LogIn>,
}

#[derive(Debug)]
pub(crate) struct DeclaredRole {
    pub(crate) name: At<String>,
    pub(crate) grants: Vec<At<String>>,
    pub(crate) deny: Vec<At<String>>,
    pub(crate) inherits: Vec<At<String>>,
}

#[derive(Debug)]
pub(crate) struct BusinessRole {
    pub(crate) name: At<String>,
    pub(crate) roles: Vec<At<String>>,
}

#[derive(Debug)]
pub(crate) struct DeclaredRoute {
    pub(crate) at: usize,
    pub(crate) method: Method,
    pub(crate) template: String,
    pub(crate) access: Access,
    pub(crate) terms: Terms,
}

#[derive(Debug)]
pub(crate) struct DeclaredTest {
    pub(crate) at: usize,
    pub(crate) roles: Vec<At<String>>,
    pub(crate) action: At<String>,
    pub(crate) allowed: bool,
}
