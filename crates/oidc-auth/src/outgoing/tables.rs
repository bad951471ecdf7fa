//! The tables of a file, of which one may have its subject or its actor from another.

use std::collections::BTreeMap;
use std::sync::Arc;

use gambeson_core::{
    Answer, ConfigError, ConfigProblems, Credential, CredentialError, CredentialErrorKind, CredentialSource,
    Profile, SecretResolver,
};

use super::config::OutgoingConfig;
use super::layer::TokenLayer;
use super::repeat::Resend;
use super::source::TokenSource;
use super::source_builder::TokenSourceBuilder;
use crate::issuer::Issuer;

/// What tables don't say.
pub(crate) struct World<'w> {
    pub(crate) issuer: Issuer,
    pub(crate) run_in: Profile,
    pub(crate) secrets: Option<&'w Arc<dyn SecretResolver>>,
    pub(crate) change: &'w dyn Fn(TokenSourceBuilder) -> TokenSourceBuilder,
}

/// All tables, and what was built of them: each source once, whoever uses it.
pub(crate) struct Tables<'w> {
    tables: &'w BTreeMap<String, OutgoingConfig>,
    world: World<'w>,
    built: BTreeMap<&'w str, Built>,
    problems: ConfigProblems,
}

enum Built {
    /// Somebody further out is being built of it.
    UnderWay,
    There(TokenSource),
    /// Its problems are noted.
    Wrong,
}

/// Stands for a source that can't be built: nothing is wrong with it.
#[derive(Debug)]
struct StandIn;

impl CredentialSource for StandIn {
    fn credential(&self) -> Answer<Result<Credential, CredentialError>> {
        Answer::Ready(Err(CredentialError::new(CredentialErrorKind::Unavailable)))
    }

    fn report_rejected(&self, _: &Credential) {}
}

fn stand_in() -> TokenSource {
    TokenSource::of(Arc::new(StandIn))
}

impl<'w> Tables<'w> {
    pub(crate) fn new(tables: &'w BTreeMap<String, OutgoingConfig>, world: World<'w>) -> Self {
        Self { tables, world, built: BTreeMap::new(), problems: ConfigProblems::new() }
    }

    /// The layer of this table.
    pub(crate) fn one(mut self, name: &str) -> Result<TokenLayer<Resend>, ConfigError> {
        let missing =
            || ConfigError::one(format!("outgoing.{name}"), "", "describe it: there is no such table");
        let (name, _) = self.tables.get_key_value(name).ok_or_else(missing)?;
        let layer = self.layer(name);
        self.problems.check()?;
        layer.ok_or_else(missing)
    }

    /// The layers of all tables. One without origins that others use has none.
    pub(crate) fn all(mut self) -> Result<BTreeMap<String, TokenLayer<Resend>>, ConfigError> {
        let mut layers = BTreeMap::new();
        for (name, table) in self.tables {
            if table.origins.is_empty() && self.is_used(name) {
                self.source(name);
            } else if let Some(layer) = self.layer(name) {
                layers.insert(name.clone(), layer);
            }
        }
        self.problems.into_result(layers)
    }

    fn is_used(&self, name: &str) -> bool {
        let named = |table: &OutgoingConfig| {
            [&table.subject, &table.actor].into_iter().any(|other| other.as_deref() == Some(name))
        };
        self.tables.values().any(named)
    }

    fn layer(&mut self, name: &'w str) -> Option<TokenLayer<Resend>> {
        let table = self.tables.get(name)?;
        let source = self.source(name);
        // What is wrong with the origins is told beside what is wrong with the source.
        let layer = table.layer(self.world.run_in, source.clone().unwrap_or_else(stand_in));
        self.noted(name, layer).filter(|_| source.is_some())
    }

    fn source(&mut self, name: &'w str) -> Option<TokenSource> {
        match self.built.get(name) {
            Some(Built::There(source)) => return Some(source.clone()),
            Some(Built::Wrong) => return None,
            Some(Built::UnderWay) => {
                let cure = "end the circle: this token would be exchanged for itself";
                self.problems.add(format!("outgoing.{name}"), "", cure);
                return None;
            }
            None => {}
        }
        let table = self.tables.get(name)?;
        self.built.insert(name, Built::UnderWay);
        let subject = self.other(name, "subject", table.subject.as_deref());
        let actor = self.other(name, "actor", table.actor.as_deref());
        let is_wrong = subject.is_err() || actor.is_err();
        // What is wrong with this table is told beside what is wrong with those.
        let any = |()| Some(stand_in());
        let source = table.source(&self.world, subject.unwrap_or_else(any), actor.unwrap_or_else(any));
        let source = self.noted(name, source).filter(|_| !is_wrong);
        self.built.insert(name, source.clone().map_or(Built::Wrong, Built::There));
        source
    }

    /// The source of the table that this one names; an error when it is noted why there is none.
    fn other(&mut self, name: &str, field: &str, other: Option<&str>) -> Result<Option<TokenSource>, ()> {
        let Some(other) = other else { return Ok(None) };
        match self.tables.get_key_value(other) {
            Some((other, _)) => self.source(other).map(Some).ok_or(()),
            None => {
                let cure = format!("name a table: there is no [outgoing.{other}]");
                self.problems.add(format!("outgoing.{name}.{field}"), other, cure);
                Err(())
            }
        }
    }

    /// Notes what is wrong under the names that the file has for it.
    fn noted<T>(&mut self, name: &str, result: Result<T, ConfigError>) -> Option<T> {
        let note = |error: ConfigError| {
            for problem in error.problems() {
                let field = match problem.field.strip_prefix("outgoing.") {
                    Some(field) => format!("outgoing.{name}.{field}"),
                    None => problem.field.clone(),
                };
                self.problems.add(field, &*problem.value, &*problem.cure);
            }
        };
        result.map_err(note).ok()
    }
}
