//! Which texts of an event are kept how.

use std::sync::Arc;

use gambeson_core::{RequestContext, Subject, Timestamp, json_string};

use crate::config::{Config, PersonalData};
use crate::error::{TrailError, TrailErrorKind};
use crate::keys::{FieldKeys, plain};
use crate::unsealed::{Party, Unsealed};

/// How a trail keeps data about people, decided once when it is opened.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    way: Way,
    details: Arc<[String]>,
}

#[derive(Debug, Clone)]
enum Way {
    Plain,
    Hmac(FieldKeys),
    Sealed(FieldKeys),
}

impl Fields {
    /// What the configuration asks for, with the keys that there are.
    pub(crate) fn new(config: &Config, keys: Option<&FieldKeys>) -> Result<Self, TrailError> {
        let missing = |what: &str| {
            let detail = format!(
                "audit_trail.personal_data = {:?} needs {what}: give `TrailBuilder::keys`, or set \"plain\"",
                config.personal_data.as_str()
            );
            TrailError::new(TrailErrorKind::Keys, detail)
        };
        let way = match (config.personal_data, keys.cloned()) {
            (PersonalData::Plain, _) | (PersonalData::AsKeyed, None) => Way::Plain,
            (PersonalData::AsKeyed | PersonalData::Sealed, Some(keys)) if keys.can_seal() => {
                Way::Sealed(keys)
            }
            (PersonalData::AsKeyed | PersonalData::Hmac, Some(keys)) => Way::Hmac(keys),
            (PersonalData::Sealed, Some(_)) => return Err(missing("a store of subjects' keys")),
            (PersonalData::Hmac, None) => return Err(missing("a secret")),
            (PersonalData::Sealed, None) => return Err(missing("a secret and a store of subjects' keys")),
        };
        Ok(Self { way, details: config.about_people().map(String::from).collect() })
    }

    /// What covers the texts of an event that are about people.
    pub(crate) fn veil(&self, context: &RequestContext, now: impl FnOnce() -> Timestamp) -> Veil<'_> {
        let cover = match &self.way {
            Way::Plain => Cover::Plain,
            Way::Hmac(keys) => Cover::Hmac(keys),
            Way::Sealed(keys) => {
                let tag = |subject: Option<&Subject>| keys.tag(subject.map(|of| (&*of.issuer, &*of.name)));
                let (subject, actor) = (tag(context.subject.as_ref()), tag(context.actor.as_ref()));
                Cover::Sealed(Box::new(Unsealed::new(keys.clone(), now(), subject, actor)))
            }
        };
        Veil { details: &self.details, cover }
    }
}

/// Covers the texts of one event that are about people.
pub(crate) struct Veil<'a> {
    details: &'a [String],
    cover: Cover<'a>,
}

enum Cover<'a> {
    Plain,
    Hmac(&'a FieldKeys),
    Sealed(Box<Unsealed>),
}

impl Veil<'_> {
    /// Writes a text about a person, as JSON, as it may stand in the file; or leaves its place to the writer, who seals it.
    pub(crate) fn person(&mut self, out: &mut String, party: Party, field: &'static str, text: &str) {
        match &mut self.cover {
            Cover::Plain => json_string(out, &plain(text)),
            Cover::Hmac(keys) => json_string(out, &keys.hmac(field, text)),
            Cover::Sealed(unsealed) => {
                out.push('"');
                unsealed.push(out.len(), party, field, text);
                out.push('"');
            }
        }
    }

    /// A detail: about a person if the configuration says so.
    pub(crate) fn detail(&mut self, out: &mut String, name: &'static str, text: &str) {
        if self.details.iter().any(|personal| personal == name) {
            self.person(out, Party::Subject, name, text);
        } else {
            json_string(out, &plain(text));
        }
    }

    /// What is left to the writer, if anything is.
    pub(crate) fn unsealed(self) -> Option<Box<Unsealed>> {
        match self.cover {
            Cover::Sealed(unsealed) if !unsealed.is_empty() => Some(unsealed),
            _ => None,
        }
    }
}
