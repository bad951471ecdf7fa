//! A policy as it is written, with the place of each word.

use gambeson_core::Access;
use http::Method;

use super::claims::DeclaredClaims;
use super::constraints::{DeclaredBreakGlass, DeclaredDuty};
use super::services::DeclaredService;
use super::terms::Terms;
use crate::condition::{AttributeType, Comparison};
use crate::log_in::LogIn;
use crate::scope::Scope;
use crate::window::Window;

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
    pub(crate) duties: Vec<DeclaredDuty>,
    pub(crate) break_glass: Vec<DeclaredBreakGlass>,
}

#[derive(Debug)]
pub(crate) struct DeclaredPermission {
    pub(crate) name: At<String>,
    pub(crate) privileged: bool,
    pub(crate) strict: bool,
    /// How callers must be signed in.
    pub(crate) log_in: Option<LogIn>,
    /// What conditions may ask of its records.
    pub(crate) attributes: Vec<DeclaredAttribute>,
}

#[derive(Debug)]
pub(crate) struct DeclaredAttribute {
    pub(crate) name: Box<str>,
    pub(crate) kind: AttributeType,
}

#[derive(Debug)]
pub(crate) struct DeclaredRole {
    pub(crate) name: At<String>,
    pub(crate) grants: Vec<At<String>>,
    pub(crate) deny: Vec<At<String>>,
    pub(crate) inherits: Vec<At<String>>,
    /// Grants and denials that hold at times or for some records only.
    pub(crate) clauses: Vec<Clause>,
}

/// A grant or a denial that holds at times or for some records only.
#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) pattern: At<String>,
    pub(crate) effect: Effect,
    /// What the record must be like; `None`: it does not matter.
    pub(crate) when: Option<Vec<At<Comparison>>>,
    pub(crate) window: Window,
}

/// Which way a clause works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug)]
pub(crate) struct BusinessRole {
    pub(crate) name: At<String>,
    pub(crate) roles: Vec<At<String>>,
}

impl Document {
    /// Whether persons come from more than one issuer, so that a group or a subject alone names nobody.
    pub(crate) fn has_several_issuers(&self) -> bool {
        let mut issuers = self.claims.iter().flatten().map(|claims| &claims.issuer.value);
        let first = issuers.next();
        issuers.any(|other| Some(other) != first)
    }
}

#[derive(Debug)]
pub(crate) struct DeclaredRoute {
    pub(crate) at: usize,
    pub(crate) method: Method,
    pub(crate) template: String,
    pub(crate) access: Access,
    pub(crate) terms: Terms,
    pub(crate) scope: Scope,
}

#[derive(Debug)]
pub(crate) struct DeclaredTest {
    pub(crate) at: usize,
    pub(crate) roles: Vec<At<String>>,
    pub(crate) action: At<String>,
    pub(crate) allowed: bool,
}
