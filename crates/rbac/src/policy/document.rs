//! A policy as it is written, with the place of each word.

use gambeson_core::{Access, Timestamp};
use http::Method;

use super::claims::DeclaredClaims;
use super::constraints::{DeclaredBreakGlass, DeclaredDuty};
use super::services::DeclaredService;
use super::terms::Terms;
use crate::condition::{AttributeType, Comparison};
use crate::decision::Decision;
use crate::log_in::LogIn;
use crate::past_record::PastRecord;
use crate::scope::Scope;
use crate::table::RouteTable;
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
        let of_persons = self.claims.iter().flatten().filter(|claims| claims.of_persons);
        let mut issuers = of_persons.map(|claims| &claims.issuer.value);
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

impl DeclaredRoute {
    /// As the policy writes it.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

impl DeclaredTest {
    /// The permission that it is about; `None`: its route is public, or there is no such route.
    pub(crate) fn permission<'a>(&'a self, table: &'a RouteTable) -> Option<&'a str> {
        match self.action.value.split_once(' ') {
            None => Some(&self.action.value),
            Some((method, template)) => match &table.rule_named(method, template)?.access {
                Access::Permission(name) => Some(name),
                _ => None,
            },
        }
    }

    /// Whether it is about a public route.
    pub(crate) fn is_public(&self, table: &RouteTable) -> bool {
        let route = self.action.value.split_once(' ');
        route
            .and_then(|(method, template)| table.rule_named(method, template))
            .is_some_and(|rule| rule.is_public())
    }
}

#[derive(Debug)]
pub(crate) struct DeclaredTest {
    pub(crate) at: usize,
    pub(crate) roles: Vec<At<String>>,
    pub(crate) action: At<String>,
    /// The record that is acted upon, if the row is about one.
    pub(crate) record: Option<At<PastRecord>>,
    /// When; `None`: at any time.
    pub(crate) when: Option<Timestamp>,
    pub(crate) expected: Decision,
}
